/* Winograd drivers: blocks of tiles are transformed, multiplied position by position, and transformed back.
 * Every result is a sum in the order of channels (for weights, of tiles, in chunks): no blocking changes its bits. */
#include "winograd.h"

#include <string.h>

#include "gemm.h"
#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum {
    CHUNK = 64,                   /* output channels whose products are kept at a time */
    BLOCK_BYTES = 256 << 10,      /* transformed inputs and products of a block: L2 */
    SMALL_WEIGHTS = 4 << 20,      /* transformed weights up to here are read again for every block of tiles */
    STEP_BYTES = 16 << 20,        /* transformed inputs of one step; beyond, weights are read again for every step */
    MIN_TASKS = 8,                /* below this, output channels are shared out as well */
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
    int out, in, positions; /* sides of a tile of outputs and of inputs, and what a transform has: in * in */
    int64_t tiles_h, tiles_w, tiles, block, blocks;
    int64_t pitch, position; /* of a tile, of a position: an odd number of cache lines, to spread over cache sets */
    int64_t block_bytes;
    int threads, size;
} tiling;

typedef struct {
    tiling tiles;
    const char *x, *w, *bias;
    char *y, *weights, *inputs, *products;
    int64_t kp, weight_position;                            /* weights are [position][panel][c][width] */
    int64_t chunk, chunks, pitch, position, products_bytes; /* products are [position][tile][channel of the chunk] */
    int64_t first, count;                                   /* blocks of this step */
} forward_run;

static void set_tiling(tiling* s, const kernel_table* t, int out, const conv_geometry* g) {
    s->t = t, s->g = g;
    s->out = out, s->in = out + 2, s->positions = s->in * s->in;
    s->size = t->lane_bytes / t->lanes;
    s->tiles_h = conv_ceil(g->p, out), s->tiles_w = conv_ceil(g->q, out);
    s->tiles = g->n * s->tiles_h * s->tiles_w;
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
    s->block_bytes = s->positions * s->position * s->size;
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
    winograd_tile tile = {.out = s->out, .channels = g->c, .row = g->w * g->c, .column = g->c, .position = s->position};
    tile_place at = locate(s, first);
    for (int64_t i = first; i < last; i++, next_tile(s, &at)) {
        int64_t h = at.p + g->origin_h, w = at.q + g->origin_w;
        clip(h, s->in, g->h, &tile.r0, &tile.r1);
        clip(w, s->in, g->w, &tile.s0, &tile.s1);
        tile.pixels = x + ((at.n * g->h + h) * g->w + w) * g->c * s->size;
        tile.positions = block + (i - first) * s->pitch * s->size;
        s->t->winograd_input(&tile);
        prefetch(s, (const char*)tile.pixels + (s->in * tile.row + tile.column) * s->size, tile.row, tile.column, g->c);
    }
}

/* Some channels c of the weight. The nine taps of a channel are adjacent, in either direction; where those of the next
 * one follow, several channels are transposed together. */
static void weight_task(void* context, int64_t task, int thread) {
    (void)thread;
    const forward_run* run = context;
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    char taps[9 * TAPS_CHANNELS * GEMM_MAX_PANEL_BYTES];
    const int flipped = g->weight_s < 0;
    const int64_t lowest = flipped ? 8 * g->weight_s : 0, together = g->weight_c == 9 ? TAPS_CHANNELS : 1;
    const int64_t end = conv_min(g->c, (task + 1) * CHANNELS_PER_TASK);
    int64_t width, count;
    for (int64_t k = 0; k < g->k; k += width) {
        width = gemm_panel_vectors(s->t, g->k - k) * s->t->lanes;
        for (int64_t c = task * CHANNELS_PER_TASK; c < end; c += count) {
            count = conv_min(together, end - c);
            const char* src = run->w + (k * g->weight_k + c * g->weight_c + lowest) * s->size;
            s->t->copy_2d(src, 1, g->weight_k, 9 * count, conv_min(width, g->k - k), taps, width, width);
            for (int64_t i = 0; i < count; i++)
                s->t->winograd_weight(s->out, taps + (flipped ? 9 * i + 8 : 9 * i) * width * s->size, width,
                                      flipped ? -width : width, run->weights + (k * g->c + (c + i) * width) * s->size,
                                      run->weight_position);
        }
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

int winograd(const kernel_table* t, int out, const conv_geometry* g, const void* x, const void* w, const void* bias,
             void* y, memory_kept* kept) {
    forward_run run = {.x = x, .w = w, .bias = bias, .y = y};
    tiling* s = &run.tiles;
    const int64_t widest = t->panel * t->lanes;
    set_tiling(s, t, out, g);
    run.kp = conv_ceil(g->k, t->lanes) * t->lanes;
    run.chunk = conv_min(run.kp, conv_ceil(CHUNK, widest) * widest);
    run.chunks = conv_ceil(g->k, run.chunk);
    run.weight_position = conv_odd_lines(g->c * run.kp, s->size);
    const int64_t weights_bytes = s->positions * run.weight_position * s->size;
    const int large = weights_bytes > SMALL_WEIGHTS;
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
    char *gw, *scratch, *sums, *taps; /* sums are [chunk][position][c][kp] */
    int64_t pitch, position;          /* of the gradients */
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
    winograd_tile tile = {
        .out = s->out, .channels = g->k, .row = g->q * g->k, .column = g->k, .position = run->position};
    tile_place at = locate(s, first + begin);
    for (int64_t i = begin; i < end; i++, next_tile(s, &at)) {
        clip(at.p, s->out, g->p, &tile.r0, &tile.r1);
        clip(at.q, s->out, g->q, &tile.s0, &tile.s1);
        tile.pixels = run->grad + ((at.n * g->p + at.p) * g->q + at.q) * g->k * s->size;
        tile.positions = inputs + s->block_bytes + i * run->pitch * s->size;
        s->t->winograd_gradient(&tile);
        prefetch(s, (const char*)tile.pixels + s->out * tile.row * s->size, tile.row, tile.column, g->k);
    }
}

/* Sets the sums of a position to those of a block of `count` tiles, or adds them. */
static void sum_tiles(const grad_run* run, int64_t i, int64_t count, int add, const char* inputs, char* sums) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    gemm_segment segment = {.a = inputs + i * s->position * s->size, .k = count};
    gemm_panel_args a = {.m = g->c, .segments = &segment, .count = 1, .lda = s->pitch, .ldb = run->pitch};
    a.ldc = run->kp;
    a.flags = GEMM_TRANS_A | (add ? GEMM_ADD : 0);
    for (int64_t k = 0; k < g->k; k += a.n) {
        a.vectors = gemm_panel_vectors(s->t, g->k - k);
        a.n = a.vectors * s->t->lanes;
        segment.b = inputs + s->block_bytes + (i * run->position + k) * s->size;
        a.c = sums + (i * run->sum_position + k) * s->size;
        s->t->gemm_panel(&a);
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
    sum_tiles(run, i, run->count, run->first > 0, run->scratch, run->sums);
}

static void chunk_task(void* context, int64_t chunk, int thread) {
    const grad_run* run = context;
    const tiling* s = &run->tiles;
    char *inputs = run->scratch + thread * run->thread_bytes, *sums = run->sums + chunk * run->sums_bytes;
    const int64_t begin = s->blocks * chunk / run->chunks, end = s->blocks * (chunk + 1) / run->chunks;
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * s->block, count = conv_min(s->block, s->tiles - first);
        transform_tiles(run, first, 0, count, inputs);
        for (int64_t i = 0; i < s->positions; i++) sum_tiles(run, i, count, block > begin, inputs, sums);
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
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    char* taps = run->taps + thread * run->taps_bytes;
    const int64_t end = conv_min(g->c, (task + 1) * CHANNELS_PER_TASK), width = s->t->panel * s->t->lanes;
    for (int64_t c = task * CHANNELS_PER_TASK, count; c < end; c += count) {
        count = conv_min(TAPS_CHANNELS, end - c);
        for (int64_t k = 0, n; k < run->kp; k += n) {
            n = conv_min(width, run->kp - k);
            for (int64_t i = 0; i < count; i++)
                s->t->winograd_grad_w(s->out, run->sums + ((c + i) * run->kp + k) * s->size, n, run->sum_position,
                                      taps + 9 * i * n * s->size, n);
            s->t->copy_2d(taps, 1, n, conv_min(n, g->k - k), 9 * count, run->gw + (k * g->c + c) * 9 * s->size,
                          g->c * 9, 9 * count);
        }
    }
}

int winograd_grad_w(const kernel_table* t, int out, const conv_geometry* g, const void* grad, const void* x, void* gw) {
    grad_run run = {.x = x, .grad = grad, .gw = gw};
    tiling* s = &run.tiles;
    set_tiling(s, t, out, g);
    run.kp = conv_ceil(g->k, t->lanes) * t->lanes;
    run.pitch = conv_odd_lines(run.kp, s->size);
    const int64_t chunks = conv_max(1, conv_min(GRAD_CHUNKS, s->tiles / CHUNK_TILES));
    set_blocks(s, GRAD_BLOCK_BYTES, s->positions * (s->pitch + run.pitch) * s->size, 48, 240, chunks);
    run.position = conv_odd_lines(s->block * run.pitch, s->size);
    run.sum_position = conv_odd_lines(g->c * run.kp, s->size);
    run.sums_bytes = s->positions * run.sum_position * s->size;
    run.chunks = run.sums_bytes > LARGE_SUMS ? 1 : conv_min(s->blocks, chunks);
    run.thread_bytes = s->block_bytes + s->positions * run.position * s->size;
    run.taps_bytes = 9 * TAPS_CHANNELS * conv_min(run.kp, t->panel * t->lanes) * s->size;
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
