/* Elementwise drivers. Elements are independent, so any split gives the same bits. */
#include "elementwise.h"

#include <string.h>

#include "parallel.h"

enum { BLOCK = 32768, TILE_BYTES = 8192, REPEATED = 256 };

typedef struct {
    unary_kernel unary;
    binary_kernel binary, second;
    const char *x, *y, *z;
    char* out;
    int64_t n, block, period; /* period: elements of y before it starts again; 0: y is as long as x */
    int size, y_first;
    double p, q;
} job;

static void run_block(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t start = i * j->block, end = start + j->block < j->n ? start + j->block : j->n;
    const char *x = j->x + start * j->size, *y = j->y + start * j->size;
    char* out = j->out + start * j->size;
    if (j->unary) {
        j->unary(x, out, end - start, j->p, j->q);
    } else if (!j->period) {
        j->binary(x, y, out, end - start, j->p, j->q);
    } else {
        for (int64_t n; start < end; start += n, x += n * j->size, out += n * j->size) {
            n = end - start < j->period ? end - start : j->period;
            if (j->y_first)
                j->binary(j->y, x, out, n, j->p, j->q);
            else
                j->binary(x, j->y, out, n, j->p, j->q);
        }
    }
}

static void run_blocks(job* j) {
    if (j->n <= 2 * j->block) j->block = j->n;
    if (j->n) parallel_for(parallel_threads(), (j->n + j->block - 1) / j->block, run_block, j);
}

void elementwise_unary(unary_kernel kernel, const void* x, void* out, int64_t n, int size, double p, double q) {
    job j = {.unary = kernel, .x = x, .y = x, .out = out, .n = n, .block = BLOCK, .size = size, .p = p, .q = q};
    run_blocks(&j);
}

void elementwise_binary(binary_kernel kernel, const void* x, const void* y, void* out, int64_t n, int size, double p,
                        double q) {
    job j = {.binary = kernel, .x = x, .y = y, .out = out, .n = n, .block = BLOCK, .size = size, .p = p, .q = q};
    run_blocks(&j);
}

static void run_both(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t start = i * j->block, end = start + j->block < j->n ? start + j->block : j->n;
    for (int64_t n; start < end; start += n) {
        const int64_t at = start * j->size, tile = TILE_BYTES / j->size;
        n = end - start < tile ? end - start : tile;
        j->binary(j->x + at, j->y + at, j->out + at, n, 0, 0);
        j->second(j->out + at, j->z + at, j->out + at, n, 0, 0);
    }
}

void elementwise_both(binary_kernel first, binary_kernel second, const void* x, const void* y, const void* z, void* out,
                      int64_t n, int size) {
    job j = {
        .binary = first, .second = second, .x = x, .y = y, .z = z, .out = out, .n = n, .block = BLOCK, .size = size};
    parallel_for(parallel_threads(), (n + BLOCK - 1) / BLOCK, run_both, &j);
}

/* Fills `have` bytes up to `wanted` by repeating them. */
static void repeat(char* tile, int64_t have, int64_t wanted) {
    for (; have < wanted; have *= 2) memcpy(tile + have, tile, have < wanted - have ? have : wanted - have);
}

/* Repeats a short row into a tile, so that the kernels run over long stretches. */
void elementwise_row(binary_kernel kernel, const void* x, const void* row, void* out, int64_t n, int64_t cols, int size,
                     int row_first) {
    char tile[TILE_BYTES];
    int64_t period = cols;
    if (n == 0) return;
    if (cols * size * 2 <= TILE_BYTES) {
        period = cols * (TILE_BYTES / (cols * size));
        if (period > n) period = n;
        memcpy(tile, row, cols * size);
        repeat(tile, cols * size, period * size);
        row = tile;
    }
    int64_t block = period * (1 + (BLOCK - 1) / period);
    job j = {.binary = kernel,
             .x = x,
             .y = row,
             .out = out,
             .n = n,
             .block = block,
             .period = period,
             .size = size,
             .y_first = row_first};
    run_blocks(&j);
}

typedef struct {
    binary_kernel binary;
    choose_kernel choose;
    const elementwise_operand* operands;
    char* out;
    const int64_t* sizes;
    int64_t n, rows, per_task; /* n: elements of a row, along the last axis */
    int size, count, ndim;
} broadcast_job;

/* One row; operands that repeat along it are read from tiles, which hold the number at `filled`. */
static void broadcast_row(const broadcast_job* j, int64_t row, char (*tiles)[8 * REPEATED], const char** filled) {
    const char *start[ELEMENTWISE_OPERANDS], *p[ELEMENTWISE_OPERANDS];
    int64_t length = j->n;
    for (int k = 0; k < j->count; k++) {
        const elementwise_operand* o = j->operands + k;
        int64_t offset = 0, rest = row;
        for (int d = j->ndim - 2; d >= 0; d--) {
            offset += rest % j->sizes[d] * o->steps[d];
            rest /= j->sizes[d];
        }
        start[k] = (const char*)o->data + offset * o->size;
        if (o->steps[j->ndim - 1]) continue;
        if (length > REPEATED) length = REPEATED;
        if (filled[k] != start[k]) {
            memcpy(tiles[k], start[k], o->size);
            repeat(tiles[k], o->size, length * o->size);
            filled[k] = start[k];
        }
    }
    char* out = j->out + row * j->n * j->size;
    for (int64_t i = 0; i < j->n; i += length, out += length * j->size) {
        const int64_t n = j->n - i < length ? j->n - i : length;
        for (int k = 0; k < j->count; k++)
            p[k] = j->operands[k].steps[j->ndim - 1] ? start[k] + i * j->operands[k].size : tiles[k];
        if (j->choose)
            j->choose(p[0], p[1], p[2], out, n);
        else
            j->binary(p[0], p[1], out, n, 0, 0);
    }
}

static void broadcast_task(void* context, int64_t task, int thread) {
    (void)thread;
    const broadcast_job* j = context;
    char tiles[ELEMENTWISE_OPERANDS][8 * REPEATED];
    const char* filled[ELEMENTWISE_OPERANDS] = {NULL};
    const int64_t first = task * j->per_task, end = first + j->per_task;
    for (int64_t row = first; row < end && row < j->rows; row++) broadcast_row(j, row, tiles, filled);
}

void elementwise_broadcast(binary_kernel binary, choose_kernel choose, const elementwise_operand* operands, void* out,
                           int size, int ndim, const int64_t* sizes) {
    broadcast_job j = {.binary = binary,
                       .choose = choose,
                       .operands = operands,
                       .out = out,
                       .sizes = sizes,
                       .n = sizes[ndim - 1],
                       .rows = 1,
                       .size = size,
                       .count = choose ? 3 : 2,
                       .ndim = ndim};
    for (int d = 0; d < ndim - 1; d++) j.rows *= sizes[d];
    if (!j.n || !j.rows) return;
    j.per_task = j.n * j.rows <= 2 * BLOCK ? j.rows : 1 + BLOCK / j.n;
    parallel_for(parallel_threads(), (j.rows + j.per_task - 1) / j.per_task, broadcast_task, &j);
}
