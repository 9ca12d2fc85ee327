/* Few output channels, of which a vector would be mostly empty, in many images with short rows: images fill the
 * vectors. The input is transposed to have them innermost; then the weight (k x taps) by the taps of one pixel (taps x
 * images) gives its outputs, which are transposed back. */
#include "conv.h"
#include "gemm.h"
#include "kernels.h"
#include "layout.h"
#include "memory.h"
#include "parallel.h"

enum { GROUP = 64, /* images of a task, for one row of outputs */ PARALLEL_WORK = 1 << 17 };

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    char *y, *x, *weight, *ones, *scratch; /* x [h][w][c][image]; rows of weight are the taps, perhaps after the bias */
    int64_t biased, length, pitch, size;   /* of a row of weight; of a row of images */
    int64_t out_bytes, thread_bytes;       /* scratch of a thread: outputs [q][k][image], segments */
} batch_run;

/* Output pixel (p, q) of images [i0, i1), to a row of `out` for each channel. */
static void run_pixel(const batch_run* run, int64_t p, int64_t q, int64_t i0, int64_t i1, gemm_segment* segments,
                      char* out) {
    const conv_geometry* g = run->g;
    gemm_panel_args a = {.m = g->k, .segments = segments, .lda = run->length, .ldb = run->pitch, .ldc = GROUP};
    a.flags = gemm_activation(g->relu);
    const int64_t h = p * g->stride_h + g->origin_h, w = q * g->stride_w + g->origin_w;
    int64_t r0, r1, s0, s1;
    conv_valid_taps(h, g->dilation_h, g->r, g->h, &r0, &r1);
    conv_valid_taps(w, g->dilation_w, g->s, g->w, &s0, &s1);
    for (int64_t i = i0; i < i1; i += a.vectors * run->t->lanes) {
        a.vectors = conv_panel_vectors(run->t, i1 - i);
        a.n = conv_min(a.vectors * run->t->lanes, i1 - i);
        a.c = out + (i - i0) * run->size;
        a.count = 0;
        if (run->biased) segments[a.count++] = (gemm_segment){run->weight, run->ones, 1};
        for (int64_t r = r0; r < r1; r++)
            for (int64_t s = s0, together; s < s1; s += together) {
                together = g->dilation_w == 1 ? s1 - s0 : 1; /* taps follow each other in both operands */
                const int64_t pixel = (h + r * g->dilation_h) * g->w + w + s * g->dilation_w;
                segments[a.count++] =
                    (gemm_segment){run->weight + (run->biased + (r * g->s + s) * g->c) * run->size,
                                   run->x + (pixel * g->c * run->pitch + i) * run->size, together * g->c};
            }
        run->t->gemm_panel(&a);
    }
}

static void row_task(void* context, int64_t task, int thread) {
    const batch_run* run = context;
    const conv_geometry* g = run->g;
    const int64_t p = task % g->p, i0 = task / g->p * GROUP, i1 = conv_min(g->n, i0 + GROUP);
    char* out = run->scratch + thread * run->thread_bytes;
    for (int64_t q = 0; q < g->q; q++)
        run_pixel(run, p, q, i0, i1, (gemm_segment*)(out + run->out_bytes), out + q * g->k * GROUP * run->size);
    run->t->transpose(out, GROUP, run->y + (i0 * g->out_n + p * g->out_h) * run->size, g->out_n, g->q * g->k, i1 - i0);
}

int conv_batch(const kernel_table* t, const conv_geometry* g, const void* x, const void* w, const void* bias, void* y) {
    const int64_t size = t->lane_bytes / t->lanes, pixels = g->h * g->w * g->c, taps = g->r * g->s;
    batch_run run = {.t = t, .g = g, .y = y, .size = size, .biased = bias != NULL};
    const double work = (double)g->n * g->p * g->q * g->k * taps * g->c;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    run.length = run.biased + taps * g->c;
    run.pitch = conv_ceil(g->n, t->lanes) * t->lanes;
    run.out_bytes = g->q * g->k * GROUP * size;
    run.thread_bytes = conv_ceil(run.out_bytes + (1 + taps) * (int64_t)sizeof(gemm_segment), 64) * 64;
    const int64_t x_bytes = pixels * run.pitch * size + GEMM_MAX_PANEL_BYTES; /* that a panel may read too much */
    const int64_t weight_bytes = conv_ceil(g->k * run.length * size, 64) * 64;
    run.x = memory_allocate((size_t)(x_bytes + weight_bytes + GEMM_MAX_PANEL_BYTES + run.thread_bytes * threads));
    if (!run.x) return -1;
    run.weight = run.x + x_bytes;
    run.ones = run.weight + weight_bytes;
    run.scratch = run.ones + GEMM_MAX_PANEL_BYTES;
    const matrices turn = {
        .batch = 1, .rows = g->n, .cols = pixels, .x_row = pixels, .y_row = run.pitch, .size = (int)size};
    layout_transpose(&turn, x, run.x);
    const float one = 1;
    const double one_double = 1;
    const int64_t panel = GEMM_MAX_PANEL_BYTES / size;
    t->copy_2d(size == sizeof one ? (const void*)&one : &one_double, 0, 0, 1, panel, run.ones, panel, panel);
    if (bias) t->copy_2d(bias, 1, 1, g->k, 1, run.weight, run.length, 1);
    for (int64_t i = 0; i < taps; i++)
        t->copy_2d((const char*)w + (i / g->s * g->weight_r + i % g->s * g->weight_s) * size, g->weight_k, g->weight_c,
                   g->k, g->c, run.weight + (run.biased + i * g->c) * size, run.length, g->c);
    parallel_for(threads, g->p * conv_ceil(g->n, GROUP), row_task, &run);
    memory_release(run.x);
    return 0;
}
