/* What Winograd's two drivers share: where tiles lie, how they fall into blocks, and their transformed inputs. */
#pragma once
#include <stdint.h>

#include "gemm.h"
#include "kernels.h"
#include "winograd.h"

enum {
    TILING_CHUNK = 64,      /* output channels that are computed with at a time */
    TILING_SMALL = 4 << 20, /* bytes of transformed weights, or sums, that are passed for each block of tiles */
    TILING_FAR = 768 << 10, /* with so many they lie in L3, and are fetched */
    TILING_TILES_PER_TASK = 8,
    TILING_CHANNELS_PER_TASK = 32,
    TILING_TAPS = 8 /* channels whose taps are transposed together */
};

/* Tiles, and inputs at the positions as [position][tile][c]. */
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
    int64_t n, p, q; /* image, and the first output pixel */
} tile_place;

void tiling_set(tiling* s, const kernel_table* t, int out, const conv_geometry* g, const norm_application* norm);
/* Blocks of some `bytes`, at `tile_bytes` a tile: a multiple of the height of register tiles, and about equal parts of
 * the tiles of one of `tasks`. */
void tiling_set_blocks(tiling* s, int64_t bytes, int64_t tile_bytes, int64_t least, int64_t most, int64_t tasks);
/* All tiles in one block, some channels at a time. */
void tiling_set_groups(tiling* s);

tile_place tiling_locate(const tiling* s, int64_t tile);
/* The next tile in memory's order; a division for each would take as long as a transform. */
static inline void tiling_next(const tiling* s, tile_place* at) {
    at->q += s->out;
    if (at->q < s->g->q) return;
    at->q = 0, at->p += s->out;
    if (at->p < s->g->p) return;
    at->p = 0, at->n++;
}
/* The part of [first, first + side) inside [0, length), counted from first. */
static inline void tiling_clip(int64_t first, int64_t side, int64_t length, int64_t* begin, int64_t* end) {
    *begin = conv_max(0, -first);
    *end = conv_min(side, length - first);
}

/* Asks for the pixels that the tile below will be the first to touch, strides and `channels` in elements: tiles
 * jump between rows, which no prefetcher of the hardware follows, unless they lie close together. */
void tiling_prefetch(const tiling* s, const char* pixels, int64_t row, int64_t column, int64_t channels);
/* Tiles [first, last) of the input, to rows 0, 1, ... of the block. */
void tiling_transform(const tiling* s, const char* x, int64_t first, int64_t last, char* block);

/* Products leave memory idle, transforms wait for it. So products fetch what comes next: each of them, in turn, the
 * next `share` bytes from `from` on, `step` at each step of its sums. NULL: there is nothing to fetch. */
typedef struct {
    const char* from;
    int64_t share, step;
} tiling_stream;
static inline gemm_ahead tiling_ahead(const tiling_stream* s, int64_t i) {
    return s->from ? (gemm_ahead){s->from + i * s->share, s->step} : (gemm_ahead){0};
}
/* About the pixels that a block of tiles from `first` on touches, of images that lie one after another, in so many
 * shares. */
tiling_stream tiling_pixels(const tiling* s, const char* images, int64_t image_bytes, int64_t first, int64_t shares,
                            int64_t steps);
/* How many steps a product takes. */
int64_t tiling_steps(const tiling* s, int64_t m, int64_t n, int64_t k);
