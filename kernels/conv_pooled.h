/* The weight gradient of a convolution from that of a maximum over windows of its result, which is all zeros but for
 * one output in each window: sums over those, without making the rest. */
#pragma once
#include <stdint.h>

#include "conv.h"
#include "pool.h"

/* What a maximum's gradient is made of: [n][P][Q][k] gradients and, as integers as wide, where each belongs among the
 * outputs of an image, -1: nowhere. */
typedef struct {
    const pool_shape* shape;
    const void *g, *places;
} pooled_gradient;

/* Whether this is better than making all outputs' gradients; and gw [k][c][r][s], gb [k]. 0, or -1 when out of memory.
 */
int conv_pooled_fits(const struct kernel_table* t, const conv_geometry* forward, const pool_shape* pool);
int conv_pooled_grad_w(const struct kernel_table* t, const conv_geometry* forward, const pooled_gradient* from,
                       const void* x, void* gw, void* gb);

/* Adds to sums [k][rows][vectors], of each channel, `count` values times the vectors of inputs that lie from
 * offsets[place] on, in rows `row` elements apart. Values and places are `pitch` elements apart. */
typedef struct {
    int64_t count, k, pitch, rows, row, vectors;
    const void *values, *places, *x;
    const int32_t* offsets; /* [-1]: of what belongs nowhere */
    void* sums;
} conv_pooled_dots_args;

/* g [count][k] and places in [first, last), moved by `shift`, but 0 and -1 for others, as whole vectors `pitch`
 * elements apart; adds these to totals [pitch]. */
#define CONV_POOLED_SORT_PARAMETERS                                                                             \
    (const void* g_, const void* places_, int64_t count, int64_t k, int64_t first, int64_t last, int64_t shift, \
     void* values_, void* found_, int64_t pitch, void* totals_)

#define CONV_POOLED_KERNELS(X)                            \
    X(conv_pooled_dots, (const conv_pooled_dots_args* a)) \
    X(conv_pooled_sort, CONV_POOLED_SORT_PARAMETERS)      \
    X(conv_pooled_unpack, (const void* sums_, int64_t vectors, int64_t k, int64_t c, int64_t r, int64_t s, void* gw_))
