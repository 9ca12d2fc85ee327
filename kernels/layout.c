/* Transpositions by tiles that fit the first cache, written once each. */
#include "layout.h"

#include "kernels.h"
#include "parallel.h"

enum { TILE_ROWS = 64, TILE_COLS = 256, SMALL = 65536 };

typedef struct {
    const transposition* t;
    transpose_kernel kernel;
    const char* x;
    char* y;
    int64_t tiles, tile_cols; /* tiles of columns per matrix */
} job;

static void transpose_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const transposition* t = j->t;
    int64_t n = i / j->tiles, c = i % j->tiles * j->tile_cols;
    int64_t cols = t->cols - c < j->tile_cols ? t->cols - c : j->tile_cols;
    const char* x = j->x + (n * t->x_next + c) * t->size;
    char* y = j->y + (n * t->y_next + c * t->y_row) * t->size;
    for (int64_t r = 0; r < t->rows; r += TILE_ROWS)
        j->kernel(x + r * t->x_row * t->size, t->x_row, y + r * t->size, t->y_row,
                  t->rows - r < TILE_ROWS ? t->rows - r : TILE_ROWS, cols);
}

void layout_transpose(const transposition* t, const void* x, void* y) {
    job j = {.t = t, .kernel = kernels_active[t->size == 4 ? F32 : F64]->transpose, .x = x, .y = y};
    j.tile_cols = TILE_COLS;
    if (t->rows < TILE_ROWS) j.tile_cols *= TILE_ROWS / (t->rows ? t->rows : 1); /* tasks of about the same size */
    j.tiles = (t->cols + j.tile_cols - 1) / j.tile_cols;
    int threads = t->batch * t->rows * t->cols < SMALL ? 1 : parallel_threads();
    parallel_for(threads, t->batch * j.tiles, transpose_task, &j);
}
