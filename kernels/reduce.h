/* Sums. Whatever is reduced is seen as (outer, count, inner): the middle axis goes, inner = 1 means rows. */
#pragma once
#include <stdint.h>

#define SUM_PARAMETERS (const void* x_, int64_t rows, int64_t cols, void* out_)

#define REDUCE_KERNELS(X)            \
    X(row_sums, SUM_PARAMETERS)      \
    X(column_sums, SUM_PARAMETERS)   \
    X(row_maxima, SUM_PARAMETERS)    \
    X(column_maxima, SUM_PARAMETERS) \
    X(row_minima, SUM_PARAMETERS)    \
    X(column_minima, SUM_PARAMETERS) \
    X(row_products, SUM_PARAMETERS)  \
    X(column_products, SUM_PARAMETERS)

enum { REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PRODUCT };

/* out (outer, inner) = sum (or the like) over the middle of x (outer, count, inner). Returns -1 if scratch memory ran
 * out. Chunks and the tree that joins them depend on the sizes alone, so the bits do not depend on threads. */
int reduce_middle(int dtype, int how, const void* x, int64_t outer, int64_t count, int64_t inner, void* out);

static inline int reduce_sum(int dtype, const void* x, int64_t outer, int64_t count, int64_t inner, void* out) {
    return reduce_middle(dtype, REDUCE_SUM, x, outer, count, inner, out);
}

/* out (n, cols) = 0, then out[ids[i]] += x[i] for rows of cols elements, in order; ids are in [0, n). */
void reduce_add_rows(int dtype, const void* x, const int64_t* ids, int64_t rows, int64_t cols, void* out, int64_t n);
