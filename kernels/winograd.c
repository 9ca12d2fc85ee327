/* Winograd drivers: blocks of tiles are transformed, multiplied position by position, and transformed back.
 * Every result is a sum in the order of channels (for weights, of tiles, in chunks): no blocking changes its bits. */
#include "winograd.h"

#include <string.h>

#include "gemm.h"
#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum {
    CHUNK = 64,              /* output channels whose products are kept at a time */
    BLOCK_BYTES = 256 << 10, /* transformed inputs and products of a block: L2 */
    SMALL_WEIGHTS = 4 << 20, /* transformed weights up to here are read again for every block of tiles */
    TILES_PER_CHANNEL = 2,   /* of a chunk: up to so many, large weights are transformed where they are used, ... */
    GROUP = 128,             /* ... about so many input channels at a time, ... */
    GRAD_FEW_TILES = 128,    /* ... and up to so many, the sums of their gradient */
    STEP_BYTES = 16 << 20,   /* transformed inputs of one step; beyond, weights are read again for every step */
    MIN_TASKS = 8,           /* below this, output channels are shared out as well */
    GRAD_BLOCK_BYTES = 256 << 10, /* transformed inputs and gradients of a block of the weight gradient: L2 */
    GRAD_CHUNKS = 16,             /* of tiles, so that threads share nothing but what they read ... */
    CHUNK_TILES = 64,             /* ... and at least so many: adding up the sums of a chunk takes as long as ten ... */
    LARGE_SUMS = 192 << 10,       /* ... unless so much is to be added up in the end */
    TILE_ROWS = 12,               /* a multiple of the heights of register tiles */
    PAGE = 4096,                  /* within which the hardware foresees what is read */
    TILES_PER_TASK = 8,
    CHANNELS_PER_TASK = 32,
    TAPS_CHANNELS = 8, /* whose taps are transposed together */
    PARALLEL_WORK = 1 << 17
};

/* What the forward pass and the weight gradient share: tiles, and inputs at the positions as [position][tile][c]. */
typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    const norm_application* norm; /* of the input, or NULL */
    int out, in, positions;       /* sides of a tile of outputs and of inputs, and what a transform has: in * in */
    int64_t tiles_h, tiles_w, tiles, block, blocks;
    int64_t group;           /* input channels that lie together: inputs are [group][position][tile][channel] */
    int64_t pitch, position; /* of a tile, of a position: an odd number of cache lines, to spread over cache sets */
    int64_t group_bytes, block_bytes;
    int threads, size;
} tiling;

typedef struct {
    tiling tiles;
    const char *x, *w, *bias;
    char *y, *weights, *inputs, *products;
    int64_t kp, weight_position, weights_bytes;             /* weights are [position][panel][c][width] */
    int64_t chunk, chunks, pitch, position, products_bytes; /* products are [position][tile][channel of the chunk] */
    int64_t first, count;                                   /* blocks of this step */
} forward_run;

static void set_tiling(tiling* s, const kernel_table* t, int out, const conv_geometry* g,
                       const norm_application* norm) {
    s->t = t, s->g = g, s->norm = norm;
    s->out = out, s->in = out + 2, s->positions = s->in * s->in;
    s->size = t->lane_bytes / t->lanes;
    s->tiles_h = conv_ceil(g->p, out), s->tiles_w = conv_ceil(g->q, out);
    s->tiles = g->n * s->tiles_h * s->tiles_w;
    s->group = g->c;
    s->pitch = conv_odd_lines(g->c, s->size);
    double work = (double)s->tiles * s->positions * (double)g->c * (double)g->k;
    s->threads = work < PARALLEL_WORK ? 1 : parallel_threads();
}

/* Blocks of some `bytes`, at `tile_bytes` a tile: a multiple of the height of register tiles, and about equal parts of
 * the tiles of one of `tasks`. */
static void set_blocks(tiling* s, int64_t bytes, int64_t tile_bytes, int64_t least, int64_t most, int64_t tasks) {
    const int64_t block = conv_max(least, conv_min(most, bytes / tile_bytes)), shared = conv_ceil(s->tiles, tasks);
    s->block = conv_ceil(shared, conv_ceil(shared, block) * TILE_ROWS) * TILE_ROWS;
    s->block = conv_min(s->block, s->tiles);
    s->blocks = conv_ceil(s->tiles, s->block);
    s->position = conv_odd_lines(s->block * s->pitch, s->size);
    s->block_bytes = s->group_bytes = s->positions * s->position * s->size;
}

/* All tiles in one block, about GROUP channels at a time. */
static void set_groups(tiling* s) {
    s->group = conv_ceil(s->g->c, conv_ceil(s->g->c, GROUP) * s->t->lanes) * s->t->lanes;
    s->pitch = conv_odd_lines(s->group, s->size);
    s->position = conv_odd_lines(s->tiles * s->pitch, s->size);
    s->group_bytes = s->positions * s->position * s->size;
    s->block_bytes = s->group_bytes * conv_ceil(s->g->c, s->group);
}

typedef struct {
    int64_t n, p, q; /* image, and the first output pixel */
} tile_place;

static tile_place locate(const tiling* s, int64_t tile) {
    int64_t row = tile / s->tiles_w;
    return (tile_place){row / s->tiles_h, row % s->tiles_h * s->out, tile % s->tiles_w * s->out};
}

/* The next tile in memory's order; a division for each would take as long as a transform. */
static void next_tile(const tiling* s, tile_place* at) {
    at->q += s->out;
    if (at->q < s->g->q) return;
    at->q = 0, at->p += s->out;
    if (at->p < s->g->p) return;
    at->p = 0, at->n++;
}

/* The part of [first, first + side) inside [0, length), counted from first. */
static void clip(int64_t first, int64_t side, int64_t length, int64_t* begin, int64_t* end) {
    *begin = conv_max(0, -first);
    *end = conv_min(side, length - first);
}

/* Asks for the pixels that the tile below will be the first to touch, strides and `channels` in elements: tiles
 * jump between rows, which no prefetcher of the hardware follows, unless they lie close together. */
static void prefetch(const tiling* s, const char* pixels, int64_t row, int64_t column, int64_t channels) {
    if (s->out * row * s->size <= PAGE) return;
    const int64_t together = channels == column ? s->out : 1, line = row * s->size, step = together * column * s->size;
    const int64_t bytes = together * channels * s->size;
    for (const char* end = pixels + s->out * line; pixels < end; pixels += line)
        for (int64_t j = 0; j < s->out * column * s->size; j += step)
            for (int64_t byte = 0; byte < bytes; byte += 64) __builtin_prefetch(pixels + j + byte);
}

/* Tiles [first, last) of the input, to rows 0, 1, ... of the block. */
static void transform_inputs(const tiling* s, const char* x, int64_t first, int64_t last, char* block) {
    const conv_geometry* g = s->g;
    winograd_tile tile = {.out = s->out, .row = g->w * g->c, .column = g->c, .position = s->position, .norm = s->norm};
    tile_place at = locate(s, first);
    for (int64_t i = first; i < last; i++, next_tile(s, &at)) {
        int64_t h = at.p + g->origin_h, w = at.q + g->origin_w;
        clip(h, s->in, g->h, &tile.r0, &tile.r1);
        clip(w, s->in, g->w, &tile.s0, &tile.s1);
        const char* pixels = x + ((at.n * g->h + h) * g->w + w) * g->c * s->size;
        tile.positions = block + (i - first) * s->pitch * s->size;
        for (int64_t c = 0; c < g->c; c += s->group) {
            tile.pixels = pixels + c * s->size, tile.channel = c;
            tile.channels = conv_min(s->group, g->c - c);
            s->t->winograd_input(&tile);
            tile.positions = (char*)tile.positions + s->group_bytes;
        }
        prefetch(s, pixels + (s->in * tile.row + tile.column) * s->size, tile.row, tile.column, g->c);
    }
}

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
    char taps[9 * TAPS_CHANNELS * GEMM_MAX_PANEL_BYTES];
    const int flipped = g->weight_s < 0;
    const int64_t lowest = flipped ? 8 * g->weight_s : 0, together = g->weight_c == 9 ? TAPS_CHANNELS : 1;
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
    transform_weights(run, &all, task * CHANNELS_PER_TASK, conv_min(g->c, (task + 1) * CHANNELS_PER_TASK));
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
    tile_place at = locate(s, first);
    for (int64_t i = 0; i < count; i++, next_tile(s, &at)) {
        out.r1 = conv_min(s->out, g->p - at.p), out.s1 = conv_min(s->out, g->q - at.q);
        out.pixels = run->y + (at.n * g->out_n + at.p * g->out_h + at.q * g->out_w + k0) * s->size;
        out.positions = products + i * run->pitch * s->size;
        s->t->winograd_output(&out);
        prefetch(s, (const char*)out.pixels + s->out * out.row * s->size, out.row, out.column, out.channels);
    }
}

/* A chunk of output channels of one block of tiles. */
static void multiply(const forward_run* run, int64_t block, const char* inputs, int64_t chunk, char* products) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    const int64_t first = block * s->block, count = conv_min(s->block, s->tiles - first);
    const int64_t k0 = chunk * run->chunk, k1 = conv_min(g->k, k0 + run->chunk);
    gemm_plain_args a = {.m = count, .k = g->c, .lda = s->pitch, .ldc = run->pitch};
    a.n = conv_ceil(k1 - k0, s->t->lanes) * s->t->lanes;
    for (int64_t i = 0; i < s->positions; i++) {
        a.a = inputs + i * s->position * s->size;
        a.b = run->weights + (i * run->weight_position + k0 * g->c) * s->size;
        a.c = products + i * run->position * s->size;
        s->t->gemm_plain(&a);
    }
    transform_outputs(run, first, count, k0, k1, products);
}

/* Products of a position, or those of some more input channels added, in the order of one sum. */
static void multiply_group(const forward_run* run, const weight_part* part, const char* inputs, int64_t i, char* c) {
    const tiling* s = &run->tiles;
    const int64_t channels = part->c1 - part->c0, n = conv_ceil(part->k1 - part->k0, s->t->lanes) * s->t->lanes;
    const char* weights = part->at + i * part->position * s->size;
    if (part->c0 == 0) {
        s->t->gemm_plain(&(gemm_plain_args){.m = s->tiles,
                                            .n = n,
                                            .k = channels,
                                            .a = inputs,
                                            .b = weights,
                                            .c = c,
                                            .lda = s->pitch,
                                            .ldc = run->pitch});
        return;
    }
    gemm_segment segment = {.a = inputs, .k = channels};
    gemm_panel_args a = {.m = s->tiles, .flags = GEMM_ONTO, .segments = &segment, .count = 1, .lda = s->pitch};
    a.ldc = run->pitch;
    for (int64_t k = 0; k < n; k += a.n) {
        a.vectors = gemm_panel_vectors(s->t, n - k);
        a.n = a.ldb = a.vectors * s->t->lanes;
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
    transform_inputs(s, run->x, block * s->block, conv_min(s->tiles, (block + 1) * s->block), inputs);
    for (int64_t chunk = 0; chunk < run->chunks; chunk++)
        multiply(run, block, inputs, chunk, run->products + thread * run->products_bytes);
}

static void input_task(void* context, int64_t i, int thread) {
    (void)thread;
    const forward_run* run = context;
    const tiling* s = &run->tiles;
    const int64_t block = run->first + i;
    transform_inputs(s, run->x, block * s->block, conv_min(s->tiles, (block + 1) * s->block),
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
    const int64_t begin = task * TILES_PER_TASK;
    transform_inputs(s, run->x, begin, conv_min(s->tiles, begin + TILES_PER_TASK),
                     run->inputs + begin * s->pitch * s->size);
}

/* Large weights for few tiles: moving them, transformed, to memory and back would take longer than multiplying. So some
 * input channels at a time are transformed and multiplied from L2, while the tiles come anew for each chunk. */
static int convolve_by_groups(forward_run* run, int64_t chunk) {
    tiling* s = &run->tiles;
    set_groups(s);
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
    parallel_for(s->threads, conv_ceil(s->tiles, TILES_PER_TASK), group_input_task, run);
    parallel_for(s->threads, conv_ceil(s->g->k, run->chunk), group_task, run);
    memory_release(scratch);
    return 0;
}

int winograd(const kernel_table* t, int out, const conv_geometry* g, const void* x, const norm_application* norm,
             const void* w, const void* bias, void* y, memory_kept* kept) {
    forward_run run = {.x = x, .w = w, .bias = bias, .y = y};
    tiling* s = &run.tiles;
    const int64_t widest = t->panel * t->lanes;
    set_tiling(s, t, out, g, norm);
    run.kp = conv_ceil(g->k, t->lanes) * t->lanes;
    run.chunk = conv_min(run.kp, conv_ceil(CHUNK, widest) * widest);
    run.chunks = conv_ceil(g->k, run.chunk);
    run.weight_position = conv_odd_lines(g->c * run.kp, s->size);
    const int64_t weights_bytes = s->positions * run.weight_position * s->size;
    const int large = weights_bytes > SMALL_WEIGHTS;
    const int64_t narrow = run.chunks < MIN_TASKS ? conv_min(run.chunk, CHUNK / 2) : run.chunk;
    if (large && !kept && s->tiles <= TILES_PER_CHANNEL * narrow) return convolve_by_groups(&run, narrow);
    set_blocks(s, BLOCK_BYTES, s->positions * (s->pitch + run.chunk) * s->size, large ? 60 : 24, 60, MIN_TASKS);
    run.pitch = conv_odd_lines(run.chunk, s->size);
    run.position = conv_odd_lines(s->block * run.pitch, s->size);
    run.products_bytes = s->positions * run.position * s->size;
    /* Large weights are read once for many blocks: all inputs of a step are transformed before it multiplies. */
    const int stepwise = large || (s->blocks < MIN_TASKS && run.chunks > 1);
    const int64_t step = conv_min(s->blocks, conv_max(MIN_TASKS, STEP_BYTES / s->block_bytes));
    const int64_t inputs_bytes = s->block_bytes * (stepwise ? step : s->threads);
    char* scratch = memory_allocate((size_t)(inputs_bytes + run.products_bytes * s->threads));
    if (!scratch) return -1;
    run.inputs = scratch;
    run.products = run.inputs + inputs_bytes;
    run.weights = memory_keep(kept, (size_t)weights_bytes);
    if (!run.weights) {
        memory_release(scratch);
        return -1;
    }
    if (!kept || !kept->ready) parallel_for(s->threads, conv_ceil(g->c, CHANNELS_PER_TASK), weight_task, &run);
    if (kept) kept->ready = 1;
    if (!stepwise) parallel_for(s->threads, s->blocks, block_task, &run);
    for (run.first = 0; stepwise && run.first < s->blocks; run.first += step) {
        run.count = conv_min(step, s->blocks - run.first);
        parallel_for(s->threads, run.count, input_task, &run);
        parallel_for(s->threads, run.count * run.chunks, multiply_task, &run);
    }
    memory_unkeep(kept, run.weights);
    memory_release(scratch);
    return 0;
}

typedef struct {
    tiling tiles;
    const char *x, *grad;
    char *gw, *scratch, *sums, *taps;            /* sums are [chunk][position][c][kp] */
    int64_t group, pitch, position, group_bytes; /* of the gradients: [group][position][tile][k] */
    int64_t kp, sum_position, sums_bytes, taps_bytes;
    int64_t thread_bytes; /* transformed inputs, then gradients, of a block */
    int64_t chunks;       /* of blocks, with sums of their own */
    int64_t first, count; /* tiles of this block, if there is one chunk */
} grad_run;

/* Tiles [begin, end) of the block that starts with tile `first`. */
static void transform_tiles(const grad_run* run, int64_t first, int64_t begin, int64_t end, char* inputs) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    transform_inputs(s, run->x, first + begin, first + end, inputs + begin * s->pitch * s->size);
    winograd_tile tile = {.out = s->out, .row = g->q * g->k, .column = g->k, .position = run->position};
    tile_place at = locate(s, first + begin);
    for (int64_t i = begin; i < end; i++, next_tile(s, &at)) {
        clip(at.p, s->out, g->p, &tile.r0, &tile.r1);
        clip(at.q, s->out, g->q, &tile.s0, &tile.s1);
        const char* pixels = run->grad + ((at.n * g->p + at.p) * g->q + at.q) * g->k * s->size;
        char* positions = inputs + s->block_bytes + i * run->pitch * s->size;
        for (int64_t k = 0; k < g->k; k += run->group, positions += run->group_bytes) {
            tile.channels = conv_min(run->group, g->k - k);
            tile.pixels = pixels + k * s->size;
            tile.positions = positions;
            s->t->winograd_gradient(&tile);
        }
        prefetch(s, pixels + s->out * tile.row * s->size, tile.row, tile.column, g->k);
    }
}

/* Sums over tiles of input channels [c0, c1) and output channels [k0, k1): [position][c][pitch]. */
typedef struct {
    char* sums;
    int64_t c0, c1, k0, k1, pitch, position;
} sum_part;

static sum_part all_sums(const grad_run* run, char* sums) {
    return (sum_part){sums, 0, run->tiles.g->c, 0, run->tiles.g->k, run->kp, run->sum_position};
}

/* Sets the sums of a position to those of a block of `count` tiles, or adds them. */
static void sum_tiles(const grad_run* run, int64_t i, int64_t count, int add, const char* inputs,
                      const sum_part* part) {
    const tiling* s = &run->tiles;
    const char* grads = inputs + s->block_bytes + part->k0 / run->group * run->group_bytes;
    gemm_segment segment = {.a = inputs + part->c0 / s->group * s->group_bytes + i * s->position * s->size, .k = count};
    gemm_panel_args a = {.m = part->c1 - part->c0, .segments = &segment, .count = 1, .lda = s->pitch};
    a.ldb = run->pitch, a.ldc = part->pitch;
    a.flags = GEMM_TRANS_A | (add ? GEMM_ADD : 0);
    for (int64_t k = 0; k < part->k1 - part->k0; k += a.n) {
        a.vectors = gemm_panel_vectors(s->t, part->k1 - part->k0 - k);
        a.n = a.vectors * s->t->lanes;
        segment.b = grads + (i * run->position + k) * s->size;
        a.c = part->sums + (i * part->position + k) * s->size;
        s->t->gemm_panel(&a);
    }
}

/* The weight's gradient from sums of channels [c0, c1) of a part. */
static void finish(const grad_run* run, const sum_part* part, int64_t c0, int64_t c1, char* taps) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    const int64_t width = s->t->panel * s->t->lanes;
    for (int64_t c = c0, count; c < c1; c += count) {
        count = conv_min(TAPS_CHANNELS, c1 - c);
        for (int64_t k = part->k0, n; k < part->k1; k += n) {
            n = conv_min(width, conv_ceil(part->k1 - k, s->t->lanes) * s->t->lanes);
            const char* sums = part->sums + ((c - part->c0) * part->pitch + k - part->k0) * s->size;
            for (int64_t i = 0; i < count; i++)
                s->t->winograd_grad_w(s->out, sums + i * part->pitch * s->size, n, part->position,
                                      taps + 9 * i * n * s->size, n);
            s->t->copy_2d(taps, 1, n, conv_min(n, part->k1 - k), 9 * count, run->gw + (k * g->c + c) * 9 * s->size,
                          g->c * 9, 9 * count);
        }
    }
}

static void transform_task(void* context, int64_t task, int thread) {
    (void)thread;
    const grad_run* run = context;
    const int64_t begin = task * TILES_PER_TASK;
    transform_tiles(run, run->first, begin, conv_min(run->count, begin + TILES_PER_TASK), run->scratch);
}

static void sum_task(void* context, int64_t i, int thread) {
    (void)thread;
    const grad_run* run = context;
    const sum_part all = all_sums(run, run->sums);
    sum_tiles(run, i, run->count, run->first > 0, run->scratch, &all);
}

static void chunk_task(void* context, int64_t chunk, int thread) {
    const grad_run* run = context;
    const tiling* s = &run->tiles;
    char* inputs = run->scratch + thread * run->thread_bytes;
    const sum_part all = all_sums(run, run->sums + chunk * run->sums_bytes);
    const int64_t begin = s->blocks * chunk / run->chunks, end = s->blocks * (chunk + 1) / run->chunks;
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * s->block, count = conv_min(s->block, s->tiles - first);
        transform_tiles(run, first, 0, count, inputs);
        for (int64_t i = 0; i < s->positions; i++) sum_tiles(run, i, count, block > begin, inputs, &all);
    }
}

/* Adds up a position of all chunks. */
static void total_task(void* context, int64_t i, int thread) {
    (void)thread;
    const grad_run* run = context;
    const int64_t elements = run->tiles.g->c * run->kp;
    char* sums = run->sums + i * run->sum_position * run->tiles.size;
    for (int64_t chunk = 1; chunk < run->chunks; chunk++)
        run->tiles.t->accumulate(sums + chunk * run->sums_bytes, sums, elements);
}

static void finish_task(void* context, int64_t task, int thread) {
    const grad_run* run = context;
    const sum_part all = all_sums(run, run->sums);
    finish(run, &all, task * CHANNELS_PER_TASK, conv_min(all.c1, (task + 1) * CHANNELS_PER_TASK),
           run->taps + thread * run->taps_bytes);
}

/* A group of input channels by one of output channels: sums of all tiles, and the gradient from them. */
static void group_sum_task(void* context, int64_t task, int thread) {
    const grad_run* run = context;
    const tiling* s = &run->tiles;
    const int64_t groups = conv_ceil(s->g->c, s->group), c0 = task % groups * s->group, k0 = task / groups * run->group;
    const int64_t c1 = conv_min(s->g->c, c0 + s->group), k1 = conv_min(s->g->k, k0 + run->group);
    const sum_part part = {run->sums + thread * run->sums_bytes, c0, c1, k0, k1, run->group, run->sum_position};
    for (int64_t i = 0; i < s->positions; i++) sum_tiles(run, i, s->tiles, 0, run->scratch, &part);
    finish(run, &part, c0, c1, run->taps + thread * run->taps_bytes);
}

/* Sums of few tiles: moving them to memory and back would take longer than multiplying, so a group of them at a time is
 * made and transformed in L2. */
static int grad_w_by_groups(grad_run* run) {
    tiling* s = &run->tiles;
    set_groups(s);
    run->group = conv_min(run->kp, CHUNK);
    run->pitch = conv_odd_lines(run->group, s->size);
    run->position = conv_odd_lines(s->tiles * run->pitch, s->size);
    run->group_bytes = s->positions * run->position * s->size;
    run->sum_position = conv_odd_lines(s->group * run->group, s->size);
    run->sums_bytes = s->positions * run->sum_position * s->size;
    run->count = s->tiles;
    const int64_t groups = conv_ceil(s->g->k, run->group), inputs_bytes = s->block_bytes + groups * run->group_bytes;
    char* scratch = memory_allocate((size_t)(inputs_bytes + (run->sums_bytes + run->taps_bytes) * s->threads));
    if (!scratch) return -1;
    run->scratch = scratch;
    run->sums = scratch + inputs_bytes;
    run->taps = run->sums + run->sums_bytes * s->threads;
    parallel_for(s->threads, conv_ceil(s->tiles, TILES_PER_TASK), transform_task, run);
    parallel_for(s->threads, groups * conv_ceil(s->g->c, s->group), group_sum_task, run);
    memory_release(scratch);
    return 0;
}

int winograd_grad_w(const kernel_table* t, int out, const conv_geometry* g, const void* grad, const void* x,
                    const norm_application* norm, void* gw) {
    grad_run run = {.x = x, .grad = grad, .gw = gw};
    tiling* s = &run.tiles;
    set_tiling(s, t, out, g, norm);
    run.kp = conv_ceil(g->k, t->lanes) * t->lanes;
    run.taps_bytes = 9 * TAPS_CHANNELS * conv_min(run.kp, t->panel * t->lanes) * s->size;
    if (s->positions * g->c * run.kp * s->size > SMALL_WEIGHTS && s->tiles <= GRAD_FEW_TILES)
        return grad_w_by_groups(&run);
    run.group = g->k;
    run.pitch = conv_odd_lines(run.kp, s->size);
    const int64_t chunks = conv_max(1, conv_min(GRAD_CHUNKS, s->tiles / CHUNK_TILES));
    set_blocks(s, GRAD_BLOCK_BYTES, s->positions * (s->pitch + run.pitch) * s->size, 48, 240, chunks);
    run.position = conv_odd_lines(s->block * run.pitch, s->size);
    run.sum_position = conv_odd_lines(g->c * run.kp, s->size);
    run.sums_bytes = s->positions * run.sum_position * s->size;
    run.chunks = run.sums_bytes > LARGE_SUMS ? 1 : conv_min(s->blocks, chunks);
    run.thread_bytes = s->block_bytes + s->positions * run.position * s->size;
    const int64_t blocks = run.chunks > 1 ? s->threads : 1;
    char* scratch = memory_allocate(
        (size_t)(run.thread_bytes * blocks + run.sums_bytes * run.chunks + run.taps_bytes * s->threads));
    if (!scratch) return -1;
    run.scratch = scratch;
    run.sums = scratch + run.thread_bytes * blocks;
    run.taps = run.sums + run.sums_bytes * run.chunks;
    if (run.chunks > 1) {
        parallel_for(s->threads, run.chunks, chunk_task, &run);
        parallel_for(s->threads, s->positions, total_task, &run);
    }
    for (; run.chunks == 1 && run.first < s->tiles; run.first += s->block) {
        run.count = conv_min(s->block, s->tiles - run.first);
        parallel_for(s->threads, conv_ceil(run.count, TILES_PER_TASK), transform_task, &run);
        parallel_for(s->threads, s->positions, sum_task, &run);
    }
    parallel_for(s->threads, conv_ceil(g->c, CHANNELS_PER_TASK), finish_task, &run);
    memory_release(scratch);
    return 0;
}
