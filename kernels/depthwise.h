/* Depthwise convolution: every channel on its own, or in groups of 2, 4 or 8 that fit in a vector; vectors run over
 * channels. */
#pragma once
#include <stdint.h>

#include "norm.h"

/* A run of output pixels and their taps [0, r) x [0, s). Where inputs and pixels are 1 or 2 columns apart, taps may lie
 * beside the input: tap 0 of pixel 0 is at column `first` of `columns`. Strides in elements. */
typedef struct {
    int64_t q, c, r, s, first, columns, group;
    const void *x, *w, *bias; /* input at tap (0, 0) of the first pixel; weight [r][s][group][c]; bias or NULL */
    void* y;
    int64_t x_r, x_s, x_q, w_r, w_s, y_q;
    int relu;
} depthwise_row_args;

/* What lies in memory, and no cache holds: the input, the gradient, the result. */
enum { FAR_X = 1, FAR_G = 2, FAR_Y = 4 };

/* A whole row of output pixels of a 3x3 kernel, borders included. Strides in elements. */
typedef struct {
    int64_t q, c, columns, first; /* first: the column of the input that tap (0, 0) of pixel 0 meets; may lie outside */
    const void *x[3], *w, *bias;  /* rows of the input from column 0 on, NULL outside; weight; bias or NULL */
    void* y;
    int64_t step, w_r, w_s, y_q; /* step: columns from pixel to pixel, 1 or 2 */
    int64_t x_next, y_next;      /* from a row to the next one, to be fetched from memory; 0: it is in a cache */
    int relu;
    const norm_application* norm; /* or NULL */
} depthwise_3x3_args;

/* Two rows of the input gradient of a 3x3 kernel of stride 2. Columns first + 2 j and the next one are sums over g's
 * columns j and j - 1. */
typedef struct {
    int64_t q, c, columns, first, begin, end; /* columns of g and of the result; j runs over [begin, end) */
    const void *g[2], *w, *zeros;             /* rows i and i - 1 of g, NULL outside; weight; c zeros */
    void* y[2];                               /* NULL outside */
} depthwise_grad_3x3_args;

/* What one row of g adds to the weight gradient of 3x3 kernels: out[r][s][c] += sum over q of x * g. */
typedef struct {
    int64_t q, c, columns, first; /* first: the input column of the first output's first tap */
    const void *x[3], *g;         /* x: NULL for a row of the padding */
    void* out;
    int64_t step, x_next, g_next; /* as above */
    const norm_application* norm; /* or NULL */
} depthwise_3x3_grad_w_args;

/* One kernel row of the weight gradient over a block of rows: out[s][group][c] += sum over p, q of x * g. */
typedef struct {
    int64_t p, q, c, s, group;
    const void *x, *g;
    void* out;
    int64_t x_p, x_q, x_s, g_p, g_q;
} depthwise_grad_w_args;

#define DEPTHWISE_KERNELS(X)                                  \
    X(depthwise_row, (const depthwise_row_args* a))           \
    X(depthwise_3x3, (const depthwise_3x3_args* a))           \
    X(depthwise_grad_3x3, (const depthwise_grad_3x3_args* a)) \
    X(depthwise_grad_w, (const depthwise_grad_w_args* a))     \
    X(depthwise_3x3_grad_w, (const depthwise_3x3_grad_w_args* a))
