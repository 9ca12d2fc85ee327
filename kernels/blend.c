/* Tasks are cut by the shape alone. */
#include "blend.h"

#include <string.h>

#include "kernels.h"
#include "parallel.h"

enum { TASK = 1 << 15 }; /* elements */

typedef struct {
    const blend_shape* s;
    const char *rows, *factors; /* of a gradient for weights: g and x */
    char* out;
    int64_t points, chunks; /* per task, and tasks per batch */
    int size, dots;
    void(*kernel) BLEND_PARAMETERS;
} job;

static void chunk_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    const blend_shape* s = j->s;
    const int64_t n = task / j->chunks, p = task % j->chunks * j->points, at = n * s->P + p;
    const int64_t P = s->P - p < j->points ? s->P - p : j->points;
    const int64_t batch = n * s->M * s->C * j->size, point = at * j->size, row = point * s->C;
    if (j->dots)
        j->kernel(j->rows + row, s->places + at, j->factors + batch, j->out + point, P, s->taps, s->N * s->P, s->C);
    else
        j->kernel(j->rows + batch, s->places + at, j->factors + point, j->out + row, P, s->taps, s->N * s->P, s->C);
}

/* A batch at a time: points may share places. */
static void grad_task(void* context, int64_t n, int thread) {
    (void)thread;
    const job* j = context;
    const blend_shape* s = j->s;
    char* out = j->out + n * s->M * s->C * j->size;
    memset(out, 0, (size_t)(s->M * s->C * j->size));
    j->kernel(j->rows + n * s->P * s->C * j->size, s->places + n * s->P, j->factors + n * s->P * j->size, out, s->P,
              s->taps, s->N * s->P, s->C);
}

static void run_chunks(job* j) {
    const blend_shape* s = j->s;
    j->points = 1 + TASK / (s->taps * s->C + 1);
    j->chunks = (s->P + j->points - 1) / j->points;
    const int small = s->N * s->P * s->taps * s->C <= 2 * TASK;
    parallel_for(small ? 1 : parallel_threads(), s->N * j->chunks, chunk_task, j);
}

static int size_of(int dtype) { return dtype == F32 ? 4 : 8; }

void blend(int dtype, const blend_shape* s, const void* x, const void* w, void* y) {
    job j = {s, x, w, y, .size = size_of(dtype), .kernel = kernels_active[dtype]->blend};
    run_chunks(&j);
}

void blend_dots(int dtype, const blend_shape* s, const void* g, const void* x, void* gw) {
    job j = {s, g, x, gw, .size = size_of(dtype), .dots = 1, .kernel = kernels_active[dtype]->blend_dots};
    run_chunks(&j);
}

void blend_grad(int dtype, const blend_shape* s, const void* g, const void* w, void* gx) {
    job j = {s, g, w, gx, .size = size_of(dtype), .kernel = kernels_active[dtype]->blend_grad};
    const int small = s->N * (s->P * s->taps + s->M) * s->C <= 2 * TASK;
    parallel_for(small ? 1 : parallel_threads(), s->N, grad_task, &j);
}
