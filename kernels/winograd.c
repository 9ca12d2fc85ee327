/* Winograd's forward pass: blocks of tiles are transformed, multiplied position by position, and transformed back.
 * Every result is a sum in the order of channels: no blocking changes its bits. */
#include "winograd.h"

#include "gemm.h"
#include "kernels.h"
#include "memory.h"
#include "parallel.h"
#include "winograd_tiles.h"

enum {
    BLOCK_BYTES = 256 << 10, /* transformed inputs and products of a block: L2 */
    TILES_PER_CHANNEL = 2,   /* of a chunk: up to so many, large weights are transformed where they are used */
    STEP_BYTES = 16 << 20,   /* transformed inputs of one step; beyond, weights are read again for every step */
    MIN_TASKS = 8            /* below this, output channels are shared out as well */
};

typedef struct {
    tiling tiles;
    const char *x, *w, *bias;
    char *y, *weights, *inputs, *products;
    int64_t kp, weight_position, weights_bytes;             /* weights are [position][panel][c][width] */
    int64_t chunk, chunks, pitch, position, products_bytes; /* products are [position][tile][channel of the chunk] */
    int stepwise;                                           /* inputs of many blocks are transformed at a time */
    int64_t first, count;                                   /* blocks of this step */
} forward_run;

/* Transformed weights of some channels: [position][panel of output channels][channel][width]. */
typedef struct {
    char* at;
    int64_t c0, c1, k0, k1, position;
} weight_part;

/* Channels [c0, c1) of a part. The nine taps of a channel are adjacent, in either direction; where those of the next
 * one follow, several channels are transposed together. */
static void transform_weights(const forward_run* run, const weight_part* part, int64_t c0, int64_t c1) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    char taps[9 * TILING_TAPS * GEMM_MAX_PANEL_BYTES];
    const int flipped = g->weight_s < 0;
    const int64_t lowest = flipped ? 8 * g->weight_s : 0, together = g->weight_c == 9 ? TILING_TAPS : 1;
    const int64_t channels = part->c1 - part->c0;
    int64_t width, count;
    for (int64_t k = part->k0; k < part->k1; k += width) {
        width = gemm_panel_vectors(s->t, part->k1 - k) * s->t->lanes;
        for (int64_t c = c0; c < c1; c += count) {
            count = conv_min(together, c1 - c);
            const char* src = run->w + (k * g->weight_k + c * g->weight_c + lowest) * s->size;
            char* dst = part->at + ((k - part->k0) * channels + (c - part->c0) * width) * s->size;
            s->t->copy_2d(src, 1, g->weight_k, 9 * count, conv_min(width, part->k1 - k), taps, width, width);
            for (int64_t i = 0; i < count; i++)
                s->t->winograd_weight(s->out, taps + (flipped ? 9 * i + 8 : 9 * i) * width * s->size, width,
                                      flipped ? -width : width, dst + i * width * s->size, part->position);
        }
    }
}

static void weight_task(void* context, int64_t task, int thread) {
    (void)thread;
    const forward_run* run = context;
    const conv_geometry* g = run->tiles.g;
    const weight_part all = {run->weights, 0, g->c, 0, g->k, run->weight_position};
    transform_weights(run, &all, task * TILING_CHANNELS_PER_TASK,
                      conv_min(g->c, (task + 1) * TILING_CHANNELS_PER_TASK));
}

/* Outputs [k0, k1) of `count` tiles from the products. */
static void transform_outputs(const forward_run* run, int64_t first, int64_t count, int64_t k0, int64_t k1,
                              const char* products) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    winograd_result out = {
        .out = s->out, .channels = k1 - k0, .row = g->out_h, .column = g->out_w, .position = run->position};
    out.bias = run->bias ? run->bias + k0 * s->size : NULL;
    out.relu = g->relu;
    tile_place at = tiling_locate(s, first), begin = at;
    for (int64_t i = 0; i < count; i++) {
        out.r1 = conv_min(s->out, g->p - at.p), out.s1 = conv_min(s->out, g->q - at.q);
        out.pixels = run->y + (at.n * g->out_n + at.p * g->out_h + at.q * g->out_w + k0) * s->size;
        out.positions = products + i * run->pitch * s->size;
        s->t->winograd_output(&out);
        tiling_prefetch(s, (const char*)out.pixels + s->out * out.row * s->size, out.row, out.column, out.channels);
        const int64_t q1 = at.q + out.s1;
        tiling_next(s, &at);
        if (q1 < g->q && i + 1 < count) continue;
        conv_written(g, begin.n, begin.p, begin.p + out.r1, begin.q, q1, out.channels);
        begin = at;
    }
}

/* A chunk of output channels of one block of tiles. Meanwhile fetches what the next position needs from L3. While
 * inputs are read block by block, also the pixels of the next block and, before the first results, those that they go
 * to. */
static void multiply(const forward_run* run, int64_t block, const char* inputs, int64_t chunk, char* products) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    const int64_t first = block * s->block, count = conv_min(s->block, s->tiles - first);
    const int64_t k0 = chunk * run->chunk, k1 = conv_min(g->k, k0 + run->chunk);
    gemm_plain_args a = {.m = count, .k = g->c, .lda = s->pitch, .ldc = run->pitch};
    a.n = conv_ceil(k1 - k0, s->t->lanes) * s->t->lanes;

    const int half = s->positions / 2, begins = chunk == 0 && !run->stepwise;
    const int64_t weight_bytes = run->weight_position * s->size, steps = tiling_steps(s, a.m, a.n, a.k);
    tiling_stream weights = {0}, next, results = {0};
    const char* const w = run->weights + k0 * g->c * s->size;
    if (s->positions * weight_bytes > TILING_FAR)
        weights = (tiling_stream){w + weight_bytes, weight_bytes, conv_ceil(a.n * a.k * s->size, steps)};
    if (run->stepwise) {
        next = (tiling_stream){inputs + s->position * s->size, s->position * s->size,
                               conv_ceil(count * s->pitch * s->size, steps)};
    } else { /* from the row below on: the tiles above touch the others */
        next = tiling_pixels(s, run->x, g->h * g->w * g->c * s->size, first + s->block + s->tiles_w,
                             run->chunks * s->positions - half, steps);
        if (next.from && chunk) next.from += (chunk * s->positions - half) * next.share;
    }
    if (begins) results = tiling_pixels(s, run->y, g->out_n * s->size, first, half, steps);

    for (int i = 0; i < s->positions; i++) {
        a.a = inputs + i * s->position * s->size;
        a.b = w + i * weight_bytes;
        a.c = products + i * run->position * s->size;
        a.ahead[0] = tiling_ahead(&weights, i);
        a.ahead[weights.from != NULL] = begins && i >= half ? tiling_ahead(&results, i - half) : tiling_ahead(&next, i);
        s->t->gemm_plain(&a);
    }
    transform_outputs(run, first, count, k0, k1, products);
}

/* Products of a position, or those of some more input channels added, in the order of one sum. The inputs of the next
 * position are fetched. */
static void multiply_group(const forward_run* run, const weight_part* part, const char* inputs, int64_t i, char* c) {
    const tiling* s = &run->tiles;
    const int64_t channels = part->c1 - part->c0, n = conv_ceil(part->k1 - part->k0, s->t->lanes) * s->t->lanes;
    const char *weights = part->at + i * part->position * s->size, *next = inputs + s->position * s->size;
    const int64_t steps = tiling_steps(s, s->tiles, n, channels);
    const int64_t step = conv_ceil(s->tiles * s->pitch * s->size, steps);
    if (part->c0 == 0) {
        s->t->gemm_plain(&(gemm_plain_args){.m = s->tiles,
                                            .n = n,
                                            .k = channels,
                                            .a = inputs,
                                            .b = weights,
                                            .c = c,
                                            .lda = s->pitch,
                                            .ldc = run->pitch,
                                            .ahead = {{next, step}}});
        return;
    }
    gemm_segment segment = {.a = inputs, .k = channels};
    gemm_panel_args a = {.m = s->tiles, .flags = GEMM_ONTO, .segments = &segment, .count = 1, .lda = s->pitch};
    a.ldc = run->pitch;
    for (int64_t k = 0; k < n; k += a.n) {
        a.vectors = gemm_panel_vectors(s->t, n - k);
        a.n = a.ldb = a.vectors * s->t->lanes;
        a.ahead[0] = (gemm_ahead){next, step};
        next += tiling_steps(s, a.m, a.n, channels) * step;
        segment.b = weights + k * channels * s->size;
        a.c = c + k * s->size;
        s->t->gemm_panel(&a);
    }
}

/* A chunk of output channels of all tiles, some input channels at a time. */
static void group_task(void* context, int64_t chunk, int thread) {
    const forward_run* run = context;
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    const char* inputs = run->inputs;
    char* products = run->products + thread * run->products_bytes;
    weight_part part = {.at = run->weights + thread * run->weights_bytes, .position = run->weight_position};
    part.k0 = chunk * run->chunk, part.k1 = conv_min(g->k, part.k0 + run->chunk);
    for (part.c0 = 0; part.c0 < g->c; part.c0 = part.c1, inputs += s->group_bytes) {
        part.c1 = conv_min(g->c, part.c0 + s->group);
        transform_weights(run, &part, part.c0, part.c1);
        for (int64_t i = 0; i < s->positions; i++)
            multiply_group(run, &part, inputs + i * s->position * s->size, i, products + i * run->position * s->size);
    }
    transform_outputs(run, 0, s->tiles, part.k0, part.k1, products);
}

static void block_task(void* context, int64_t block, int thread) {
    const forward_run* run = context;
    const tiling* s = &run->tiles;
    char* inputs = run->inputs + thread * s->block_bytes;
    tiling_transform(s, run->x, block * s->block, conv_min(s->tiles, (block + 1) * s->block), inputs);
    for (int64_t chunk = 0; chunk < run->chunks; chunk++)
        multiply(run, block, inputs, chunk, run->products + thread * run->products_bytes);
}

static void input_task(void* context, int64_t i, int thread) {
    (void)thread;
    const forward_run* run = context;
    const tiling* s = &run->tiles;
    const int64_t block = run->first + i;
    tiling_transform(s, run->x, block * s->block, conv_min(s->tiles, (block + 1) * s->block),
                     run->inputs + i * s->block_bytes);
}

static void multiply_task(void* context, int64_t task, int thread) {
    const forward_run* run = context;
    const int64_t i = task % run->count;
    multiply(run, run->first + i, run->inputs + i * run->tiles.block_bytes, task / run->count,
             run->products + thread * run->products_bytes);
}

static void group_input_task(void* context, int64_t task, int thread) {
    (void)thread;
    const forward_run* run = context;
    const tiling* s = &run->tiles;
    const int64_t begin = task * TILING_TILES_PER_TASK;
    tiling_transform(s, run->x, begin, conv_min(s->tiles, begin + TILING_TILES_PER_TASK),
                     run->inputs + begin * s->pitch * s->size);
}

/* Large weights for few tiles: moving them, transformed, to memory and back would take longer than multiplying. So some
 * input channels at a time are transformed and multiplied from L2, while the tiles come anew for each chunk. */
static int convolve_by_groups(forward_run* run, int64_t chunk) {
    tiling* s = &run->tiles;
    tiling_set_groups(s);
    run->chunk = chunk;
    run->pitch = conv_odd_lines(chunk, s->size);
    run->position = conv_odd_lines(s->tiles * run->pitch, s->size);
    run->products_bytes = s->positions * run->position * s->size;
    run->weight_position = conv_odd_lines(s->group * run->chunk, s->size);
    run->weights_bytes = s->positions * run->weight_position * s->size;
    char* scratch = memory_allocate((size_t)(s->block_bytes + (run->products_bytes + run->weights_bytes) * s->threads));
    if (!scratch) return -1;
    run->inputs = scratch;
    run->products = scratch + s->block_bytes;
    run->weights = run->products + run->products_bytes * s->threads;
    parallel_for(s->threads, conv_ceil(s->tiles, TILING_TILES_PER_TASK), group_input_task, run);
    parallel_for(s->threads, conv_ceil(s->g->k, run->chunk), group_task, run);
    memory_release(scratch);
    return 0;
}

int winograd(const kernel_table* t, int out, const conv_geometry* g, const void* x, const norm_application* norm,
             const void* w, const void* bias, void* y, memory_kept* kept) {
    forward_run run = {.x = x, .w = w, .bias = bias, .y = y};
    tiling* s = &run.tiles;
    const int64_t widest = t->panel * t->lanes;
    tiling_set(s, t, out, g, norm);
    run.kp = conv_ceil(g->k, t->lanes) * t->lanes;
    run.chunk = conv_min(run.kp, conv_ceil(TILING_CHUNK, widest) * widest);
    run.chunks = conv_ceil(g->k, run.chunk);
    run.weight_position = conv_odd_lines(g->c * run.kp, s->size);
    const int64_t weights_bytes = s->positions * run.weight_position * s->size;
    const int large = weights_bytes > TILING_SMALL;
    const int64_t narrow = run.chunks < MIN_TASKS ? conv_min(run.chunk, TILING_CHUNK / 2) : run.chunk;
    if (large && !kept && s->tiles <= TILES_PER_CHANNEL * narrow) return convolve_by_groups(&run, narrow);
    tiling_set_blocks(s, BLOCK_BYTES, s->positions * (s->pitch + run.chunk) * s->size, large ? 60 : 24, 60, MIN_TASKS);
    run.pitch = conv_odd_lines(run.chunk, s->size);
    run.position = conv_odd_lines(s->block * run.pitch, s->size);
    run.products_bytes = s->positions * run.position * s->size;
    /* Large weights are read once for many blocks: all inputs of a step are transformed before it multiplies. */
    run.stepwise = large || (s->blocks < MIN_TASKS && run.chunks > 1);
    const int64_t step = conv_min(s->blocks, conv_max(MIN_TASKS, STEP_BYTES / s->block_bytes));
    const int64_t inputs_bytes = s->block_bytes * (run.stepwise ? step : s->threads);
    char* scratch = memory_allocate((size_t)(inputs_bytes + run.products_bytes * s->threads));
    if (!scratch) return -1;
    run.inputs = scratch;
    run.products = run.inputs + inputs_bytes;
    run.weights = memory_keep(kept, (size_t)weights_bytes);
    if (!run.weights) {
        memory_release(scratch);
        return -1;
    }
    if (!kept || !kept->ready) parallel_for(s->threads, conv_ceil(g->c, TILING_CHANNELS_PER_TASK), weight_task, &run);
    if (kept) kept->ready = 1;
    if (!run.stepwise) parallel_for(s->threads, s->blocks, block_task, &run);
    for (run.first = 0; run.stepwise && run.first < s->blocks; run.first += step) {
        run.count = conv_min(step, s->blocks - run.first);
        parallel_for(s->threads, run.count, input_task, &run);
        parallel_for(s->threads, run.count * run.chunks, multiply_task, &run);
    }
    memory_unkeep(kept, run.weights);
    memory_release(scratch);
    return 0;
}
