/* 2-D pooling over channels-last memory (N, H, W, C). */
#pragma once
#include <stdint.h>

#include "norm.h"

typedef struct {
    int64_t N, C, H, W, P, Q;
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int64_t divisor;              /* of avg_pool; 0: the window's size */
    int64_t count_pad;            /* whether padding counts in the window's size */
    int64_t relu;                 /* of a maximum; where it is 0, the index is -1 */
    const norm_application* norm; /* of what a maximum reads, or NULL */
    norm_tally* tally;            /* of a maximum's gradient, or NULL */
} pool_shape;

/* The side of a square window of 2 or 3, whose loops are unrolled; else 0. */
static inline int pool_small_square(const pool_shape* s) {
    int64_t side = s->kernel[0];
    return side == s->kernel[1] && (side == 2 || side == 3) ? (int)side : 0;
}

/* Rows [first, last) of the outputs, for gradients of the inputs, counted through all images; or one image's channels
 * [c0, c1). Indices are h * W + w, in integers as wide as T; -1: none. */
#define MAX_POOL_PARAMETERS (const pool_shape* s_, const void* x_, void* y_, void* index_, int64_t first, int64_t last)
#define AVG_POOL_PARAMETERS (const pool_shape* s_, const void* x_, void* y_, int64_t first, int64_t last)
#define MAX_POOL_GRAD_PARAMETERS \
    (const pool_shape* s_, const void* g_, const void* index_, void* gx_, int64_t first, int64_t last)
#define AVG_POOL_GRAD_PARAMETERS (const pool_shape* s_, const void* g_, void* gx_, int64_t first, int64_t last)
#define MAX_POOL_SCATTER_PARAMETERS \
    (const pool_shape* s, const void* g_, const void* index_, void* gx_, int64_t n, int64_t c0, int64_t c1)

#define MAX_POOL_POSITIVE_PARAMETERS (const pool_shape* s, const void* y_, const void* index_, void* found_, int64_t n)

#define POOL_KERNELS(X)                                \
    X(max_pool, MAX_POOL_PARAMETERS)                   \
    X(max_pool_grad, MAX_POOL_GRAD_PARAMETERS)         \
    X(max_pool_positive, MAX_POOL_POSITIVE_PARAMETERS) \
    X(max_pool_scatter, MAX_POOL_SCATTER_PARAMETERS)   \
    X(avg_pool, AVG_POOL_PARAMETERS)                   \
    X(avg_pool_grad, AVG_POOL_GRAD_PARAMETERS)

/* The part of window `i` along one axis that lies inside [0, size): taps [first, last) from `start`. */
typedef struct {
    int64_t start, first, last;
} pool_window;
static inline pool_window pool_window_at(int64_t i, int64_t size, int64_t kernel, int64_t stride, int64_t padding,
                                         int64_t dilation) {
    pool_window w = {.start = i * stride - padding, .first = 0, .last = kernel};
    int64_t before = w.start < 0 ? -w.start : 0, inside = size - w.start > 0 ? size - w.start : 0;
    if (dilation != 1) { /* divisions cost more than a small window */
        before = (before + dilation - 1) / dilation;
        inside = (inside + dilation - 1) / dilation;
    }
    w.first = before;
    if (w.last > inside) w.last = inside;
    if (w.last < w.first) w.last = w.first;
    return w;
}

/* The windows [first, last) that reach pixel i, when called for i = 0, 1, ... in turn from {0, 0}. */
typedef struct {
    int64_t first, last;
} pool_reach;
static inline void pool_advance(pool_reach* r, int64_t i, int64_t windows, int64_t kernel, int64_t stride,
                                int64_t padding, int64_t dilation) {
    while (r->first < windows && r->first * stride - padding + (kernel - 1) * dilation < i) r->first++;
    while (r->last < windows && r->last * stride - padding <= i) r->last++;
}

/* Whether a maximum is to normalise what it reads, which another would else do in a pass before. */
int pool_normalizes(int dtype, const pool_shape* s);
void pool_max(int dtype, const pool_shape* s, const void* x, void* y, void* index);
/* Without the window's attributes (kernel 0) gradients are scattered one by one. */
void pool_max_grad(int dtype, const pool_shape* s, const void* g, const void* index, void* gx);
/* The places [n][P][Q][C] at which y [n][H][W][C] is positive, -1 for the others. */
void pool_max_positive(int dtype, const pool_shape* s, const void* y, const void* index, void* found);
void pool_avg(int dtype, const pool_shape* s, const void* x, void* y);
void pool_avg_grad(int dtype, const pool_shape* s, const void* g, void* gx);
