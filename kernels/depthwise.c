/* Depthwise convolution drivers. Taps outside the input are skipped exactly. The forward pass also serves
 * the input gradient. */
#include "depthwise.h"

#include <string.h>

#include "conv.h"
#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum {
    TASK_ELEMENTS = 1 << 14, /* outputs per task */
    BLOCK_BYTES = 32 << 10,  /* of input per block of rows */
    MAX_CHUNKS = 32,
    PARALLEL_WORK = 1 << 15
};

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    const char *x, *w, *bias, *grad; /* w as [r][s][c] */
    char *y, *partials;
    int64_t rows, row_blocks, blocks, chunks, partial_bytes;
    int size;
} depthwise_run;

/* Output columns [q0, q1) of row p, which all see the taps [s0, s1). */
static void run_columns(const depthwise_run* run, int64_t n, int64_t p, int64_t q0, int64_t q1, int64_t s0,
                        int64_t s1) {
    const conv_geometry* g = run->g;
    int64_t r0, r1, first = p * g->stride_h + g->origin_h;
    conv_valid_taps(first, g->dilation_h, g->r, g->h, &r0, &r1);
    int64_t h = first + r0 * g->dilation_h, column = q0 * g->stride_w + s0 * g->dilation_w + g->origin_w;
    depthwise_row_args a = {.q = q1 - q0, .c = g->c, .r = r1 - r0, .s = s1 - s0, .bias = run->bias, .relu = g->relu};
    if (!a.s) a.r = 0;
    if (!a.r) h = column = a.s = 0; /* nothing is read */
    a.x = run->x + ((n * g->h + h) * g->w + column) * g->c * run->size;
    a.x_r = g->dilation_h * g->w * g->c;
    a.x_s = g->dilation_w * g->c;
    a.x_q = g->stride_w * g->c;
    a.w_r = g->s * g->c;
    a.w = run->w + (r0 * g->s + s0) * g->c * run->size;
    a.y_q = g->out_w;
    a.y = run->y + (n * g->out_n + p * g->out_h + q0 * g->out_w) * run->size;
    run->t->depthwise_row(&a);
}

/* Columns [inner, outer) see every tap; others are taken one by one. */
static void inner_columns(const conv_geometry* g, int64_t* inner, int64_t* outer) {
    int64_t unused;
    conv_valid_taps(g->origin_w, g->stride_w, g->q, g->w, inner, &unused);
    conv_valid_taps(g->origin_w + (g->s - 1) * g->dilation_w, g->stride_w, g->q, g->w, &unused, outer);
    if (*outer < *inner) *outer = *inner;
}

static void forward_task(void* context, int64_t task, int thread) {
    (void)thread;
    const depthwise_run* run = context;
    const conv_geometry* g = run->g;
    const int64_t n = task / run->row_blocks, p0 = task % run->row_blocks * run->rows;
    const int64_t p1 = conv_min(g->p, p0 + run->rows);
    int64_t inner, outer, s0, s1;
    inner_columns(g, &inner, &outer);
    for (int64_t p = p0; p < p1; p++)
        for (int64_t q = 0; q < g->q;) {
            int64_t next = q >= inner && q < outer ? outer : q + 1;
            conv_valid_taps(q * g->stride_w + g->origin_w, g->dilation_w, g->s, g->w, &s0, &s1);
            run_columns(run, n, p, q, next, s0, s1);
            q = next;
        }
}

int depthwise(const kernel_table* t, const conv_geometry* g, const void* x, const void* w, const void* bias, void* y) {
    const int size = t->lane_bytes / t->lanes;
    const int64_t taps = g->r * g->s;
    depthwise_run run = {.t = t, .g = g, .x = x, .bias = bias, .y = y, .size = size};
    char* packed = memory_allocate((size_t)(taps * g->c * size));
    if (!packed) return -1;
    for (int64_t tap = 0; tap < taps; tap++)
        t->copy_2d((const char*)w + (tap / g->s * g->weight_r + tap % g->s * g->weight_s) * size, 0, g->weight_group, 1,
                   g->c, packed + tap * g->c * size, g->c, g->c);
    run.w = packed;
    run.rows = conv_min(g->p, conv_ceil(TASK_ELEMENTS, conv_max(1, g->q * g->c)));
    run.row_blocks = conv_ceil(g->p, run.rows);
    double work = (double)g->n * g->p * g->q * g->c * taps;
    parallel_for(work < PARALLEL_WORK ? 1 : parallel_threads(), g->n * run.row_blocks, forward_task, &run);
    memory_release(packed);
    return 0;
}

/* Adds kernel row r of output rows [p0, p1) of image n. */
static void add_rows(const depthwise_run* run, int64_t n, int64_t p0, int64_t p1, int64_t r, char* partial) {
    const conv_geometry* g = run->g;
    int64_t first = p0 * g->stride_h + r * g->dilation_h + g->origin_h, begin, end, inner, outer, s0, s1;
    conv_valid_taps(first, g->stride_h, p1 - p0, g->h, &begin, &end);
    if (begin == end) return;
    inner_columns(g, &inner, &outer);
    depthwise_grad_w_args a = {.p = end - begin, .c = g->c, .g_q = g->c, .g_p = g->q * g->c};
    a.x_p = g->stride_h * g->w * g->c;
    a.x_q = g->stride_w * g->c;
    a.x_s = g->dilation_w * g->c;
    for (int64_t q = 0, next; q < g->q; q = next) {
        next = q >= inner && q < outer ? outer : q + 1;
        int64_t column = q * g->stride_w + g->origin_w;
        conv_valid_taps(column, g->dilation_w, g->s, g->w, &s0, &s1);
        if (s0 == s1) continue;
        a.q = next - q;
        a.s = s1 - s0;
        int64_t h = n * g->h + first + begin * g->stride_h;
        a.x = run->x + (h * g->w + column + s0 * g->dilation_w) * g->c * run->size;
        a.g = run->grad + (((n * g->p + p0 + begin) * g->q) + q) * g->c * run->size;
        a.out = partial + (r * g->s + s0) * g->c * run->size;
        run->t->depthwise_grad_w(&a);
    }
}

static void grad_w_task(void* context, int64_t chunk, int thread) {
    (void)thread;
    const depthwise_run* run = context;
    const conv_geometry* g = run->g;
    char* partial = run->partials + chunk * run->partial_bytes;
    memset(partial, 0, (size_t)run->partial_bytes);
    for (int64_t i = run->blocks * chunk / run->chunks; i < run->blocks * (chunk + 1) / run->chunks; i++) {
        const int64_t n = i / run->row_blocks, p0 = i % run->row_blocks * run->rows;
        for (int64_t r = 0; r < g->r; r++) add_rows(run, n, p0, conv_min(g->p, p0 + run->rows), r, partial);
    }
}

int depthwise_grad_w(const kernel_table* t, const conv_geometry* g, const void* grad, const void* x, void* gw) {
    const int size = t->lane_bytes / t->lanes;
    const int64_t taps = g->r * g->s;
    depthwise_run run = {.t = t, .g = g, .x = x, .grad = grad, .size = size};
    run.rows = conv_min(g->p, conv_ceil(BLOCK_BYTES, g->w * g->c * size * conv_min(g->stride_h, g->h)));
    run.row_blocks = conv_ceil(g->p, run.rows);
    run.blocks = g->n * run.row_blocks;
    run.chunks = conv_min(run.blocks, MAX_CHUNKS);
    run.partial_bytes = conv_ceil(taps * g->c * size, 64) * 64;
    double work = (double)g->n * g->p * g->q * g->c * taps;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    char* partials = run.partials = memory_allocate((size_t)(run.partial_bytes * run.chunks));
    if (!partials) return -1;
    parallel_for(threads, run.chunks, grad_w_task, &run);
    for (int64_t chunk = 1; chunk < run.chunks; chunk++)
        t->accumulate(partials + chunk * run.partial_bytes, partials, taps * g->c);
    t->conv_unpack(partials, g->c, 1, taps, g->c, gw);
    memory_release(partials);
    return 0;
}
