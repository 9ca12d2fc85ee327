/* Elementwise drivers. Elements are independent, so any split gives the same bits. */
#include "elementwise.h"

#include <string.h>

#include "parallel.h"

enum { BLOCK = 32768, TILE_BYTES = 8192 };

typedef struct {
    unary_kernel unary;
    binary_kernel binary;
    const char *x, *y;
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
        for (int64_t have = cols; have < period; have *= 2)
            memcpy(tile + have * size, tile, (have < period - have ? have : period - have) * size);
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
