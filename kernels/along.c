/* Along an axis: which lines a task takes depends on the shape alone. */
#include "along.h"

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "parallel.h"

enum { TASK = 32768, STRIP = 512, FEW = 64 };

typedef struct {
    const kernel_table* kernels;
    const char *g, *x;
    char* out;
    int64_t outer, count, inner, per_task, first, picks, runs;
    int size, flag; /* flag: reverse, or descending */
    running_kernel running;
    resample_kernel resample;
    binary_kernel combine;
    int64_t* places;
    char* scratch;
    int64_t scratch_size;
} job;

static void run_lines(job* j, int64_t lines, int64_t length, parallel_task task) {
    j->per_task = lines * length <= 2 * TASK ? lines : 1 + TASK / (length + 1);
    if (lines && length) parallel_for(parallel_threads(), (lines + j->per_task - 1) / j->per_task, task, j);
}

static int64_t lines_of(const job* j, int64_t task) {
    const int64_t left = j->outer - task * j->per_task;
    return left < j->per_task ? left : j->per_task;
}

static void running_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    const int64_t offset = task * j->per_task * j->count * j->size;
    j->running(j->x + offset, j->out + offset, lines_of(j, task), j->count, j->flag);
}

/* A strip of columns of one outer index: every row is the one before it and a row of x. */
static void strip_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    const int64_t strips = (j->inner + STRIP - 1) / STRIP, c = task % strips * STRIP;
    const int64_t n = j->inner - c < STRIP ? j->inner - c : STRIP;
    const int64_t step = (j->flag ? -1 : 1) * j->inner * j->size;
    int64_t at = ((task / strips * j->count + (j->flag ? j->count - 1 : 0)) * j->inner + c) * j->size;
    memcpy(j->out + at, j->x + at, n * j->size);
    for (int64_t i = 1; i < j->count; i++, at += step)
        j->combine(j->out + at, j->x + at + step, j->out + at + step, n, 0, 0);
}

void along_running(int dtype, int product, const void* x, void* out, int64_t outer, int64_t count, int64_t inner,
                   int reverse) {
    const kernel_table* kernels = kernels_active[dtype];
    job j = {.kernels = kernels, .x = x, .out = out, .outer = outer, .count = count, .inner = inner, .flag = reverse};
    j.size = dtype == F32 ? 4 : 8;
    j.running = product ? kernels->running_product : kernels->running_sum;
    j.combine = product ? kernels->mul : kernels->add;
    if (!outer || !count || !inner) return;
    if (inner == 1)
        run_lines(&j, outer, count, running_task);
    else
        parallel_for(outer * count * inner > TASK ? parallel_threads() : 1, outer * ((inner + STRIP - 1) / STRIP),
                     strip_task, &j);
}

static void glu_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    const int64_t offset = task * j->per_task * j->count * j->size;
    j->kernels->glu(j->x + 2 * offset, j->out + offset, lines_of(j, task), j->count);
}

static void glu_grad_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    const int64_t offset = task * j->per_task * j->count * j->size;
    j->kernels->glu_grad(j->g + offset, j->x + 2 * offset, j->out + 2 * offset, lines_of(j, task), j->count);
}

void along_glu(int dtype, const void* x, void* out, int64_t rows, int64_t half) {
    job j = {.kernels = kernels_active[dtype], .x = x, .out = out, .outer = rows, .count = half};
    j.size = dtype == F32 ? 4 : 8;
    run_lines(&j, rows, half, glu_task);
}

void along_glu_grad(int dtype, const void* g, const void* x, void* gx, int64_t rows, int64_t half) {
    job j = {.kernels = kernels_active[dtype], .g = g, .x = x, .out = gx, .outer = rows, .count = half};
    j.size = dtype == F32 ? 4 : 8;
    run_lines(&j, rows, half, glu_grad_task);
}

static void order_task(void* context, int64_t task, int thread) {
    const job* j = context;
    const int64_t row = task * j->per_task, end = row + lines_of(j, task);
    void* scratch = j->scratch + thread * j->scratch_size;
    for (int64_t i = row; i < end; i++)
        (j->first <= FEW && j->first * 4 <= j->count ? j->kernels->order_few : j->kernels->order)(
            j->x + i * j->count * j->size, j->count, j->flag, j->first, j->places + i * j->first, scratch);
}

int along_order(int dtype, const void* x, int64_t rows, int64_t count, int descending, int64_t first, int64_t* out) {
    const int threads = parallel_threads();
    job j = {.kernels = kernels_active[dtype], .x = x, .outer = rows, .count = count, .first = first};
    j.size = dtype == F32 ? 4 : 8, j.flag = descending, j.places = out;
    j.scratch_size = 4 * j.size * count;
    if (!rows || !first) return 0;
    if (!(j.scratch = malloc(threads * j.scratch_size))) return -1;
    j.per_task = rows * count <= TASK / 8 ? rows : 1 + TASK / 8 / (count + 1);
    parallel_for(threads, (rows + j.per_task - 1) / j.per_task, order_task, &j);
    free(j.scratch);
    return 0;
}

/* PICK(k, i): what is done with the k-th place, which is i elements from the line's first. */
#define EACH_PLACE(PICK)                                                                               \
    for (int64_t o = task * j->per_task, last = o + lines_of(j, task); o < last; o++) {                \
        const int64_t *place = j->places + o * j->picks * j->inner, inner = j->inner;                  \
        const int64_t line = o * j->count * inner, first = o * j->picks * inner;                       \
        if (inner == 1)                                                                                \
            for (int64_t k = 0; k < j->picks; k++) PICK(first + k, line + place[k]);                   \
        else                                                                                           \
            for (int64_t k = 0, m = 0; m < j->picks; m++)                                              \
                for (int64_t i = 0; i < inner; i++, k++) PICK(first + k, line + place[k] * inner + i); \
    }

static void take_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
#define TAKE4(k, i) ((int32_t*)j->out)[k] = ((const int32_t*)j->x)[i]
#define TAKE8(k, i) ((int64_t*)j->out)[k] = ((const int64_t*)j->x)[i]
    if (j->size == 4)
        EACH_PLACE(TAKE4)
    else
        EACH_PLACE(TAKE8)
}

static void add_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
#define ADD4(k, i) ((float*)j->out)[i] += ((const float*)j->x)[k]
#define ADD8(k, i) ((double*)j->out)[i] += ((const double*)j->x)[k]
    if (j->size == 4)
        EACH_PLACE(ADD4)
    else
        EACH_PLACE(ADD8)
}

void along_take(int size, const void* x, const int64_t* ids, void* out, int64_t outer, int64_t count, int64_t picks,
                int64_t inner) {
    job j = {.x = x, .out = out, .outer = outer, .count = count, .inner = inner, .picks = picks, .size = size};
    j.places = (int64_t*)ids;
    run_lines(&j, outer, picks * inner, take_task);
}

void along_add(int dtype, void* out, const int64_t* ids, const void* y, int64_t outer, int64_t count, int64_t picks,
               int64_t inner) {
    job j = {.x = y, .out = out, .outer = outer, .count = count, .inner = inner, .picks = picks};
    j.size = dtype == F32 ? 4 : 8, j.places = (int64_t*)ids;
    run_lines(&j, outer, picks * inner, add_task);
}

static void resample_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    for (int64_t o = task * j->per_task, last = o + lines_of(j, task); o < last; o++)
        j->resample(j->x + o * j->count * j->inner * j->size, j->places, j->g,
                    j->out + o * j->picks * j->inner * j->size, j->runs, j->first, j->inner);
}

static void resample_grad_task(void* context, int64_t task, int thread) {
    (void)thread;
    const job* j = context;
    for (int64_t o = task * j->per_task, last = o + lines_of(j, task); o < last; o++) {
        char* gx = j->out + o * j->count * j->inner * j->size;
        memset(gx, 0, j->count * j->inner * j->size);
        j->resample(j->x + o * j->picks * j->inner * j->size, j->places, j->g, gx, j->runs, j->first, j->inner);
    }
}

static job resampling(int dtype, const void* x, const int64_t* places, const void* w, void* out, int64_t outer,
                      int64_t count, int64_t P, int64_t runs, int64_t taps, int64_t inner) {
    job j = {.x = x,
             .g = w,
             .out = out,
             .outer = outer,
             .count = count,
             .picks = P,
             .runs = runs,
             .first = taps,
             .inner = inner};
    j.size = dtype == F32 ? 4 : 8, j.places = (int64_t*)places;
    return j;
}

void along_resample(int dtype, const void* x, const int64_t* places, const void* w, void* out, int64_t outer,
                    int64_t count, int64_t P, int64_t runs, int64_t taps, int64_t inner) {
    job j = resampling(dtype, x, places, w, out, outer, count, P, runs, taps, inner);
    j.resample = kernels_active[dtype]->resample;
    run_lines(&j, outer, P * inner, resample_task);
}

void along_resample_grad(int dtype, const void* g, const int64_t* places, const void* w, void* gx, int64_t outer,
                         int64_t count, int64_t P, int64_t runs, int64_t taps, int64_t inner) {
    job j = resampling(dtype, g, places, w, gx, outer, count, P, runs, taps, inner);
    j.resample = kernels_active[dtype]->resample_grad;
    run_lines(&j, outer, count * inner, resample_grad_task);
}
