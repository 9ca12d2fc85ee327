/* Pictures with one channel into fewer output channels than a vector has lanes: pixels fill the vectors instead. The
 * weight (k x taps) by rows of the input (taps x pixels, each tap a pixel further on) gives a row of outputs channel by
 * channel; it is transposed on the way out, and its gradient on the way in. */
#include "conv.h"

#include <string.h>

#include "gemm.h"
#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum {
    TASK_PIXELS = 768,
    GRAD_BYTES = 16 << 10,              /* gradients of a block, which all taps meet while it is in L1 */
    CHUNKS = 16,                        /* of blocks, with sums of their own */
    PANEL_BYTES = GEMM_MAX_PANEL_BYTES, /* that the last panel may read too much */
    PARALLEL_WORK = 1 << 17
};

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    const char* x;
    char *y, *weight, *ones, *scratch; /* rows of weight are the taps, after the bias if there is one */
    int biased, size;
    int64_t length, columns;                        /* of a row of weight; of a row of input with its padding */
    int64_t pitch;                                  /* of a row of outputs of one channel */
    int64_t rows, blocks;                           /* output rows of a task; tasks per image */
    int64_t out_bytes, segment_bytes, thread_bytes; /* scratch of a thread: row of outputs, segments, rows of input */
} plane_run;

static void plane_task(void* context, int64_t task, int thread) {
    const plane_run* run = context;
    const conv_geometry* g = run->g;
    const int64_t i = task / run->blocks, p0 = task % run->blocks * run->rows, p1 = conv_min(g->p, p0 + run->rows);
    char *out = run->scratch + thread * run->thread_bytes, *input = out + run->out_bytes + run->segment_bytes;
    gemm_segment* segments = (gemm_segment*)(out + run->out_bytes);
    gemm_panel_args a = {.m = g->k, .segments = segments, .lda = run->length, .ldb = g->dilation_w};
    a.ldc = run->pitch;
    a.flags = gemm_activation(g->relu);
    int64_t h0, h1, r0, r1;
    conv_row_range(g, p0, p1, &h0, &h1);
    conv_pad_rows(run->t, g, run->x + i * g->h * g->w * run->size, h0, h1, 1, input);
    for (int64_t p = p0; p < p1; p++) {
        const int64_t first = p * g->stride_h + g->origin_h;
        conv_valid_taps(first, g->dilation_h, g->r, g->h, &r0, &r1);
        for (int64_t q = 0; q < g->q; q += a.vectors * run->t->lanes) {
            a.vectors = conv_panel_vectors(run->t, g->q - q);
            a.n = conv_min(a.vectors * run->t->lanes, g->q - q);
            a.c = out + q * run->size;
            a.count = 0;
            if (run->biased) segments[a.count++] = (gemm_segment){run->weight, run->ones, 1};
            for (int64_t r = r0; r < r1; r++) {
                const int64_t row = (first + r * g->dilation_h - h0) * run->columns;
                segments[a.count++] = (gemm_segment){run->weight + (run->biased + r * g->s) * run->size,
                                                     input + (row + q) * run->size, g->s};
            }
            run->t->gemm_panel(&a);
        }
        run->t->copy_2d(out, 1, run->pitch, g->q, g->k, run->y + (i * g->out_n + p * g->out_h) * run->size, g->out_w,
                        g->k);
    }
}

int conv_plane(const kernel_table* t, const conv_geometry* g, const void* x, const void* w, const void* bias, void* y) {
    const int size = t->lane_bytes / t->lanes;
    plane_run run = {.t = t, .g = g, .x = x, .y = y, .size = size, .biased = bias != NULL};
    const double work = (double)g->n * g->p * g->q * g->k * g->r * g->s;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    run.blocks = conv_ceil(g->p * g->q, TASK_PIXELS);
    run.rows = conv_ceil(g->p, run.blocks);
    run.blocks = conv_ceil(g->p, run.rows);
    run.length = run.biased + g->r * g->s;
    run.columns = conv_columns(g, g->q);
    run.pitch = conv_ceil(g->q, t->lanes) * t->lanes;
    run.out_bytes = conv_ceil(g->k * run.pitch * size, 64) * 64;
    run.segment_bytes = conv_ceil((1 + g->r) * (int64_t)sizeof(gemm_segment), 64) * 64;
    const int64_t input_rows = conv_min(g->h, (run.rows - 1) * g->stride_h + (g->r - 1) * g->dilation_h + 1);
    const int64_t input_bytes = conv_ceil(input_rows * run.columns * size, 64) * 64 + PANEL_BYTES;
    const int64_t weight_bytes = conv_ceil(g->k * run.length * size, 64) * 64;
    run.thread_bytes = run.out_bytes + run.segment_bytes + input_bytes;
    run.weight = memory_allocate((size_t)(weight_bytes + PANEL_BYTES + run.thread_bytes * threads));
    if (!run.weight) return -1;
    run.ones = run.weight + weight_bytes;
    run.scratch = run.ones + PANEL_BYTES;
    for (int64_t i = 0; i < PANEL_BYTES / size; i++) {
        if (size == sizeof(float))
            ((float*)run.ones)[i] = 1;
        else
            ((double*)run.ones)[i] = 1;
    }
    if (bias) t->copy_2d(bias, 1, 1, g->k, 1, run.weight, run.length, 1);
    for (int64_t r = 0; r < g->r; r++)
        t->copy_2d((const char*)w + r * g->weight_r * size, g->weight_k, g->weight_s, g->k, g->s,
                   run.weight + (run.biased + r * g->s) * size, run.length, g->s);
    parallel_for(threads, g->n * run.blocks, plane_task, &run);
    memory_release(run.weight);
    return 0;
}

typedef struct {
    const kernel_table* t;
    conv_geometry g; /* of rows of whole vectors */
    const char *x, *grad;
    char *sums, *scratch; /* sums [chunk][tap][k] of vectors; of a thread: planes of gradients, rows of input */
    int64_t* taps;        /* where they lie, from the first one */
    int64_t q, size, columns, rows, row_blocks, blocks, chunks;
    int64_t sums_bytes, grad_bytes, thread_bytes;
} plane_grad_run;

static void plane_grad_task(void* context, int64_t chunk, int thread) {
    const plane_grad_run* run = context;
    const conv_geometry* g = &run->g;
    char *planes = run->scratch + thread * run->thread_bytes, *input = planes + run->grad_bytes;
    conv_plane_dots_args a = {.k = g->k, .pixels = run->q, .count = g->r * g->s, .taps = run->taps};
    a.sums = run->sums + chunk * run->sums_bytes;
    a.g = planes, a.x = input;
    a.g_row = g->q, a.x_row = g->stride_h * run->columns, a.plane = run->rows * g->q;
    memset(a.sums, 0, (size_t)run->sums_bytes);
    for (int64_t i = run->blocks * chunk / run->chunks; i < run->blocks * (chunk + 1) / run->chunks; i++) {
        const int64_t n = i / run->row_blocks, p0 = i % run->row_blocks * run->rows,
                      p1 = conv_min(g->p, p0 + run->rows);
        conv_pad_block(run->t, g, run->x + n * g->h * g->w * run->size, p0, p1, 1, input);
        for (int64_t p = p0; p < p1; p++)
            run->t->copy_2d(run->grad + (n * g->p + p) * run->q * g->k * run->size, 1, g->k, g->k, run->q,
                            planes + (p - p0) * g->q * run->size, a.plane, g->q);
        a.rows = p1 - p0;
        run->t->conv_plane_dots(&a);
    }
}

int conv_plane_grad_w(const kernel_table* t, const conv_geometry* forward, const void* grad, const void* x, void* gw) {
    plane_grad_run run = {.t = t, .g = *forward, .x = x, .grad = grad, .q = forward->q};
    conv_geometry* g = &run.g;
    const int64_t count = g->r * g->s, size = t->lane_bytes / t->lanes;
    const double work = (double)g->n * g->p * g->q * g->k * count;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    g->q = conv_ceil(g->q, t->lanes) * t->lanes;
    run.size = size;
    run.columns = conv_columns(g, g->q);
    run.rows = conv_max(1, conv_min(g->p, GRAD_BYTES / (g->k * g->q * size)));
    run.row_blocks = conv_ceil(g->p, run.rows);
    run.blocks = g->n * run.row_blocks;
    run.chunks = conv_min(run.blocks, CHUNKS);
    run.sums_bytes = count * g->k * t->lane_bytes;
    run.grad_bytes = conv_ceil(g->k * run.rows * g->q * size, 64) * 64;
    run.thread_bytes = run.grad_bytes + conv_ceil(conv_block_rows(g, run.rows) * run.columns * size, 64) * 64;
    const int64_t taps_bytes = conv_ceil(count * (int64_t)sizeof(int64_t), 64) * 64;
    run.sums = memory_allocate((size_t)(run.sums_bytes * run.chunks + taps_bytes + run.thread_bytes * threads));
    if (!run.sums) return -1;
    run.taps = (int64_t*)(run.sums + run.sums_bytes * run.chunks);
    run.scratch = (char*)run.taps + taps_bytes;
    for (int64_t i = 0; i < count; i++) run.taps[i] = i / g->s * g->dilation_h * run.columns + i % g->s * g->dilation_w;
    parallel_for(threads, run.chunks, plane_grad_task, &run);
    for (int64_t chunk = 1; chunk < run.chunks; chunk++)
        t->accumulate(run.sums + chunk * run.sums_bytes, run.sums, run.sums_bytes / size);
    t->conv_plane_totals(run.sums, count, g->k, gw);
    memory_release(run.sums);
    return 0;
}
