/* Rows are independent: blocks of rows in threads, about 32k elements each. */
#include "loss.h"

#include "kernels.h"
#include "parallel.h"

enum { BLOCK = 32768 };

typedef struct {
    const kernel_table* kernels;
    softmax_kernel softmax;
    softmax_grad_kernel softmax_grad;
    const char *x, *g, *w;
    const int64_t* labels;
    char *out, *loss;
    int64_t g_step, rows, C, block, ignore;
    int size;
    double smoothing, w_sum;
} job;

static void run_rows(job* j, parallel_task task) {
    if (j->rows == 0 || j->C == 0) return;
    j->block = 1 + BLOCK / j->C;
    if (j->rows <= 2 * j->block) j->block = j->rows;
    parallel_for(parallel_threads(), (j->rows + j->block - 1) / j->block, task, j);
}

static int64_t rows_of(const job* j, int64_t i) {
    int64_t left = j->rows - i * j->block;
    return left < j->block ? left : j->block;
}

static void softmax_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t offset = i * j->block * j->C * j->size;
    j->softmax(j->x + offset, j->out + offset, rows_of(j, i), j->C);
}

static void softmax_grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t offset = i * j->block * j->C * j->size;
    j->softmax_grad(j->g + offset, j->x + offset, j->out + offset, rows_of(j, i), j->C);
}

static void cross_entropy_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t row = i * j->block, offset = row * j->C * j->size;
    j->kernels->log_softmax(j->x + offset, j->out + offset, rows_of(j, i), j->C);
    j->kernels->cross_entropy(j->out + offset, j->labels + row, j->w, j->ignore, j->smoothing, j->loss + row * j->size,
                              rows_of(j, i), j->C);
}

static void cross_entropy_grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t row = i * j->block, offset = row * j->C * j->size;
    j->kernels->cross_entropy_grad(j->g + row * j->g_step * j->size, j->g_step, j->x + offset, j->labels + row, j->w,
                                   j->w_sum, j->ignore, j->smoothing, j->out + offset, rows_of(j, i), j->C);
}

void softmax_rows(softmax_kernel kernel, const void* x, void* out, int64_t rows, int64_t C, int size) {
    job j = {.softmax = kernel, .x = x, .out = out, .rows = rows, .C = C, .size = size};
    run_rows(&j, softmax_task);
}

void softmax_grad_rows(softmax_grad_kernel kernel, const void* g, const void* out, void* gx, int64_t rows, int64_t C,
                       int size) {
    job j = {.softmax_grad = kernel, .g = g, .x = out, .out = gx, .rows = rows, .C = C, .size = size};
    run_rows(&j, softmax_grad_task);
}

int64_t find_bad_label(const int64_t* labels, int64_t n, int64_t C, int64_t ignore) {
    for (int64_t i = 0; i < n; i++)
        if ((uint64_t)labels[i] >= (uint64_t)C && labels[i] != ignore) return i;
    return -1;
}

double labels_weight(int dtype, const int64_t* labels, int64_t n, const void* w, int64_t ignore) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        if (labels[i] != ignore)
            sum += !w ? 1 : dtype == F32 ? ((const float*)w)[labels[i]] : ((const double*)w)[labels[i]];
    return sum;
}

void cross_entropy_rows(int dtype, const void* x, const int64_t* labels, const void* w, int64_t ignore,
                        double smoothing, void* logp, void* loss, int64_t rows, int64_t C) {
    job j = {.kernels = kernels_active[dtype],
             .x = x,
             .labels = labels,
             .w = w,
             .out = logp,
             .loss = loss,
             .rows = rows,
             .C = C,
             .ignore = ignore,
             .size = dtype == F32 ? 4 : 8,
             .smoothing = smoothing};
    run_rows(&j, cross_entropy_task);
}

void cross_entropy_grad_rows(int dtype, const void* g, int64_t g_step, const void* logp, const int64_t* labels,
                             const void* w, double w_sum, int64_t ignore, double smoothing, void* gx, int64_t rows,
                             int64_t C) {
    job j = {.kernels = kernels_active[dtype],
             .g = g,
             .g_step = g_step,
             .x = logp,
             .labels = labels,
             .w = w,
             .out = gx,
             .rows = rows,
             .C = C,
             .ignore = ignore,
             .size = dtype == F32 ? 4 : 8,
             .smoothing = smoothing,
             .w_sum = w_sum};
    run_rows(&j, cross_entropy_grad_task);
}
