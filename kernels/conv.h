/* Convolution over dense channels-last memory, built on the batch-reduce panel kernel of gemm.h.
 *
 * A row of output pixels is a small matrix product: its A are input pixels at pitch stride_w * C, its B is the packed
 * weight [r][s][c][k], and the taps are the segments of the batch-reduce sum. Where the taps of one kernel row are
 * adjacent in memory (dilation 1), they form one segment of S * C elements, so a layer with few channels is as
 * efficient as any other; in groups they are after a copy. Rows outside the input are skipped; columns outside are
 * zeros in a copy. */
#pragma once
#include <stdint.h>

#include "depthwise.h"
#include "gemm.h"
#include "memory.h"
#include "norm.h"

struct kernel_table;

/* out[n, p, q, k] = sum over r, s, c of in[n, p stride_h + r dilation_h + origin_h, ..., c] * weight[k, c, r, s].
 * The input is dense N H W C; everything else goes by strides, in elements. */
typedef struct {
    int64_t n, h, w, c;
    int64_t k, p, q;
    int64_t r, s;
    int64_t stride_h, stride_w, dilation_h, dilation_w;
    int64_t origin_h, origin_w; /* input position of tap (0, 0) of output (0, 0): minus the padding */
    int64_t groups;
    int64_t out_n, out_h, out_w;
    int64_t weight_group, weight_k, weight_c, weight_r, weight_s;
    int relu;          /* 0, 1, or 6 for one that ends at 6 */
    norm_tally* tally; /* of the result, which is dense, or NULL; not all algorithms tell of it */
} conv_geometry;

/* How one geometry is computed. */
typedef enum {
    CONV_ROWS,       /* rows of output pixels as matrix products */
    CONV_TAPS,       /* the same, of sums over all taps through a table */
    CONV_IMAGES,     /* the same pixel of many images as a matrix product */
    CONV_BATCH,      /* the same, transposed: images fill the vectors */
    CONV_POINTWISE,  /* one matrix product */
    CONV_STRIDED,    /* the same of the pixels that a stride meets, copied together */
    CONV_PLANE,      /* few output channels: pixels fill the vectors */
    CONV_WINOGRAD_3, /* Winograd's in tiles of 3 x 3 outputs */
    CONV_WINOGRAD_4,
    CONV_DEPTHWISE,
    CONV_GROUPS /* depthwise, but in groups of few channels: each channel of a vector meets its neighbours */
} conv_algorithm;
typedef enum { CONV_FORWARD, CONV_GRAD_X, CONV_GRAD_W } conv_pass;

/* The choice for a geometry and, if asked for, why. For CONV_GRAD_X, of the first phase. */
conv_algorithm conv_choose(const struct kernel_table* t, conv_pass pass, const conv_geometry* g, const char** reason);
const char* conv_algorithm_name(conv_algorithm algorithm);

/* When Winograd runs: never, where it is faster, or wherever it is defined (for tests). */
typedef enum { WINOGRAD_OFF, WINOGRAD_ON, WINOGRAD_ALWAYS } winograd_mode;
winograd_mode conv_get_winograd(void);
void conv_set_winograd(winograd_mode mode);

/* A run of one geometry. All return 0, or -1 when out of memory. kept: where to find or leave the packed weight, or
 * NULL. */
int conv(const struct kernel_table* t, const conv_geometry* geometry, const void* x, const norm_application* norm,
         const void* w, const void* bias, void* y, memory_kept* kept);
/* Whether a pass takes a norm of x, which may be NULL: it normalises what it reads of x. */
int conv_normalizes(const struct kernel_table* t, conv_pass pass, const conv_geometry* geometry);
int conv_plane(const struct kernel_table* t, const conv_geometry* geometry, const void* x, const void* w,
               const void* bias, void* y);
int conv_batch(const struct kernel_table* t, const conv_geometry* geometry, const void* x, const void* w,
               const void* bias, void* y);
int conv_strided(const struct kernel_table* t, const conv_geometry* geometry, const void* x, const void* w,
                 const void* bias, void* y, memory_kept* kept);
int conv_strided_grad_x(const struct kernel_table* t, const conv_geometry* forward, const void* g, const void* w,
                        void* gx);
int conv_strided_grad_w(const struct kernel_table* t, const conv_geometry* forward, const void* g, const void* x,
                        void* gw);
int conv_plane_grad_w(const struct kernel_table* t, const conv_geometry* forward, const void* g, const void* x,
                      void* gw);
int depthwise(const struct kernel_table* t, const conv_geometry* geometry, const void* x, const norm_application* norm,
              const void* w, const void* bias, void* y, memory_kept* kept);
/* Whether depthwise and depthwise_grad_w take a norm. */
int depthwise_normalizes(const struct kernel_table* t, const conv_geometry* geometry);

/* The matrix product that a 1x1 convolution is; x, y and bias are still to be set. */
gemm_problem conv_as_product(const conv_geometry* geometry, const void* w, memory_kept* kept);
/* Whether rows are computed whole, borders included, which also works where they do not follow each other in memory.
 * Rows outside the input are NULL; the weight is what depthwise_keep made; far: what lies in memory (FAR_...). */
int depthwise_is_3x3(const struct kernel_table* t, const conv_geometry* geometry);
int depthwise_keep(const struct kernel_table* t, const conv_geometry* geometry, const void* w, memory_kept* kept);
void depthwise_3x3_row(const struct kernel_table* t, const conv_geometry* packed, const void* const* rows,
                       const norm_application* norm, int far, const void* w, const void* bias, void* y);

/* Gradients of the convolution that `forward` describes. g is dense N P Q K, gx dense N H W C, gw dense K C R S. A
 * tally is of gx. */
int conv_grad_x(const struct kernel_table* t, const conv_geometry* forward, const void* g, const void* w, void* gx);
int conv_grad_w(const struct kernel_table* t, const conv_geometry* forward, const void* g, const void* x,
                const norm_application* norm, void* gw);
/* Both, of a g that is still to be made (batch_norm_grad_apply): block by block or row by row, for either gradient, so
 * that it never fills memory. For pointwise convolutions of many pixels and few channels, without a norm of x, and for
 * depthwise 3x3 ones. */
int conv_grads_fit(const struct kernel_table* t, const conv_geometry* forward, int norm);
int conv_grads(const struct kernel_table* t, const conv_geometry* forward, const norm_gradient* source, const void* x,
               const norm_application* norm, const void* w, void* gx, void* gw);
int depthwise_grad_x(const struct kernel_table* t, const conv_geometry* forward, const void* g, const void* w,
                     void* gx);
int depthwise_grad_w(const struct kernel_table* t, const conv_geometry* forward, const void* g, const void* x,
                     const norm_application* norm, void* gw);
int depthwise_grads_fit(const struct kernel_table* t, const conv_geometry* forward);
int depthwise_grads(const struct kernel_table* t, const conv_geometry* forward, const norm_gradient* source,
                    const void* x, const norm_application* norm, const void* w, void* gx, void* gw);

/* The convolution of g that gives the phase (h, w) of the input gradient at a stride, and where it begins in gx and w.
 * Returns 0 if no output saw that phase. */
int conv_grad_x_phase(const conv_geometry* forward, int64_t phase_h, int64_t phase_w, conv_geometry* phase,
                      int64_t* gx_offset, int64_t* w_offset);

/* Shared by the drivers. */
static inline int64_t conv_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t conv_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t conv_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }
/* At least so many elements, on an odd number of cache lines: as a pitch it spreads over cache sets. */
static inline int64_t conv_odd_lines(int64_t elements, int64_t size) {
    return (conv_ceil(elements * size, 64) | 1) * 64 / size;
}

/* Tells a geometry's tally, if any, of outputs: `channels` of each pixel in these rows and columns of image n. */
void conv_written(const conv_geometry* g, int64_t n, int64_t p0, int64_t p1, int64_t q0, int64_t q1, int64_t channels);
/* The table for so many output channels of a group: shorter vectors, where these hold them all. */
const struct kernel_table* conv_table(const struct kernel_table* t, int64_t channels);
/* The table whose vectors so many channels fill, if there is one. */
const struct kernel_table* conv_filled_table(const struct kernel_table* t, int64_t channels);
/* k output channels of the weight, by c input channels, as [tap][c][width]. */
void conv_pack_panel(const struct kernel_table* t, const conv_geometry* g, const char* src, int64_t c, int64_t k,
                     int64_t width, char* dst);
/* Width in vectors of the panel that starts with `left` output channels to go: three where one would be left alone. */
int conv_panel_vectors(const struct kernel_table* t, int64_t left);
/* Panels that tasks share out begin every t->panel vectors; the last one ends at channel k. */
int64_t conv_panels(const struct kernel_table* t, int64_t k);
int64_t conv_panel_end(const struct kernel_table* t, int64_t panel, int64_t k);
/* Columns that output columns [0, q) touch, and whether some of them lie outside the input. */
int64_t conv_columns(const conv_geometry* g, int64_t q);
int conv_needs_padding(const conv_geometry* g);
/* Which of these columns, [begin, end), lie inside the input. */
void conv_columns_inside(const conv_geometry* g, int64_t columns, int64_t* begin, int64_t* end);
/* Copies input rows [h0, h1) of one image, all columns that the output touches, zeros where there is no input; of every
 * pixel the first `channels`. */
void conv_pad_rows(const struct kernel_table* t, const conv_geometry* g, const char* image, int64_t h0, int64_t h1,
                   int64_t channels, char* dst);
/* The same of all rows that output rows [p0, p1) touch: zeros for those outside the input. */
void conv_pad_block(const struct kernel_table* t, const conv_geometry* g, const char* image, int64_t p0, int64_t p1,
                    int64_t channels, char* dst);
int64_t conv_block_rows(const conv_geometry* g, int64_t p);
/* Whether the channels of a group are copied together, so that the taps of a kernel row are one segment. */
static inline int conv_sorts_groups(const conv_geometry* g) { return g->groups > 1 && g->s > 1 && g->dilation_w == 1; }
/* Rows of input that output rows [p0, p1) touch, clipped to the input. */
void conv_row_range(const conv_geometry* g, int64_t p0, int64_t p1, int64_t* h0, int64_t* h1);
/* Where the taps of a pixel lie, from the first one: `channels` of each, at these strides. */
void conv_place_taps(const conv_geometry* g, int64_t channels, int64_t row, int64_t column, int64_t channel,
                     int64_t* taps);
/* Taps i of [0, taps) with 0 <= first + i * step < length, as a range. */
void conv_valid_taps(int64_t first, int64_t step, int64_t taps, int64_t length, int64_t* begin, int64_t* end);

/* A row of outputs [pixels][k], `pixel` elements from one to the next, of planes of inputs: taps [count][k] of w, whose
 * inputs lie `taps` elements further on. Up to 4 vectors of inputs past the row are read. `overlapped` elements after
 * the row may be overwritten. */
typedef struct {
    int64_t k, pixels, pixel, count, overlapped;
    const void *x, *w, *bias;
    const int64_t* taps;
    void* y;
    int relu;
} conv_plane_args;

/* Rows of pixels of k planes of gradients, and of one plane of inputs whose taps lie `taps` elements further on: adds
 * to sums, [tap][k] vectors, the products lane by lane. Rows of gradients are whole vectors. */
typedef struct {
    int64_t k, rows, pixels, plane, g_row, x_row, count;
    const void *g, *x;
    const int64_t* taps;
    void* sums;
} conv_plane_dots_args;

/* A row of outputs of k channels, `pixel` elements from one to the next, whose inputs are `step` apart: a panel w of
 * `vectors`, [count][width], by inputs that lie `taps` elements further on. The first `overlapped` pixels may be
 * written as whole vectors. */
typedef struct {
    int64_t k, pixels, pixel, step, count, overlapped;
    int vectors, relu;
    const void *x, *w, *bias;
    const int64_t* taps;
    void* y;
} conv_taps_args;

/* Rows of pixels of gradients and of inputs, whose taps lie `taps` elements further on: sets sums [tap][width] to the
 * products, or adds them. Whole vectors of gradients are read. */
typedef struct {
    int64_t rows, pixels, g_row, g_pixel, x_row, x_pixel, count;
    int vectors, add;
    const void *g, *x;
    const int64_t* taps;
    void* sums;
} conv_taps_dots_args;

#define CONV_KERNELS(X)                                                                                             \
    X(accumulate, (const void* src_, void* dst_, int64_t n))                                                        \
    X(conv_plane_dots, (const conv_plane_dots_args* a))                                                             \
    X(conv_plane_row, (const conv_plane_args* a))                                                                   \
    X(conv_plane_split, (const void* src_, int64_t pixels, int64_t readable, int64_t k, void* dst_, int64_t plane)) \
    X(conv_plane_totals, (const void* sums_, int64_t count, int64_t k, void* gw_))                                  \
    X(conv_taps_dots, (const conv_taps_dots_args* a))                                                               \
    X(conv_taps_row, (const conv_taps_args* a))                                                                     \
    X(conv_unpack, (const void* src_, int64_t width, int64_t c, int64_t rs, int64_t k, void* dst_))
