/* Batch and layer normalisation.
 *
 * A batch is cut into pieces that hold all channels: rows of channels-last memory ("column" kernels), or one
 * contiguous image (C, H*W) each ("row" kernels). Both families take (rows, cols) and per-channel vectors,
 * so the drivers are the same. Statistics leave a piece in double and are joined in order. */
#pragma once
#include <stdint.h>

#define MOMENTS_PARAMETERS (const void* x_, int64_t rows, int64_t cols, double* mean, double* m2)
#define NORMALIZE_PARAMETERS \
    (const void* x_, void* out_, int64_t rows, int64_t cols, const void* mean_, const void* scale_, const void* shift_)
#define NORM_SUMS_PARAMETERS \
    (const void* g_, const void* x_, int64_t rows, int64_t cols, const void* mean_, double* sum_g, double* sum_gx)
/* gx = a g + b (x - mean) + c */
#define NORM_GRAD_PARAMETERS                                                                                   \
    (const void* g_, const void* x_, void* gx_, int64_t rows, int64_t cols, const void* mean_, const void* a_, \
     const void* b_, const void* c_)
#define LAYER_NORM_PARAMETERS                                                                                         \
    (const void* x_, void* out_, int64_t rows, int64_t cols, const void* w_, const void* b_, double eps, void* mean_, \
     void* rstd_)
/* gw_ and gb_ gain this block's share. */
#define LAYER_NORM_GRAD_PARAMETERS                                                                             \
    (const void* g_, const void* x_, void* gx_, int64_t rows, int64_t cols, const void* w_, const void* mean_, \
     const void* rstd_, void* gw_, void* gb_)
typedef void(*moments_kernel) MOMENTS_PARAMETERS;
typedef void(*normalize_kernel) NORMALIZE_PARAMETERS;
typedef void(*norm_sums_kernel) NORM_SUMS_PARAMETERS;
typedef void(*norm_grad_kernel) NORM_GRAD_PARAMETERS;

#define NORM_KERNELS(X)                       \
    X(row_moments, MOMENTS_PARAMETERS)        \
    X(column_moments, MOMENTS_PARAMETERS)     \
    X(row_normalize, NORMALIZE_PARAMETERS)    \
    X(column_normalize, NORMALIZE_PARAMETERS) \
    X(row_norm_sums, NORM_SUMS_PARAMETERS)    \
    X(column_norm_sums, NORM_SUMS_PARAMETERS) \
    X(row_norm_grad, NORM_GRAD_PARAMETERS)    \
    X(column_norm_grad, NORM_GRAD_PARAMETERS) \
    X(layer_norm, LAYER_NORM_PARAMETERS)      \
    X(layer_norm_grad, LAYER_NORM_GRAD_PARAMETERS)

/* x is (N, C, inner) contiguous, or with inner = 1 (N, C): channels-last memory is the latter with N = N*H*W. */
typedef struct {
    int dtype;
    int64_t N, C, inner;
} norm_shape;

/* All return -1 if scratch memory ran out. w and b may be null. var: biased, in double, C values. */
int batch_norm_train(norm_shape s, const void* x, const void* w, const void* b, double eps, void* y, void* mean,
                     void* rstd, double* var);
int batch_norm_eval(norm_shape s, const void* x, const void* w, const void* b, const void* mean, const void* var,
                    double eps, void* y);
int batch_norm_grad(norm_shape s, const void* g, const void* x, const void* w, const void* mean, const void* rstd,
                    void* gx, void* gw, void* gb);

/* N rows of C features. */
void layer_norm(norm_shape s, const void* x, const void* w, const void* b, double eps, void* y, void* mean, void* rstd);
int layer_norm_grad(norm_shape s, const void* g, const void* x, const void* w, const void* mean, const void* rstd,
                    void* gx, void* gw, void* gb);
