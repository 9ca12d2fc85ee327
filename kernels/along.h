/* Along an axis: running sums and products, gated halves, order. Arrays are seen as (outer, count, inner), as in
 * reduce.h; rows are contiguous lines. */
#pragma once
#include <stdint.h>

#include "elementwise.h"

/* out[row, i] = x[row, 0] + (or *) ... + x[row, i], from the end if `reverse`. */
#define RUNNING_PARAMETERS (const void* x_, void* out_, int64_t rows, int64_t count, int reverse)
/* out[row] = a * sigmoid(b) for the halves a and b of x[row], `half` elements each. */
#define GLU_PARAMETERS (const void* x_, void* out_, int64_t rows, int64_t half)
#define GLU_GRAD_PARAMETERS (const void* g_, const void* x_, void* gx_, int64_t rows, int64_t half)
/* The places of the `first` smallest elements (largest if `descending`) of one row, in order. Of equal ones the first
 * comes first; NaN counts as largest. scratch: 16 bytes per element for float, 32 for double. */
#define ORDER_PARAMETERS (const void* x_, int64_t count, int descending, int64_t first, int64_t* out, void* scratch)
/* out[p] = the sum over t of w[p, t] * x[places[p, t]], for rows of `inner` elements. w null: places holds P pairs
 * (place, length), the runs of rows that are copied one after another, and taps is 2; or it is 1, for rows of one
 * element, each with a place. The gradient adds the other way. */
#define RESAMPLE_PARAMETERS \
    (const void* x_, const int64_t* places, const void* w_, void* out_, int64_t P, int64_t taps, int64_t inner)
typedef void(*resample_kernel) RESAMPLE_PARAMETERS;
typedef void(*running_kernel) RUNNING_PARAMETERS;
typedef void(*glu_kernel) GLU_PARAMETERS;
typedef void(*glu_grad_kernel) GLU_GRAD_PARAMETERS;

#define ALONG_KERNELS(X)                   \
    X(running_sum, RUNNING_PARAMETERS)     \
    X(running_product, RUNNING_PARAMETERS) \
    X(glu, GLU_PARAMETERS)                 \
    X(glu_grad, GLU_GRAD_PARAMETERS)       \
    X(order, ORDER_PARAMETERS)             \
    X(order_few, ORDER_PARAMETERS)         \
    X(resample, RESAMPLE_PARAMETERS)       \
    X(resample_grad, RESAMPLE_PARAMETERS)

/* Drivers: lines, or strips of columns, in threads. */
void along_running(int dtype, int product, const void* x, void* out, int64_t outer, int64_t count, int64_t inner,
                   int reverse);
void along_glu(int dtype, const void* x, void* out, int64_t rows, int64_t half);
void along_glu_grad(int dtype, const void* g, const void* x, void* gx, int64_t rows, int64_t half);

/* Returns -1 if scratch memory ran out. */
int along_order(int dtype, const void* x, int64_t rows, int64_t count, int descending, int64_t first, int64_t* out);

/* out[o, m, i] = x[o, ids[o, m, i], i] for elements of 4 or 8 bytes, and out[o, ids[o, m, i], i] += y[o, m, i]; `picks`
 * is the size of ids along the axis. */
void along_take(int size, const void* x, const int64_t* ids, void* out, int64_t outer, int64_t count, int64_t picks,
                int64_t inner);
void along_add(int dtype, void* out, const int64_t* ids, const void* y, int64_t outer, int64_t count, int64_t picks,
               int64_t inner);

/* x (outer, count, inner) at P places (one tap: in `runs` runs of such as follow each other), and the gradient for x of
 * g (outer, P, inner). */
void along_resample(int dtype, const void* x, const int64_t* places, const void* w, void* out, int64_t outer,
                    int64_t count, int64_t P, int64_t runs, int64_t taps, int64_t inner);
void along_resample_grad(int dtype, const void* g, const int64_t* places, const void* w, void* gx, int64_t outer,
                         int64_t count, int64_t P, int64_t runs, int64_t taps, int64_t inner);
