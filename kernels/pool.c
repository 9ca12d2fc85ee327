/* Pooling drivers: forward by output rows, backward by input rows, some at a time; scattering by (image, block of
 * channels). */
#include "pool.h"

#include "kernels.h"
#include "parallel.h"

enum { SMALL = 65536, BLOCK = 4096, CHANNEL_BLOCK = 64, MANY_IMAGES = 16 };

typedef struct {
    const pool_shape* s;
    const kernel_table* kernels;
    const void *x, *g, *index;
    void *y, *at, *gx;
    int64_t rows, end;        /* of a task and of all */
    int64_t blocks, channels; /* blocks of this many channels */
} job;

static int64_t last_row(const job* j, int64_t i) { return (i + 1) * j->rows < j->end ? (i + 1) * j->rows : j->end; }
static void max_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    j->kernels->max_pool(j->s, j->x, j->y, j->at, i * j->rows, last_row(j, i));
}
static void avg_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    j->kernels->avg_pool(j->s, j->x, j->y, i * j->rows, last_row(j, i));
}
static void max_grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const int64_t first = i * j->rows, last = last_row(j, i), W = j->s->W;
    j->kernels->max_pool_grad(j->s, j->g, j->index, j->gx, first, last);
    if (j->s->tally) norm_tally_written(j->s->tally, first * W, (last - first) * W, j->s->C);
}
static void avg_grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    j->kernels->avg_pool_grad(j->s, j->g, j->gx, i * j->rows, last_row(j, i));
}
static void scatter_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t n = i / j->blocks, c0 = i % j->blocks * j->channels, c1 = c0 + j->channels;
    j->kernels->max_pool_scatter(j->s, j->g, j->index, j->gx, n, c0, c1 < j->s->C ? c1 : j->s->C);
}

static void positive_task(void* context, int64_t n, int thread) {
    (void)thread;
    const job* j = context;
    j->kernels->max_pool_positive(j->s, j->x, j->index, j->at, n);
}

static int threads_for(const pool_shape* s) { return s->N * s->C * s->H * s->W < SMALL ? 1 : parallel_threads(); }

/* Runs a task for so many rows of `wide` elements at a time that its start costs little; a multiple of `least`. */
static void by_rows(job* j, int64_t rows, int64_t wide, int64_t least, parallel_task task) {
    if (j->s->C == 0 || wide == 0) return;
    j->rows = (1 + BLOCK / wide + least - 1) / least * least, j->end = rows;
    parallel_for(threads_for(j->s), (rows + j->rows - 1) / j->rows, task, j);
}

/* Where windows overlap much, once is better than in each; without masked loads, a last vector takes its time, too. */
int pool_normalizes(int dtype, const pool_shape* s) {
    const kernel_table* t = kernels_active[dtype];
    const int whole = s->C % t->lanes == 0 || t->lane_bytes >= 32;
    return pool_small_square(s) && s->stride[0] > 1 && s->stride[1] > 1 && whole;
}

void pool_max(int dtype, const pool_shape* s, const void* x, void* y, void* index) {
    job j = {.s = s, .kernels = kernels_active[dtype], .x = x, .y = y, .at = index};
    by_rows(&j, s->N * s->P, s->Q * s->C, 1, max_task);
}

void pool_avg(int dtype, const pool_shape* s, const void* x, void* y) {
    job j = {.s = s, .kernels = kernels_active[dtype], .x = x, .y = y};
    by_rows(&j, s->N * s->P, s->Q * s->C, 1, avg_task);
}

void pool_max_grad(int dtype, const pool_shape* s, const void* g, const void* index, void* gx) {
    job j = {.s = s, .kernels = kernels_active[dtype], .g = g, .index = index, .gx = gx};
    if (s->C == 0) return;
    if (s->kernel[0]) {
        /* Windows that overlap no others are written by the task of their first row, but told of by each row's. */
        const int64_t whole = s->H % s->kernel[0] ? s->H : s->kernel[0];
        by_rows(&j, s->N * s->H, s->W * s->C, s->tally && s->stride[0] == s->kernel[0] ? whole : 1, max_grad_task);
        return;
    }
    j.channels = s->N >= MANY_IMAGES || threads_for(s) == 1 ? s->C : CHANNEL_BLOCK;
    j.blocks = (s->C + j.channels - 1) / j.channels;
    parallel_for(threads_for(s), s->N * j.blocks, scatter_task, &j);
}

void pool_max_positive(int dtype, const pool_shape* s, const void* y, const void* index, void* found) {
    job j = {.s = s, .kernels = kernels_active[dtype], .x = y, .index = index, .at = found};
    parallel_for(threads_for(s), s->N, positive_task, &j);
}

void pool_avg_grad(int dtype, const pool_shape* s, const void* g, void* gx) {
    job j = {.s = s, .kernels = kernels_active[dtype], .g = g, .gx = gx};
    by_rows(&j, s->N * s->H, s->W * s->C, 1, avg_grad_task);
}
