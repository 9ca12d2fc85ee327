/* Winograd's weight gradient: blocks of tiles and of their gradients are transformed, multiplied position by position,
 * and the sums transformed back. A sum is one chain per block, these added in the order of tiles, in chunks; the shape
 * alone fixes blocks and chunks, so any number of threads gives the same bits. */
#include "winograd.h"

#include "gemm.h"
#include "kernels.h"
#include "memory.h"
#include "parallel.h"
#include "winograd_tiles.h"

enum {
    FEW_TILES = 128,         /* up to so many, sums that do not stay in cache are finished a group at a time */
    BLOCK_BYTES = 256 << 10, /* transformed inputs and gradients of a block: L2 */
    BLOCK_LEAST = 48,        /* tiles of a block */
    BLOCK_MOST = 240,
    BLOCK_FAR = 96,        /* the same, where sums lie in L3: they are passed once for each block */
    CHUNKS = 16,           /* of tiles, so that threads share nothing but what they read ... */
    CHUNK_TILES = 64,      /* ... and at least so many: adding up the sums of a chunk takes as long as ten ... */
    LARGE_SUMS = 192 << 10 /* ... unless so much is to be added up in the end */
};

typedef struct {
    tiling tiles;
    const char *x, *grad;
    char *gw, *scratch, *sums, *taps;            /* sums are [chunk][position][c][kp] */
    int64_t group, pitch, position, group_bytes; /* of the gradients: [group][position][tile][k] */
    int64_t kp, sum_position, sums_bytes, taps_bytes;
    int64_t thread_bytes; /* transformed inputs, then gradients, of a block */
    int64_t chunks;       /* of blocks, with sums of their own */
    int far;              /* sums lie in L3, and so do blocks, which are the longer */
    int64_t panels;
    tiling_stream streams[2]; /* what products fetch: of inputs and of gradients */
    int64_t first, count;     /* tiles of this block, if there is one chunk */
} grad_run;

/* Tiles [begin, end) of the block that starts with tile `first`. */
static void transform_tiles(const grad_run* run, int64_t first, int64_t begin, int64_t end, char* inputs) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    tiling_transform(s, run->x, first + begin, first + end, inputs + begin * s->pitch * s->size);
    winograd_tile tile = {.out = s->out, .row = g->q * g->k, .column = g->k, .position = run->position};
    tile_place at = tiling_locate(s, first + begin);
    for (int64_t i = begin; i < end; i++, tiling_next(s, &at)) {
        tiling_clip(at.p, s->out, g->p, &tile.r0, &tile.r1);
        tiling_clip(at.q, s->out, g->q, &tile.s0, &tile.s1);
        const char* pixels = run->grad + ((at.n * g->p + at.p) * g->q + at.q) * g->k * s->size;
        char* positions = inputs + s->block_bytes + i * run->pitch * s->size;
        for (int64_t k = 0; k < g->k; k += run->group, positions += run->group_bytes) {
            tile.channels = conv_min(run->group, g->k - k);
            tile.pixels = pixels + k * s->size;
            tile.positions = positions;
            s->t->winograd_gradient(&tile);
        }
        tiling_prefetch(s, pixels + s->out * tile.row * s->size, tile.row, tile.column, g->k);
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

/* What a product of a panel fetches: of sums that lie in L3, a share of what it is for the next position; else a share
 * of the pixels of the next block, of x and of g. */
static void set_streams(grad_run* run, int64_t c, int64_t k) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    const int64_t width = conv_min(k, gemm_panel_vectors(s->t, k) * s->t->lanes);
    const int64_t steps = tiling_steps(s, c, width, s->block);
    run->panels = conv_ceil(k, width);
    for (int n = 0; n < 2 && run->far; n++) {
        const int64_t share = s->block * (n ? run->pitch : s->pitch) * s->size / run->panels;
        run->streams[n] = (tiling_stream){NULL, share, conv_ceil(share, steps)};
    }
    if (run->far) return;
    const int64_t shares = run->panels * s->positions;
    run->streams[0] = tiling_pixels(s, run->x, g->h * g->w * g->c * s->size, 0, shares, steps);
    run->streams[1] = tiling_pixels(s, run->grad, g->p * g->q * g->k * s->size, 0, shares, steps);
}

/* Sets the sums of position i to those of the block of `count` tiles from `first` on, or adds them. */
static void sum_tiles(const grad_run* run, int64_t i, int64_t first, int64_t count, int add, const char* inputs,
                      const sum_part* part) {
    const tiling* s = &run->tiles;
    const char* grads = inputs + s->block_bytes + part->k0 / run->group * run->group_bytes;
    gemm_segment segment = {.a = inputs + part->c0 / s->group * s->group_bytes + i * s->position * s->size, .k = count};
    gemm_panel_args a = {.m = part->c1 - part->c0, .segments = &segment, .count = 1, .lda = s->pitch};
    a.ldb = run->pitch, a.ldc = part->pitch;
    a.flags = GEMM_TRANS_A | (add ? GEMM_ADD : 0);
    tiling_stream streams[2] = {run->streams[0], run->streams[1]};
    int64_t share = 0;
    if (run->far) {
        streams[0].from = (const char*)segment.a + s->position * s->size;
        streams[1].from = grads + (i + 1) * run->position * s->size;
    } else { /* the block after this one, if there is one */
        for (int n = 0; n < 2; n++)
            streams[n].from += (first / s->block + 1) * run->panels * s->positions * streams[n].share;
        share = i * run->panels;
        if (first + count >= s->tiles) streams[0].from = streams[1].from = NULL;
    }
    for (int64_t k = 0; k < part->k1 - part->k0; k += a.n, share++) {
        a.vectors = gemm_panel_vectors(s->t, part->k1 - part->k0 - k);
        a.n = a.vectors * s->t->lanes;
        segment.b = grads + (i * run->position + k) * s->size;
        a.c = part->sums + (i * part->position + k) * s->size;
        for (int n = 0; n < 2; n++) a.ahead[n] = tiling_ahead(&streams[n], share);
        s->t->gemm_panel(&a);
    }
}

/* The weight's gradient from sums of channels [c0, c1) of a part. */
static void finish(const grad_run* run, const sum_part* part, int64_t c0, int64_t c1, char* taps) {
    const tiling* s = &run->tiles;
    const conv_geometry* g = s->g;
    const int64_t width = s->t->panel * s->t->lanes;
    for (int64_t c = c0, count; c < c1; c += count) {
        count = conv_min(TILING_TAPS, c1 - c);
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
    const int64_t begin = task * TILING_TILES_PER_TASK;
    transform_tiles(run, run->first, begin, conv_min(run->count, begin + TILING_TILES_PER_TASK), run->scratch);
}

static void sum_task(void* context, int64_t i, int thread) {
    (void)thread;
    const grad_run* run = context;
    const sum_part all = all_sums(run, run->sums);
    sum_tiles(run, i, run->first, run->count, run->first > 0, run->scratch, &all);
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
        for (int64_t i = 0; i < s->positions; i++) sum_tiles(run, i, first, count, block > begin, inputs, &all);
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
    finish(run, &all, task * TILING_CHANNELS_PER_TASK, conv_min(all.c1, (task + 1) * TILING_CHANNELS_PER_TASK),
           run->taps + thread * run->taps_bytes);
}

/* A group of input channels by one of output channels: sums of all tiles, and the gradient from them. */
static void group_sum_task(void* context, int64_t task, int thread) {
    const grad_run* run = context;
    const tiling* s = &run->tiles;
    const int64_t groups = conv_ceil(s->g->c, s->group), c0 = task % groups * s->group, k0 = task / groups * run->group;
    const int64_t c1 = conv_min(s->g->c, c0 + s->group), k1 = conv_min(s->g->k, k0 + run->group);
    const sum_part part = {run->sums + thread * run->sums_bytes, c0, c1, k0, k1, run->group, run->sum_position};
    for (int64_t i = 0; i < s->positions; i++) sum_tiles(run, i, 0, s->tiles, 0, run->scratch, &part);
    finish(run, &part, c0, c1, run->taps + thread * run->taps_bytes);
}

/* Sums of few tiles: moving them to memory and back would take longer than multiplying, so a group of them at a time is
 * made and transformed in L2. */
static int grad_w_by_groups(grad_run* run) {
    tiling* s = &run->tiles;
    tiling_set_groups(s);
    run->group = conv_min(run->kp, TILING_CHUNK);
    run->pitch = conv_odd_lines(run->group, s->size);
    run->position = conv_odd_lines(s->tiles * run->pitch, s->size);
    run->group_bytes = s->positions * run->position * s->size;
    run->sum_position = conv_odd_lines(s->group * run->group, s->size);
    run->sums_bytes = s->positions * run->sum_position * s->size;
    run->count = s->tiles;
    set_streams(run, s->group, run->group);
    const int64_t groups = conv_ceil(s->g->k, run->group), inputs_bytes = s->block_bytes + groups * run->group_bytes;
    char* scratch = memory_allocate((size_t)(inputs_bytes + (run->sums_bytes + run->taps_bytes) * s->threads));
    if (!scratch) return -1;
    run->scratch = scratch;
    run->sums = scratch + inputs_bytes;
    run->taps = run->sums + run->sums_bytes * s->threads;
    parallel_for(s->threads, conv_ceil(s->tiles, TILING_TILES_PER_TASK), transform_task, run);
    parallel_for(s->threads, groups * conv_ceil(s->g->c, s->group), group_sum_task, run);
    memory_release(scratch);
    return 0;
}

int winograd_grad_w(const kernel_table* t, int out, const conv_geometry* g, const void* grad, const void* x,
                    const norm_application* norm, void* gw) {
    grad_run run = {.x = x, .grad = grad, .gw = gw};
    tiling* s = &run.tiles;
    tiling_set(s, t, out, g, norm);
    run.kp = conv_ceil(g->k, t->lanes) * t->lanes;
    run.taps_bytes = 9 * TILING_TAPS * conv_min(run.kp, t->panel * t->lanes) * s->size;
    run.sum_position = conv_odd_lines(g->c * run.kp, s->size);
    run.sums_bytes = s->positions * run.sum_position * s->size;
    run.far = run.sums_bytes > TILING_FAR;
    if (run.sums_bytes > TILING_SMALL && s->tiles <= FEW_TILES) return grad_w_by_groups(&run);
    run.group = g->k;
    run.pitch = conv_odd_lines(run.kp, s->size);
    const int64_t chunks = run.far ? 1 : conv_max(1, conv_min(CHUNKS, s->tiles / CHUNK_TILES));
    tiling_set_blocks(s, BLOCK_BYTES, s->positions * (s->pitch + run.pitch) * s->size,
                      run.far ? BLOCK_FAR : BLOCK_LEAST, run.far ? BLOCK_FAR : BLOCK_MOST, chunks);
    run.position = conv_odd_lines(s->block * run.pitch, s->size);
    run.chunks = run.sums_bytes > LARGE_SUMS ? 1 : conv_min(s->blocks, chunks);
    set_streams(&run, g->c, g->k);
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
        parallel_for(s->threads, conv_ceil(run.count, TILING_TILES_PER_TASK), transform_task, &run);
        parallel_for(s->threads, s->positions, sum_task, &run);
    }
    parallel_for(s->threads, conv_ceil(g->c, TILING_CHANNELS_PER_TASK), finish_task, &run);
    memory_release(scratch);
    return 0;
}
