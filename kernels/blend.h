/* Rows at places that differ from batch to batch, weighted and added up: what sampling at the points of a grid rests
 * on. Points are in the last axis of places and weights, (taps, N, P), so that each tap's are made in vectors. */
#pragma once
#include <stdint.h>

/* y[p] = the sum over t of w[t * step + p] * x[places[t * step + p]], for rows of C elements. A place
 * of -1 is none. */
#define BLEND_PARAMETERS \
    (const void* x_, const int32_t* places, const void* w_, void* y_, int64_t P, int64_t taps, int64_t step, int64_t C)
/* Its gradients: x[places] += w * g[p], and w = the dot product of g[p] and x[places], or 0. */
#define BLEND_GRAD_PARAMETERS \
    (const void* g_, const int32_t* places, const void* w_, void* gx_, int64_t P, int64_t taps, int64_t step, int64_t C)
#define BLEND_DOTS_PARAMETERS \
    (const void* g_, const int32_t* places, const void* x_, void* gw_, int64_t P, int64_t taps, int64_t step, int64_t C)
/* places = before * size + at, where the whole numbers `at` are moved into [0, size) (NaN: 0); inside = whether they
 * were there already, as 1 or 0. */
#define GRID_PLACES_PARAMETERS \
    (const void* at_, const int32_t* before, int64_t size, int32_t* places, void* inside_, int64_t n)

#define BLEND_KERNELS(X)                 \
    X(blend, BLEND_PARAMETERS)           \
    X(blend_grad, BLEND_GRAD_PARAMETERS) \
    X(blend_dots, BLEND_DOTS_PARAMETERS) \
    X(grid_places, GRID_PLACES_PARAMETERS)

/* x (N, M, C), places and w (taps, N, P), y (N, P, C). blend_grad gives an x, blend_dots a w. */
typedef struct {
    int64_t N, M, C, P, taps;
    const int32_t* places;
} blend_shape;
void blend(int dtype, const blend_shape* s, const void* x, const void* w, void* y);
void blend_grad(int dtype, const blend_shape* s, const void* g, const void* w, void* gx);
void blend_dots(int dtype, const blend_shape* s, const void* g, const void* x, void* gw);
