/* Losses of two arrays: chunks in threads. */
#include "pair.h"

#include "parallel.h"

enum { CHUNK = 8192, PARTS = 256 };

typedef struct {
    pair_sum_kernel sum;
    pair_grad_kernel grad;
    const char *g, *x, *y;
    char* gx;
    double* parts;
    int64_t g_step, n, chunk;
    int size;
    double scale, p;
} job;

static int64_t length_of(const job* j, int64_t i) {
    const int64_t left = j->n - i * j->chunk;
    return left < j->chunk ? left : j->chunk;
}

static void sum_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const int64_t offset = i * j->chunk * j->size;
    j->sum(j->x + offset, j->y + offset, length_of(j, i), j->p, j->parts + i);
}

static void grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const int64_t offset = i * j->chunk * j->size;
    j->grad(j->g + offset * j->g_step, j->g_step, j->scale, j->x + offset, j->y + offset, j->gx + offset,
            length_of(j, i), j->p);
}

/* At most PARTS chunks at a time, so that their sums fit on the stack. */
double pair_sum(pair_sum_kernel kernel, const void* x, const void* y, int64_t n, int size, double p) {
    double parts[PARTS], total = 0;
    for (int64_t start = 0; start < n; start += CHUNK * PARTS) {
        const int64_t rest = n - start < CHUNK * PARTS ? n - start : CHUNK * PARTS, count = (rest + CHUNK - 1) / CHUNK;
        job j = {.sum = kernel,
                 .x = (const char*)x + start * size,
                 .y = (const char*)y + start * size,
                 .parts = parts,
                 .n = rest,
                 .chunk = CHUNK,
                 .size = size,
                 .p = p};
        parallel_for(count > 4 ? parallel_threads() : 1, count, sum_task, &j);
        for (int64_t i = 0; i < count; i++) total += parts[i];
    }
    return total;
}

void pair_grad(pair_grad_kernel kernel, const void* g, int64_t g_step, double scale, const void* x, const void* y,
               void* gx, int64_t n, int size, double p) {
    job j = {.grad = kernel,
             .g = g,
             .g_step = g_step,
             .scale = scale,
             .x = x,
             .y = y,
             .gx = gx,
             .n = n,
             .chunk = n <= 8 * CHUNK ? n : 4 * CHUNK,
             .size = size,
             .p = p};
    if (n) parallel_for(parallel_threads(), (n + j.chunk - 1) / j.chunk, grad_task, &j);
}
