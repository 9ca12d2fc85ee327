/* 1x1 convolutions of a stride, and their gradients: the pixels that it meets are pictures of their own, of a pointwise
 * convolution. */
#include <string.h>

#include "conv.h"
#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum { PARALLEL_WORK = 1 << 17 };

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    conv_geometry met; /* of those pixels alone */
    const char* x;
    char *gx, *pixels;
} strided_run;

static int begin(strided_run* run, const kernel_table* t, const conv_geometry* g) {
    run->t = t, run->g = g, run->met = *g;
    run->met.h = g->p, run->met.w = g->q, run->met.stride_h = run->met.stride_w = 1;
    run->pixels = memory_allocate((size_t)(g->n * g->p * g->q * g->c * (t->lane_bytes / t->lanes)));
    return run->pixels ? 0 : -1;
}

static void for_rows(strided_run* run, int64_t rows, parallel_task task) {
    const conv_geometry* g = run->g;
    parallel_for(g->n * g->p * g->q * g->c < PARALLEL_WORK ? 1 : parallel_threads(), rows, task, run);
}

/* Output row `row` of all pictures. */
static void gather_task(void* context, int64_t row, int thread) {
    (void)thread;
    const strided_run* run = context;
    const conv_geometry* g = run->g;
    const int64_t size = run->t->lane_bytes / run->t->lanes, from = row / g->p * g->h + row % g->p * g->stride_h;
    run->t->copy_2d(run->x + from * g->w * g->c * size, g->stride_w * g->c, 1, g->q, g->c,
                    run->pixels + row * g->q * g->c * size, g->c, g->c);
}

/* Row `row` of all pictures of gx: the pixels that the stride met, and zeros. */
static void spread_task(void* context, int64_t row, int thread) {
    (void)thread;
    const strided_run* run = context;
    const conv_geometry* g = run->g;
    const int64_t h = row % g->h, pixel = g->c * (run->t->lane_bytes / run->t->lanes), step = g->stride_w * g->c;
    char *to = run->gx + row * g->w * pixel, *last = to + (g->q - 1) * g->stride_w * pixel;
    if (h % g->stride_h || h / g->stride_h >= g->p) { /* the stride of a single output counts as 1 */
        memset(to, 0, (size_t)(g->w * pixel));
        return;
    }
    const char* from = run->pixels + (row / g->h * g->p + h / g->stride_h) * g->q * pixel;
    run->t->copy_2d(from, g->c, 1, g->q - 1, g->c, to, step, step);
    memcpy(last, from + (g->q - 1) * pixel, (size_t)pixel);
    memset(last + pixel, 0, (size_t)(to + g->w * pixel - last - pixel));
}

int conv_strided(const kernel_table* t, const conv_geometry* g, const void* x, const void* w, const void* bias, void* y,
                 memory_kept* kept) {
    strided_run run = {.x = x};
    if (begin(&run, t, g)) return -1;
    for_rows(&run, g->n * g->p, gather_task);
    const int status = conv(t, &run.met, run.pixels, NULL, w, bias, y, kept);
    memory_release(run.pixels);
    return status;
}

int conv_strided_grad_x(const kernel_table* t, const conv_geometry* f, const void* g, const void* w, void* gx) {
    strided_run run = {.gx = gx};
    if (begin(&run, t, f)) return -1;
    run.met.tally = NULL;
    const int status = conv_grad_x(t, &run.met, g, w, run.pixels);
    if (!status) for_rows(&run, f->n * f->h, spread_task);
    memory_release(run.pixels);
    return status;
}

int conv_strided_grad_w(const kernel_table* t, const conv_geometry* f, const void* g, const void* x, void* gw) {
    strided_run run = {.x = x};
    if (begin(&run, t, f)) return -1;
    for_rows(&run, f->n * f->p, gather_task);
    const int status = conv_grad_w(t, &run.met, g, run.pixels, NULL, gw);
    memory_release(run.pixels);
    return status;
}
