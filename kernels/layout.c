/* Transpositions by tiles that fit the first cache, written once each, and copies of blocks of rows. */
#include "layout.h"

#include "kernels.h"
#include "parallel.h"

enum { TILE_ROWS = 64, TILE_COLS = 256, COPY_ELEMENTS = 16384, SMALL = 65536 };

typedef struct {
    const matrices* m;
    const kernel_table* t;
    const char* x;
    char* y;
    int64_t tile_rows, tile_cols, row_tiles, col_tiles; /* tiles per matrix */
} job;

static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }

/* A task's tile: rows [r, r + rows) and columns [c, c + cols) of matrix n. */
typedef struct {
    int64_t n, r, c, rows, cols;
} tile;

static tile locate(const job* j, int64_t task) {
    tile at = {.n = task / j->col_tiles / j->row_tiles};
    at.r = task / j->col_tiles % j->row_tiles * j->tile_rows, at.c = task % j->col_tiles * j->tile_cols;
    at.rows = min(j->m->rows - at.r, j->tile_rows), at.cols = min(j->m->cols - at.c, j->tile_cols);
    return at;
}

static void transpose_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    const matrices* m = j->m;
    const tile at = locate(j, task);
    const char* x = j->x + (at.n * m->x_next + at.c) * m->size;
    char* y = j->y + (at.n * m->y_next + at.c * m->y_row) * m->size;
    for (int64_t r = 0; r < at.rows; r += TILE_ROWS)
        j->t->transpose(x + r * m->x_row * m->size, m->x_row, y + r * m->size, m->y_row, min(TILE_ROWS, at.rows - r),
                        at.cols);
}

static void copy_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    const matrices* m = j->m;
    const tile at = locate(j, task);
    const char* x = j->x + (at.n * m->x_next + at.r * m->x_row + at.c) * m->size;
    char* y = j->y + (at.n * m->y_next + at.r * m->y_row + at.c) * m->size;
    j->t->copy_2d(x, m->x_row, 1, at.rows, at.cols, y, m->y_row, at.cols);
}

static void run(const matrices* m, const void* x, void* y, int64_t tile_rows, int64_t tile_cols, parallel_task task) {
    job j = {.m = m, .t = kernels_active[m->size == 4 ? F32 : F64], .x = x, .y = y};
    j.tile_rows = tile_rows, j.tile_cols = tile_cols;
    j.row_tiles = (m->rows + tile_rows - 1) / tile_rows, j.col_tiles = (m->cols + tile_cols - 1) / tile_cols;
    const int threads = m->batch * m->rows * m->cols < SMALL ? 1 : parallel_threads();
    parallel_for(threads, m->batch * j.row_tiles * j.col_tiles, task, &j);
}

/* Tasks take all rows, and are of about the same size. */
void layout_transpose(const matrices* m, const void* x, void* y) {
    const int64_t wider = m->rows && m->rows < TILE_ROWS ? TILE_ROWS / m->rows : 1;
    run(m, x, y, m->rows ? m->rows : 1, TILE_COLS * wider, transpose_task);
}

void layout_copy(const matrices* m, const void* x, void* y) {
    const int64_t cols = m->cols && m->cols < COPY_ELEMENTS ? m->cols : COPY_ELEMENTS;
    run(m, x, y, COPY_ELEMENTS / cols, cols, copy_task);
}
