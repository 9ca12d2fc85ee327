/* Winograd's tiles: see winograd_tiles.h. */
#include "winograd_tiles.h"

#include "parallel.h"

enum {
    GROUP = 128, /* about so many input channels at a time, of large weights that are transformed where they are used */
    TILE_ROWS = 12, /* a multiple of the heights of register tiles */
    PAGE = 4096,    /* within which the hardware foresees what is read */
    PARALLEL_WORK = 1 << 17
};

void tiling_set(tiling* s, const kernel_table* t, int out, const conv_geometry* g, const norm_application* norm) {
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

void tiling_set_blocks(tiling* s, int64_t bytes, int64_t tile_bytes, int64_t least, int64_t most, int64_t tasks) {
    const int64_t block = conv_max(least, conv_min(most, bytes / tile_bytes)), shared = conv_ceil(s->tiles, tasks);
    s->block = conv_ceil(shared, conv_ceil(shared, block) * TILE_ROWS) * TILE_ROWS;
    s->block = conv_min(s->block, s->tiles);
    s->blocks = conv_ceil(s->tiles, s->block);
    s->position = conv_odd_lines(s->block * s->pitch, s->size);
    s->block_bytes = s->group_bytes = s->positions * s->position * s->size;
}

void tiling_set_groups(tiling* s) {
    s->group = conv_ceil(s->g->c, conv_ceil(s->g->c, GROUP) * s->t->lanes) * s->t->lanes;
    s->block = s->tiles, s->blocks = 1;
    s->pitch = conv_odd_lines(s->group, s->size);
    s->position = conv_odd_lines(s->tiles * s->pitch, s->size);
    s->group_bytes = s->positions * s->position * s->size;
    s->block_bytes = s->group_bytes * conv_ceil(s->g->c, s->group);
}

tile_place tiling_locate(const tiling* s, int64_t tile) {
    int64_t row = tile / s->tiles_w;
    return (tile_place){row / s->tiles_h, row % s->tiles_h * s->out, tile % s->tiles_w * s->out};
}

void tiling_prefetch(const tiling* s, const char* pixels, int64_t row, int64_t column, int64_t channels) {
    if (s->out * row * s->size <= PAGE) return;
    const int64_t together = channels == column ? s->out : 1, line = row * s->size, step = together * column * s->size;
    const int64_t bytes = together * channels * s->size;
    for (const char* end = pixels + s->out * line; pixels < end; pixels += line)
        for (int64_t j = 0; j < s->out * column * s->size; j += step)
            for (int64_t byte = 0; byte < bytes; byte += 64) __builtin_prefetch(pixels + j + byte);
}

void tiling_transform(const tiling* s, const char* x, int64_t first, int64_t last, char* block) {
    const conv_geometry* g = s->g;
    winograd_tile tile = {.out = s->out, .row = g->w * g->c, .column = g->c, .position = s->position, .norm = s->norm};
    tile_place at = tiling_locate(s, first);
    for (int64_t i = first; i < last; i++, tiling_next(s, &at)) {
        int64_t h = at.p + g->origin_h, w = at.q + g->origin_w;
        tiling_clip(h, s->in, g->h, &tile.r0, &tile.r1);
        tiling_clip(w, s->in, g->w, &tile.s0, &tile.s1);
        const char* pixels = x + ((at.n * g->h + h) * g->w + w) * g->c * s->size;
        tile.positions = block + (i - first) * s->pitch * s->size;
        for (int64_t c = 0; c < g->c; c += s->group) {
            tile.pixels = pixels + c * s->size, tile.channel = c;
            tile.channels = conv_min(s->group, g->c - c);
            s->t->winograd_input(&tile);
            tile.positions = (char*)tile.positions + s->group_bytes;
        }
        tiling_prefetch(s, pixels + (s->in * tile.row + tile.column) * s->size, tile.row, tile.column, g->c);
    }
}

tiling_stream tiling_pixels(const tiling* s, const char* images, int64_t image_bytes, int64_t first, int64_t shares,
                            int64_t steps) {
    const int64_t tile = image_bytes / (s->tiles_h * s->tiles_w), share = tile * s->block / shares;
    if (first >= s->tiles) return (tiling_stream){0};
    return (tiling_stream){images + first * tile, share, conv_ceil(share, steps)};
}

int64_t tiling_steps(const tiling* s, int64_t m, int64_t n, int64_t k) {
    const int vectors = gemm_panel_vectors(s->t, n);
    return conv_ceil(n, vectors * s->t->lanes) * conv_ceil(m, gemm_tallest(vectors, s->t->panel)) * k;
}
