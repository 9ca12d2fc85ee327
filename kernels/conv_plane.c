/* Fewer output channels than a vector has lanes: pixels fill the vectors instead. Inputs are read as planes, one for
 * each channel, and outputs are transposed on their way out; in the weight gradient, of one input channel, on the way
 * in. */
#include "conv.h"

#include <string.h>

#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum {
    TASK_PIXELS = 768,
    PLANE_BYTES = 256 << 10, /* of inputs of a task */
    GRAD_BYTES = 16 << 10,   /* gradients of a block, which all taps meet while it is in L1 */
    CHUNKS = 16,             /* of blocks, with sums of their own */
    PAST_VECTORS = 4,        /* that a row of outputs may read past its row of inputs */
    PARALLEL_WORK = 1 << 17
};

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    const char *x, *bias;
    char *y, *weight, *scratch;   /* weight [r][s][c][k] */
    int64_t* taps;                /* where they lie, from the first one */
    int64_t size, columns, plane; /* of a row of input with its padding, of a channel */
    int64_t rows, blocks;         /* output rows of a task; tasks per image */
    int64_t plane_bytes;          /* of all channels: scratch of a thread */
} plane_run;

/* Input rows [h0, h1) of an image as planes, with zeros where there is no input. */
static void split_rows(const plane_run* run, const char* image, int64_t h0, int64_t h1, char* planes) {
    const conv_geometry* g = run->g;
    if (g->c == 1) {
        conv_pad_rows(run->t, g, image, h0, h1, 1, planes);
        return;
    }
    int64_t begin, end;
    conv_columns_inside(g, run->columns, &begin, &end);
    if (end - begin < run->columns) memset(planes, 0, (size_t)run->plane_bytes);
    for (int64_t h = h0; h < h1; h++)
        run->t->transpose(image + (h * g->w + g->origin_w + begin) * g->c * run->size, g->c,
                          planes + ((h - h0) * run->columns + begin) * run->size, run->plane, end - begin, g->c);
}

static void plane_task(void* context, int64_t task, int thread) {
    const plane_run* run = context;
    const conv_geometry* g = run->g;
    const int64_t i = task / run->blocks, p0 = task % run->blocks * run->rows, p1 = conv_min(g->p, p0 + run->rows);
    char* input = run->scratch + thread * run->plane_bytes;
    conv_plane_args a = {.k = g->k, .pixels = g->q, .pixel = g->out_w, .bias = run->bias};
    a.relu = g->relu;
    int64_t h0, h1, r0, r1;
    conv_row_range(g, p0, p1, &h0, &h1);
    split_rows(run, run->x + i * g->h * g->w * g->c * run->size, h0, h1, input);
    for (int64_t p = p0; p < p1; p++) {
        const int64_t first = p * g->stride_h + g->origin_h;
        conv_valid_taps(first, g->dilation_h, g->r, g->h, &r0, &r1);
        a.count = (r1 - r0) * g->s * g->c;
        a.w = run->weight + r0 * g->s * g->c * g->k * run->size;
        a.x = input + (first + r0 * g->dilation_h - h0) * run->columns * run->size;
        a.y = run->y + (i * g->out_n + p * g->out_h) * run->size;
        a.overlapped = p + 1 < p1 && g->out_h == g->q * g->k ? g->out_h : 0; /* the next row, if it follows */
        a.taps = run->taps;
        run->t->conv_plane_row(&a);
    }
}

/* Output rows of a task: some pixels, but the planes that they need stay in L2. */
static int64_t rows_of_task(const plane_run* run) {
    const conv_geometry* g = run->g;
    const int64_t row_bytes = run->columns * g->c * run->size;
    const int64_t rows = conv_ceil(g->p, conv_ceil(g->p * g->q, TASK_PIXELS));
    const int64_t held = (PLANE_BYTES / row_bytes - (g->r - 1) * g->dilation_h - 1) / g->stride_h + 1;
    return conv_max(1, conv_min(rows, held));
}

int conv_plane(const kernel_table* t, const conv_geometry* g, const void* x, const void* w, const void* bias, void* y) {
    const int64_t size = t->lane_bytes / t->lanes, count = g->r * g->s * g->c;
    plane_run run = {.t = t, .g = g, .x = x, .bias = bias, .y = y, .size = size};
    const double work = (double)g->n * g->p * g->q * g->k * count;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    run.columns = conv_columns(g, g->q);
    run.rows = rows_of_task(&run);
    run.blocks = conv_ceil(g->p, run.rows);
    run.plane = conv_odd_lines(conv_min(g->h, conv_block_rows(g, run.rows)) * run.columns, size);
    run.plane_bytes = run.plane * g->c * size + PAST_VECTORS * t->lane_bytes;
    const int64_t weight_bytes = conv_ceil(g->k * count * size, 64) * 64;
    const int64_t taps_bytes = conv_ceil(count * (int64_t)sizeof(int64_t), 64) * 64;
    run.weight = memory_allocate((size_t)(weight_bytes + taps_bytes + run.plane_bytes * threads));
    if (!run.weight) return -1;
    run.taps = (int64_t*)(run.weight + weight_bytes);
    run.scratch = (char*)run.taps + taps_bytes;
    conv_place_taps(g, g->c, run.columns, 1, run.plane, run.taps);
    conv_pack_panel(t, g, w, g->c, g->k, g->k, run.weight);
    parallel_for(threads, g->n * run.blocks, plane_task, &run);
    memory_release(run.weight);
    return 0;
}

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    const char *x, *grad;
    char *sums, *scratch; /* sums [chunk][tap][k] of vectors; of a thread: planes of gradients, rows of input */
    int64_t* taps;        /* where they lie, from the first one */
    int64_t size, columns, rows, row_blocks, blocks, chunks;
    int64_t pitch, plane; /* of gradients: from row to row, from channel to channel */
    int64_t sums_bytes, grad_bytes, thread_bytes;
    int joined; /* rows and the zeros between them are one long row: a NaN may reach taps that do not see it */
} plane_grad_run;

static void plane_grad_task(void* context, int64_t chunk, int thread) {
    const plane_grad_run* run = context;
    const conv_geometry* g = run->g;
    char *planes = run->scratch + thread * run->thread_bytes, *input = planes + run->grad_bytes;
    conv_plane_dots_args a = {.k = g->k, .rows = 1, .pixels = g->q, .count = g->r * g->s, .taps = run->taps};
    a.sums = run->sums + chunk * run->sums_bytes;
    a.g = planes, a.x = input;
    a.g_row = run->pitch, a.x_row = g->stride_h * run->columns, a.plane = run->plane;
    memset(a.sums, 0, (size_t)run->sums_bytes);
    memset(planes, 0, (size_t)run->grad_bytes);
    for (int64_t i = run->blocks * chunk / run->chunks; i < run->blocks * (chunk + 1) / run->chunks; i++) {
        const int64_t n = i / run->row_blocks, p0 = i % run->row_blocks * run->rows,
                      p1 = conv_min(g->p, p0 + run->rows);
        conv_pad_block(run->t, g, run->x + n * g->h * g->w * run->size, p0, p1, 1, input);
        for (int64_t p = p0; p < p1; p++)
            run->t->conv_plane_split(run->grad + (n * g->p + p) * g->q * g->k * run->size, g->q,
                                     ((g->n - n) * g->p - p) * g->q, g->k, planes + (p - p0) * run->pitch * run->size,
                                     a.plane);
        if (run->joined)
            a.pixels = (p1 - p0 - 1) * run->pitch + g->q;
        else
            a.rows = p1 - p0;
        run->t->conv_plane_dots(&a);
    }
}

int conv_plane_grad_w(const kernel_table* t, const conv_geometry* forward, const void* grad, const void* x, void* gw) {
    plane_grad_run run = {.t = t, .g = forward, .x = x, .grad = grad};
    const conv_geometry* g = forward;
    const int64_t count = g->r * g->s, size = t->lane_bytes / t->lanes, row = conv_ceil(g->q, t->lanes) * t->lanes;
    const double work = (double)g->n * g->p * g->q * g->k * count;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    run.size = size;
    run.columns = conv_columns(g, g->q);
    run.joined = g->stride_h == 1;
    run.pitch = run.joined ? run.columns : row;
    run.rows = conv_max(1, conv_min(g->p, GRAD_BYTES / (g->k * run.pitch * size)));
    run.plane = conv_ceil((run.rows - 1) * run.pitch + row, t->lanes) * t->lanes;
    run.row_blocks = conv_ceil(g->p, run.rows);
    run.blocks = g->n * run.row_blocks;
    run.chunks = conv_min(run.blocks, CHUNKS);
    run.sums_bytes = count * g->k * t->lane_bytes;
    run.grad_bytes = conv_ceil(g->k * run.plane * size, 64) * 64;
    run.thread_bytes = run.grad_bytes + conv_ceil(conv_block_rows(g, run.rows) * run.columns * size, 64) * 64;
    const int64_t taps_bytes = conv_ceil(count * (int64_t)sizeof(int64_t), 64) * 64;
    run.sums = memory_allocate((size_t)(run.sums_bytes * run.chunks + taps_bytes + run.thread_bytes * threads));
    if (!run.sums) return -1;
    run.taps = (int64_t*)(run.sums + run.sums_bytes * run.chunks);
    run.scratch = (char*)run.taps + taps_bytes;
    conv_place_taps(g, 1, run.columns, 1, 0, run.taps);
    parallel_for(threads, run.chunks, plane_grad_task, &run);
    for (int64_t chunk = 1; chunk < run.chunks; chunk++)
        t->accumulate(run.sums + chunk * run.sums_bytes, run.sums, run.sums_bytes / size);
    t->conv_plane_totals(run.sums, count, g->k, gw);
    memory_release(run.sums);
    return 0;
}
