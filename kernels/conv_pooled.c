/* The weight gradient of a convolution whose result goes through a maximum over windows. Its gradient is zero but for
 * one output in each window, so for each channel the inputs of those outputs, a kernel's worth for each, are added up
 * with the windows' gradients as weights. */
#include "conv_pooled.h"

#include <string.h>

#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum {
    INPUT_BYTES = 16 << 10, /* of a block, which all channels read: stay in L1 ... */
    VALUE_BYTES = 16 << 10, /* ... beside its values and places */
    MOST_INPUT = 64 << 10,  /* of one row of windows, if that is more */
    MANY_WINDOWS = 64,      /* that repay fetching a channel's sums: images with fewer share a block */
    CHUNKS = 16,            /* of blocks, with sums of their own, ... */
    LARGE_SUMS = 8 << 10,   /* ... half as many where these take more bytes */
    MOST_SUMS = 256 << 10,  /* bytes of them that a chunk may have */
    PARALLEL_WORK = 1 << 17
};

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    const pooled_gradient* from;
    const char* x;
    char *sums, *scratch;               /* sums [chunk]: [k][row][vector], then totals [k] */
    int64_t size, kp, vectors, columns; /* vectors: of a row of taps */
    int64_t windows, row_blocks;        /* of a block: rows of windows ... */
    int64_t images, image;              /* ... or whole images; elements of inputs of one */
    int64_t blocks, chunks, totals;     /* totals: where they begin in a chunk's sums */
    int64_t sums_bytes, input_bytes, offset_bytes, value_bytes, thread_bytes;
} pooled_run;

/* The outputs' rows [p0, p1) that rows [a, b) of windows see. */
static void rows_seen(const pool_shape* s, int64_t a, int64_t b, int64_t* p0, int64_t* p1) {
    *p0 = conv_min(conv_max(0, a * s->stride[0] - s->padding[0]), s->H - 1);
    *p1 = conv_min(s->H, (b - 1) * s->stride[0] - s->padding[0] + (s->kernel[0] - 1) * s->dilation[0] + 1);
    *p1 = conv_max(*p1, *p0 + 1);
}

static void chunk_task(void* context, int64_t chunk, int thread) {
    const pooled_run* run = context;
    const conv_geometry* g = run->g;
    const pool_shape* s = run->from->shape;
    const int64_t size = run->size, pixels = g->p * g->q;
    char* input = run->scratch + thread * run->thread_bytes;
    int32_t* offsets = (int32_t*)(input + run->input_bytes) + 1;
    char *values = input + run->input_bytes + run->offset_bytes, *places = values + run->value_bytes;
    char* sums = run->sums + chunk * run->sums_bytes;
    conv_pooled_dots_args a = {.k = g->k, .pitch = run->kp, .rows = g->r, .vectors = run->vectors};
    a.row = g->dilation_h * run->columns * g->c;
    a.values = values, a.places = places, a.offsets = offsets, a.sums = sums;
    memset(sums, 0, (size_t)run->sums_bytes);
    memset(input, 0, (size_t)run->input_bytes); /* a last vector reads past the end */
    for (int64_t p = 0, i = 0; p < g->p; p++)
        for (int64_t q = 0; q < g->q; q++, i++)
            offsets[i] = (int32_t)((p * g->stride_h * run->columns + q * g->stride_w) * g->c);
    for (int64_t i = pixels; i < run->images * pixels; i++) offsets[i] = offsets[i - pixels] + (int32_t)run->image;
    for (int64_t i = run->blocks * chunk / run->chunks; i < run->blocks * (chunk + 1) / run->chunks; i++) {
        const int64_t n0 = i / run->row_blocks * run->images, n1 = conv_min(g->n, n0 + run->images);
        const int64_t first = i % run->row_blocks * run->windows, last = conv_min(s->P, first + run->windows);
        const int64_t windows = (last - first) * s->Q;
        int64_t p0, p1;
        rows_seen(s, first, last, &p0, &p1);
        for (int64_t n = n0; n < n1; n++) {
            const int64_t at = (n * s->P + first) * s->Q * s->C * size, to = (n - n0) * windows * run->kp * size;
            conv_pad_block(run->t, g, run->x + n * g->h * g->w * g->c * size, p0, p1, g->c,
                           input + (n - n0) * run->image * size);
            run->t->conv_pooled_sort((const char*)run->from->g + at, (const char*)run->from->places + at, windows, g->k,
                                     p0 * g->q, p1 * g->q, (n - n0) * pixels, values + to, places + to, run->kp,
                                     sums + run->totals);
        }
        offsets[-1] = offsets[p0 * g->q]; /* inputs that are there, times zero */
        a.x = input - offsets[-1] * size;
        a.count = (n1 - n0) * windows;
        run->t->conv_pooled_dots(&a);
    }
}

/* The most inputs of an image that so many rows of windows see, in elements. */
static int64_t inputs_seen(const pooled_run* run, int64_t windows) {
    const pool_shape* s = run->from->shape;
    const int64_t outputs = (windows - 1) * s->stride[0] + (s->kernel[0] - 1) * s->dilation[0] + 1;
    return conv_block_rows(run->g, conv_min(outputs, s->H)) * run->columns * run->g->c;
}

static pooled_run plan(const kernel_table* t, const conv_geometry* g, const pooled_gradient* from) {
    const pool_shape* s = from->shape;
    t = conv_table(t, g->s * g->c);
    pooled_run run = {.t = t, .g = g, .from = from, .size = t->lane_bytes / t->lanes};
    run.kp = conv_ceil(g->k, t->lanes) * t->lanes;
    run.vectors = conv_ceil(g->s * g->c, t->lanes);
    run.columns = conv_columns(g, g->q);
    const int64_t row_bytes = 2 * s->Q * run.kp * run.size;
    run.windows = s->P;
    while (run.windows > 1 && (inputs_seen(&run, run.windows) * run.size > INPUT_BYTES ||
                               (run.windows * row_bytes > VALUE_BYTES && run.windows * s->Q > MANY_WINDOWS)))
        run.windows = (run.windows + 1) / 2;
    run.row_blocks = conv_ceil(s->P, run.windows);
    run.image = inputs_seen(&run, run.windows);
    run.images = run.row_blocks > 1 ? 1 : conv_ceil(MANY_WINDOWS, s->P * s->Q);
    run.images = conv_max(1, conv_min(conv_min(run.images, g->n), INPUT_BYTES / (run.image * run.size)));
    run.blocks = conv_ceil(g->n, run.images) * run.row_blocks;
    run.totals = g->k * g->r * run.vectors * t->lane_bytes;
    run.sums_bytes = run.totals + run.kp * run.size;
    run.chunks = conv_min(run.blocks, run.sums_bytes > LARGE_SUMS ? CHUNKS / 2 : CHUNKS);
    return run;
}

/* In hundredths of a cycle, as measured: a window, a vector of inputs that it meets; a block, a vector of its sums; an
 * output whose gradient is made, a vector of products with it. */
enum { WINDOW = 300, MEET = 95, BLOCK = 4000, SUM = 200, OUTPUT = 50, PRODUCT = 60, PLANE_PRODUCT = 150 };

/* The time that all gradients of a channel of an image take, once they are made. */
static double time_of_all(const kernel_table* t, const conv_geometry* g) {
    const conv_algorithm algorithm = conv_choose(t, CONV_GRAD_W, g, NULL);
    const double outputs = (double)(g->p * g->q), vectors = (double)(g->r * g->s * g->c) / t->lanes;
    if (algorithm == CONV_WINOGRAD_3 || algorithm == CONV_WINOGRAD_4) /* transforms are for all channels */
        return outputs * vectors * (20 + 160.0 / (double)g->c);
    return outputs * (OUTPUT + vectors * (algorithm == CONV_PLANE ? PLANE_PRODUCT : PRODUCT));
}

int conv_pooled_fits(const kernel_table* t, const conv_geometry* g, const pool_shape* s) {
    const pooled_gradient from = {.shape = s};
    if (g->groups != 1 || g->dilation_w != 1 || s->N != g->n || s->C != g->k || s->H != g->p || s->W != g->q) return 0;
    if (!g->n || !g->k || !g->c || (double)conv_block_rows(g, g->p) * conv_columns(g, g->q) * g->c >= INT32_MAX)
        return 0;
    const pooled_run run = plan(t, g, &from);
    if (run.image * run.size > MOST_INPUT || run.sums_bytes > MOST_SUMS) return 0;
    const int64_t vectors = g->r * run.vectors;
    const double blocks = (double)run.row_blocks / (double)run.images;
    return (double)(s->P * s->Q) * (WINDOW + MEET * vectors) + blocks * (BLOCK + SUM * vectors) < time_of_all(t, g);
}

int conv_pooled_grad_w(const kernel_table* t, const conv_geometry* g, const pooled_gradient* from, const void* x,
                       void* gw, void* gb) {
    pooled_run run = plan(t, g, from);
    const pool_shape* s = from->shape;
    const double work = (double)g->n * s->P * s->Q * g->k * g->r * g->s * g->c;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    t = run.t, run.x = x;
    run.input_bytes = conv_ceil(run.images * run.image * run.size + t->lane_bytes, 64) * 64;
    run.offset_bytes = conv_ceil((1 + run.images * g->p * g->q) * (int64_t)sizeof(int32_t), 64) * 64;
    run.value_bytes = conv_ceil(run.images * run.windows * s->Q * run.kp * run.size, 64) * 64;
    run.thread_bytes = run.input_bytes + run.offset_bytes + 2 * run.value_bytes;
    run.sums = memory_allocate((size_t)(run.sums_bytes * run.chunks + run.thread_bytes * threads));
    if (!run.sums) return -1;
    run.scratch = run.sums + run.sums_bytes * run.chunks;
    parallel_for(threads, run.chunks, chunk_task, &run);
    for (int64_t chunk = 1; chunk < run.chunks; chunk++)
        t->accumulate(run.sums + chunk * run.sums_bytes, run.sums, run.sums_bytes / run.size);
    t->conv_pooled_unpack(run.sums, run.vectors, g->k, g->c, g->r, g->s, gw);
    memcpy(gb, run.sums + run.totals, (size_t)(g->k * run.size));
    memory_release(run.sums);
    return 0;
}
