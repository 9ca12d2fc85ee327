/* Reductions in fixed chunks, joined in a fixed tree. */
#include "reduce.h"

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "parallel.h"

enum { ROW_CHUNK = 8192, COLUMN_CHUNK = 512, TASK = 32768, SCATTER_COLUMNS = 128 };

typedef struct {
    void(*rows) SUM_PARAMETERS;
    void(*columns) SUM_PARAMETERS;
    binary_kernel join;
    const char* x;
    char* out;
    int64_t outer, count, inner, chunk, chunks, per_task;
    int size;
} job;

/* Pieces are numbered (outer, chunk); a task sums `per_task` of them. */
static void sum_pieces(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t end = (i + 1) * j->per_task, pieces = j->outer * j->chunks;
    if (end > pieces) end = pieces;
    if (j->inner == 1 && j->chunks == 1) {
        const int64_t first = i * j->per_task;
        j->rows(j->x + first * j->count * j->size, end - first, j->count, j->out + first * j->size);
        return;
    }
    for (int64_t piece = i * j->per_task; piece < end; piece++) {
        int64_t o = piece / j->chunks, start = piece % j->chunks * j->chunk;
        int64_t rows = j->count - start < j->chunk ? j->count - start : j->chunk;
        const char* x = j->x + (o * j->count + start) * j->inner * j->size;
        char* out = j->out + piece * j->inner * j->size;
        if (j->inner == 1)
            j->rows(x, 1, rows, out);
        else
            j->columns(x, rows, j->inner, out);
    }
}

static void join_chunks(const job* j, char* out) {
    int64_t bytes = j->inner * j->size;
    for (int64_t o = 0; o < j->outer; o++) {
        char* part = j->out + o * j->chunks * bytes;
        for (int64_t step = 1; step < j->chunks; step *= 2)
            for (int64_t k = 0; k + step < j->chunks; k += 2 * step)
                j->join(part + k * bytes, part + (k + step) * bytes, part + k * bytes, j->inner, 0, 0);
        for (int64_t b = 0; b < bytes; b++) out[o * bytes + b] = part[b];
    }
}

static void choose_kernels(job* j, const kernel_table* t, int how) {
    switch (how) {
        case REDUCE_SUM:
            j->rows = t->row_sums, j->columns = t->column_sums, j->join = t->add;
            break;
        case REDUCE_MAX:
            j->rows = t->row_maxima, j->columns = t->column_maxima, j->join = t->maximum;
            break;
        case REDUCE_MIN:
            j->rows = t->row_minima, j->columns = t->column_minima, j->join = t->minimum;
            break;
        default:
            j->rows = t->row_products, j->columns = t->column_products, j->join = t->mul;
    }
}

int reduce_middle(int dtype, int how, const void* x, int64_t outer, int64_t count, int64_t inner, void* out) {
    job j = {.x = x, .out = out, .outer = outer, .count = count, .inner = inner};
    choose_kernels(&j, kernels_active[dtype], how);
    j.size = dtype == F32 ? 4 : 8;
    j.chunk = inner == 1 ? ROW_CHUNK : COLUMN_CHUNK;
    j.chunks = (count + j.chunk - 1) / j.chunk;
    if (outer == 0 || inner == 0) return 0;
    if (j.chunks < 1) j.chunks = 1;
    if (j.chunks == 1 && inner == 1 && outer * count <= 2 * TASK) {
        j.rows(x, outer, count, out);
        return 0;
    }
    if (j.chunks > 1 && !(j.out = malloc(outer * j.chunks * inner * j.size))) return -1;
    int64_t piece = (count < j.chunk ? count : j.chunk) * inner;
    j.per_task = 1 + TASK / (piece + 1);
    int64_t pieces = outer * j.chunks, tasks = (pieces + j.per_task - 1) / j.per_task;
    if (outer * count * inner <= 2 * TASK) j.per_task = pieces, tasks = 1;
    parallel_for(parallel_threads(), tasks, sum_pieces, &j);
    if (j.chunks > 1) {
        join_chunks(&j, out);
        free(j.out);
    }
    return 0;
}

typedef struct {
    const kernel_table* kernels;
    const char* x;
    char* out;
    const int64_t* ids;
    int64_t rows, cols, width;
    int size;
} scatter_job;

/* All rows' share of some columns, so that every sum is one chain. */
static void scatter_task(void* context, int64_t task, int thread) {
    (void)thread;
    const scatter_job* j = context;
    const int64_t c = task * j->width, n = j->cols - c < j->width ? j->cols - c : j->width;
    for (int64_t i = 0; i < j->rows; i++) {
        char* to = j->out + (j->ids[i] * j->cols + c) * j->size;
        j->kernels->add(to, j->x + (i * j->cols + c) * j->size, to, n, 0, 0);
    }
}

void reduce_add_rows(int dtype, const void* x, const int64_t* ids, int64_t rows, int64_t cols, void* out, int64_t n) {
    scatter_job j = {.kernels = kernels_active[dtype], .x = x, .out = out, .ids = ids, .rows = rows, .cols = cols};
    j.size = dtype == F32 ? 4 : 8;
    j.width = rows * cols < TASK ? cols : SCATTER_COLUMNS;
    memset(out, 0, n * cols * j.size);
    if (cols) parallel_for(parallel_threads(), (cols + j.width - 1) / j.width, scatter_task, &j);
}
