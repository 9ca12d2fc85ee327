/* Batch, layer and group normalisation.
 *
 * Batch norm takes rows of channels, as they lie in channels-last memory. It reads x once for the statistics and once
 * to apply them, with a residual and ReLU on the way; its gradient reads all that it needs twice. Sums leave a piece of
 * the rows in T and are joined in double, in order. */
#pragma once
#include <stdint.h>

/* What follows the normalisation: nothing, max(y, 0), or min(max(y, 0), 6), which takes no residual. */
enum { NO_RELU, RELU, RELU6 = 6 };

/* What is summed: d = x - mean, or g, or g where ReLU or ReLU6 let it pass, told by x or by ReLU's result. */
enum { SUM_X, SUM_G, SUM_G_BY_X, SUM_G_BY_X6, SUM_G_BY_OUT };

/* sum1[c] = sum of v, sum2[c] = sum of v d over the rows; v as above. SUM_G_BY_OUT also stores v. Rows of g lie at a
 * pitch, in elements. near: a cache holds all that is read. */
#define NORM_SUMS_PARAMETERS                                                                                        \
    (int mode, int near, const void* g_, int64_t g_pitch, const void* x_, const void* out_, void* v_, int64_t rows, \
     int64_t cols, const void* mean_, const void* scale_, const void* shift_, void* sum1_, void* sum2_)
/* Whether a cache may hold so many bytes: L3, if nothing else. */
static inline int norm_near(int64_t bytes) { return bytes <= (4 << 20); }
/* A vector near the rows' mean: that of some of them. */
#define NORM_PIVOT_PARAMETERS (const void* x_, int64_t rows, int64_t cols, void* pivot_)
/* sums[c] = the sum, in double and in order, of the `rows` rows at this pitch in T. */
#define NORM_TOTALS_PARAMETERS (const void* rows_, int64_t rows, int64_t pitch, int64_t cols, double* sums)
/* Adds to sums (2, cols), in double and in order, what so many rows of pivots and of sums of d and d^2, each of n d's,
 * d = x - pivot, say about x - first and its square. */
#define NORM_JOIN_PARAMETERS                                                                                    \
    (const void* first_, const void* pivots_, const void* sum1_, const void* sum2_, int64_t rows, int64_t cols, \
     double n, double* sums)
/* out = relu((x - mean) scale + shift + residual), or without ReLU or with ReLU6; the residual may be null. Rows of out
 * lie at a pitch, in elements. */
#define NORMALIZE_PARAMETERS                                                                           \
    (const void* x_, const void* residual_, void* out_, int64_t out_pitch, int64_t rows, int64_t cols, \
     const void* mean_, const void* scale_, const void* shift_, int relu)
/* gx = a v + b (x - mean) + c; v is g, where ReLU let it pass if there was one. */
#define NORM_GRAD_PARAMETERS                                                                                    \
    (const void* g_, int64_t g_pitch, const void* x_, void* gx_, int64_t rows, int64_t cols, const void* mean_, \
     const void* scale_, const void* shift_, const void* a_, const void* b_, const void* c_, int relu)
#define LAYER_NORM_PARAMETERS                                                                                         \
    (const void* x_, void* out_, int64_t rows, int64_t cols, const void* w_, const void* b_, double eps, void* mean_, \
     void* rstd_)
/* gw_ and gb_ gain this block's share. */
#define LAYER_NORM_GRAD_PARAMETERS                                                                             \
    (const void* g_, const void* x_, void* gx_, int64_t rows, int64_t cols, const void* w_, const void* mean_, \
     const void* rstd_, void* gw_, void* gb_)
/* sums = {sum of v, sum of v d} over n pixels: d = x - mean, v = g, or d without g. */
#define PLANE_SUMS_PARAMETERS (const void* g_, const void* x_, int64_t n, double mean_, double* sums)
/* out = (x - mean) scale + shift */
#define PLANE_NORMALIZE_PARAMETERS (const void* x_, void* out_, int64_t n, double mean_, double scale_, double shift_)
/* gx = a g + b (x - mean) + c */
#define PLANE_GRAD_PARAMETERS \
    (const void* g_, const void* x_, void* gx_, int64_t n, double mean_, double a_, double b_, double c_)

#define NORM_KERNELS(X)                            \
    X(norm_sums, NORM_SUMS_PARAMETERS)             \
    X(norm_pivot, NORM_PIVOT_PARAMETERS)           \
    X(norm_totals, NORM_TOTALS_PARAMETERS)         \
    X(norm_join, NORM_JOIN_PARAMETERS)             \
    X(normalize, NORMALIZE_PARAMETERS)             \
    X(norm_grad, NORM_GRAD_PARAMETERS)             \
    X(layer_norm, LAYER_NORM_PARAMETERS)           \
    X(layer_norm_grad, LAYER_NORM_GRAD_PARAMETERS) \
    X(plane_sums, PLANE_SUMS_PARAMETERS)           \
    X(plane_normalize, PLANE_NORMALIZE_PARAMETERS) \
    X(plane_grad, PLANE_GRAD_PARAMETERS)

/* N rows of C channels or features. */
typedef struct {
    int dtype;
    int64_t N, C;
} norm_shape;

/* What a gradient's last pass computes with: gx = a v + b (x - mean) + c, v being g, where ReLU let it pass. Vectors of
 * C; rows of g lie at a pitch, such as those of a part of a concatenation. */
typedef struct {
    const void *g, *x;
    int64_t g_pitch;
    const void *mean, *scale, *shift, *a, *b, *c;
    int relu;
} norm_gradient;

/* The sums of a batch norm, or of its gradient, over the rows of an array. They are made piece by piece, at the latest
 * when they are wanted. Who writes the array may tell of it: then whoever writes the last of a piece sums it up, as his
 * cache still holds it. The bits are the same. */
typedef struct norm_tally norm_tally;
/* NULL if out of memory. For a gradient, n says of which; with relu, g passes where y was above 0: told by `y` if
 * given, which also gives `masked`, the residual's gradient; else by x, scale and shift, for y without a residual. */
norm_tally* norm_tally_statistics(norm_shape s, const void* x);
norm_tally* norm_tally_gradient(norm_shape s, const norm_gradient* n, const void* y, void* masked);
void norm_tally_end(norm_tally* w);
/* How many pieces are still to be summed up. */
int64_t norm_tally_left(const norm_tally* w);
/* So many elements of each of some rows are there now, and were not before. */
void norm_tally_written(norm_tally* w, int64_t row, int64_t rows, int64_t columns);

/* w, b and residual may be null. var: biased, in double. */
void batch_norm_stats(norm_tally* tally, double* mean, double* var);
/* The batch's statistics, and what batch_norm_apply takes to normalise by them. */
void batch_norm_begin(norm_tally* tally, const void* w, const void* b, double eps, void* mean, void* rstd, void* scale,
                      void* shift, double* var);
/* running = (1 - momentum) running + momentum factor value, of C channels; sizes: of float or double. */
void norm_move(int64_t C, int size, void* running, double momentum, int value_size, const void* value, double factor);
/* Returns -1 if scratch memory ran out. */
int batch_norm_eval(norm_shape s, const void* x, const void* residual, const void* w, const void* b, const void* mean,
                    const void* var, double eps, int relu, void* y);
/* Rows of y lie at a pitch, in elements, such as those of a part of a concatenation. */
void batch_norm_apply(norm_shape s, const void* x, const void* residual, const void* mean, const void* scale,
                      const void* shift, int relu, void* y, int64_t y_pitch);
/* What batch_norm_apply does without a residual: activated((x - mean) scale + shift), by channels. */
typedef struct {
    const void *mean, *scale, *shift;
    int relu;
} norm_application;

/* Sets n's scale and shift, and where the others will be: `factors` has room for five vectors. */
void batch_norm_grad_vectors(norm_shape s, norm_gradient* n, const void* w, const void* b, const void* rstd,
                             void* factors);
/* What is watched tells the rest of n, and gw and gb. */
void batch_norm_grad_begin(norm_tally* tally, norm_gradient* n, const void* w, const void* rstd, void* gw, void* gb);
void batch_norm_grad_apply(norm_shape s, const norm_gradient* n, void* gx);
/* The same of some rows, on the calling thread. */
struct kernel_table;
void batch_norm_grad_rows(const struct kernel_table* t, const norm_gradient* n, int64_t C, int64_t first, int64_t rows,
                          void* gx);
/* Whether rows of g may lie at a pitch; or else they must follow each other. */
int batch_norm_reads_pitch(norm_shape s);

static inline double norm_get(int size, const void* p, int64_t i, double otherwise) {
    if (!p) return otherwise;
    return size == 4 ? ((const float*)p)[i] : ((const double*)p)[i];
}
static inline void norm_put(int size, void* p, int64_t i, double value) {
    if (size == 4)
        ((float*)p)[i] = (float)value;
    else
        ((double*)p)[i] = value;
}

void layer_norm(norm_shape s, const void* x, const void* w, const void* b, double eps, void* y, void* mean, void* rstd);
int layer_norm_grad(norm_shape s, const void* g, const void* x, const void* w, const void* mean, const void* rstd,
                    void* gx, void* gw, void* gb);

/* N images of C channels of P pixels, channels innermost if `last`, in G groups of neighbouring channels. */
typedef struct {
    int dtype, last;
    int64_t N, C, P, G;
} group_shape;

/* mean and rstd: (N, G). Both return -1 if scratch memory ran out; w and b may be null. */
int group_norm(group_shape s, const void* x, const void* w, const void* b, double eps, void* y, void* mean, void* rstd);
int group_norm_grad(group_shape s, const void* g, const void* x, const void* w, const void* mean, const void* rstd,
                    void* gx, void* gw, void* gb);
