/* Normalisation drivers: pieces in threads, their statistics joined in order. */
#include "norm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "parallel.h"
#include "reduce.h"

enum { PIECE_BYTES = 65536, SMALL = 65536, LAYER_BLOCK = 32768 };

typedef struct {
    norm_shape s;
    const kernel_table* kernels;
    int columns, size, threads;
    int64_t rows, pieces; /* rows of channels per piece (columns) */
    const char *g, *x;
    char* out;
    double *first, *second; /* (pieces, C): mean and m2, or the sums of g and g (x - mean) */
    const void *mean, *a, *b, *c;
} job;

static job plan(norm_shape s, const void* g, const void* x, void* out) {
    job j = {.s = s, .kernels = kernels_active[s.dtype], .columns = s.inner == 1, .g = g, .x = x, .out = out};
    j.size = s.dtype == F32 ? 4 : 8;
    j.pieces = s.N;
    if (j.columns) {
        j.rows = PIECE_BYTES / (j.size * (s.C + 1));
        j.rows = j.rows < 8 ? 8 : j.rows > 512 ? 512 : j.rows;
        j.pieces = (s.N + j.rows - 1) / j.rows;
    }
    j.threads = s.N * s.C * s.inner < SMALL ? 1 : parallel_threads();
    return j;
}

static int64_t piece_rows(const job* j, int64_t i) {
    if (!j->columns) return j->s.C;
    return j->s.N - i * j->rows < j->rows ? j->s.N - i * j->rows : j->rows;
}
static int64_t piece_cols(const job* j) { return j->columns ? j->s.C : j->s.inner; }
static int64_t piece_offset(const job* j, int64_t i) {
    return i * (j->columns ? j->rows * j->s.C : j->s.C * j->s.inner) * j->size;
}

static void moments_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    moments_kernel kernel = j->columns ? j->kernels->column_moments : j->kernels->row_moments;
    kernel(j->x + piece_offset(j, i), piece_rows(j, i), piece_cols(j), j->first + i * j->s.C, j->second + i * j->s.C);
}
static void normalize_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    normalize_kernel kernel = j->columns ? j->kernels->column_normalize : j->kernels->row_normalize;
    int64_t offset = piece_offset(j, i);
    kernel(j->x + offset, j->out + offset, piece_rows(j, i), piece_cols(j), j->mean, j->a, j->b);
}
static void sums_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    norm_sums_kernel kernel = j->columns ? j->kernels->column_norm_sums : j->kernels->row_norm_sums;
    int64_t offset = piece_offset(j, i);
    kernel(j->g + offset, j->x + offset, piece_rows(j, i), piece_cols(j), j->mean, j->first + i * j->s.C,
           j->second + i * j->s.C);
}
static void grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    norm_grad_kernel kernel = j->columns ? j->kernels->column_norm_grad : j->kernels->row_norm_grad;
    int64_t offset = piece_offset(j, i);
    kernel(j->g + offset, j->x + offset, j->out + offset, piece_rows(j, i), piece_cols(j), j->mean, j->a, j->b, j->c);
}

static double get(const job* j, const void* p, int64_t i, double otherwise) {
    if (!p) return otherwise;
    return j->size == 4 ? ((const float*)p)[i] : ((const double*)p)[i];
}
static void put(const job* j, void* p, int64_t i, double value) {
    if (j->size == 4)
        ((float*)p)[i] = (float)value;
    else
        ((double*)p)[i] = value;
}

/* mean and M2 of all pieces (Chan, Golub, LeVeque), left in the first row of `first` and `second`. */
static void join_moments(const job* j, double* mean, double* m2) {
    int64_t C = j->s.C;
    double total = (double)j->s.N * (double)j->s.inner;
    memset(mean, 0, C * sizeof *mean);
    memset(m2, 0, C * sizeof *m2);
    for (int64_t i = 0; i < j->pieces; i++) {
        double n = j->columns ? (double)piece_rows(j, i) : (double)j->s.inner;
        for (int64_t c = 0; c < C; c++) mean[c] += n / total * j->first[i * C + c];
    }
    for (int64_t i = 0; i < j->pieces; i++) {
        double n = j->columns ? (double)piece_rows(j, i) : (double)j->s.inner;
        for (int64_t c = 0; c < C; c++) {
            double d = j->first[i * C + c] - mean[c];
            m2[c] += j->second[i * C + c] + n * d * d;
        }
    }
}

static void join_sums(const job* j, double* sum_g, double* sum_gx) {
    int64_t C = j->s.C;
    memset(sum_g, 0, C * sizeof *sum_g);
    memset(sum_gx, 0, C * sizeof *sum_gx);
    for (int64_t i = 0; i < j->pieces; i++)
        for (int64_t c = 0; c < C; c++) {
            sum_g[c] += j->first[i * C + c];
            sum_gx[c] += j->second[i * C + c];
        }
}

/* Scratch: the pieces' statistics, two joined vectors, three coefficients per channel. */
static double* scratch(job* j) {
    int64_t C = j->s.C;
    double* memory = malloc((2 * j->pieces + 2 + 3) * C * sizeof(double) + 1);
    j->first = memory;
    j->second = memory + j->pieces * C;
    return memory;
}

int batch_norm_train(norm_shape s, const void* x, const void* w, const void* b, double eps, void* y, void* mean,
                     void* rstd, double* var) {
    job j = plan(s, NULL, x, y);
    double *memory = scratch(&j), total = (double)s.N * (double)s.inner;
    if (!memory) return -1;
    double *joined = memory + 2 * j.pieces * s.C, *a = joined + 2 * s.C, *shift = a + s.C;
    parallel_for(j.threads, j.pieces, moments_task, &j);
    join_moments(&j, joined, joined + s.C);
    for (int64_t c = 0; c < s.C; c++) {
        var[c] = total > 0 ? fmax(joined[s.C + c], 0) / total : 0;
        if (joined[s.C + c] != joined[s.C + c]) var[c] = joined[s.C + c];
        double r = 1 / sqrt(var[c] + eps);
        put(&j, mean, c, joined[c]);
        put(&j, rstd, c, r);
        put(&j, a, c, get(&j, w, c, 1) * r);
        put(&j, shift, c, get(&j, b, c, 0));
    }
    j.mean = mean, j.a = a, j.b = shift;
    parallel_for(j.threads, j.pieces, normalize_task, &j);
    free(memory);
    return 0;
}

int batch_norm_eval(norm_shape s, const void* x, const void* w, const void* b, const void* mean, const void* var,
                    double eps, void* y) {
    job j = plan(s, NULL, x, y);
    double *a = malloc(2 * s.C * sizeof(double) + 1), *shift = a + s.C;
    if (!a) return -1;
    for (int64_t c = 0; c < s.C; c++) {
        put(&j, a, c, get(&j, w, c, 1) / sqrt(get(&j, var, c, 1) + eps));
        put(&j, shift, c, get(&j, b, c, 0));
    }
    j.mean = mean, j.a = a, j.b = shift;
    parallel_for(j.threads, j.pieces, normalize_task, &j);
    free(a);
    return 0;
}

int batch_norm_grad(norm_shape s, const void* g, const void* x, const void* w, const void* mean, const void* rstd,
                    void* gx, void* gw, void* gb) {
    job j = plan(s, g, x, gx);
    double *memory = scratch(&j), total = (double)s.N * (double)s.inner;
    if (!memory) return -1;
    double *joined = memory + 2 * j.pieces * s.C, *a = joined + 2 * s.C, *b = a + s.C, *c = b + s.C;
    j.mean = mean, j.a = a, j.b = b, j.c = c;
    parallel_for(j.threads, j.pieces, sums_task, &j);
    join_sums(&j, joined, joined + s.C);
    for (int64_t i = 0; i < s.C; i++) {
        double r = get(&j, rstd, i, 1), scale = get(&j, w, i, 1) * r, sum_g = joined[i], sum_gx = joined[s.C + i];
        put(&j, gw, i, sum_gx * r);
        put(&j, gb, i, sum_g);
        put(&j, a, i, scale);
        put(&j, b, i, -scale * r * r * sum_gx / total);
        put(&j, c, i, -scale * sum_g / total);
    }
    parallel_for(j.threads, j.pieces, grad_task, &j);
    free(memory);
    return 0;
}

typedef struct {
    norm_shape s;
    const kernel_table* kernels;
    int size;
    int64_t block;
    const char *g, *x, *w, *b;
    char *out, *mean, *rstd, *gw, *gb;
    double eps;
} layer_job;

static int64_t layer_rows(const layer_job* j, int64_t i) {
    return j->s.N - i * j->block < j->block ? j->s.N - i * j->block : j->block;
}
static void layer_task(void* context, int64_t i, int thread) {
    (void)thread;
    const layer_job* j = context;
    int64_t row = i * j->block, offset = row * j->s.C * j->size;
    j->kernels->layer_norm(j->x + offset, j->out + offset, layer_rows(j, i), j->s.C, j->w, j->b, j->eps,
                           j->mean + row * j->size, j->rstd + row * j->size);
}
static void layer_grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const layer_job* j = context;
    int64_t row = i * j->block, offset = row * j->s.C * j->size, part = i * j->s.C * j->size;
    memset(j->gw + part, 0, j->s.C * j->size);
    memset(j->gb + part, 0, j->s.C * j->size);
    j->kernels->layer_norm_grad(j->g + offset, j->x + offset, j->out + offset, layer_rows(j, i), j->s.C, j->w,
                                j->mean + row * j->size, j->rstd + row * j->size, j->gw + part, j->gb + part);
}

void layer_norm(norm_shape s, const void* x, const void* w, const void* b, double eps, void* y, void* mean,
                void* rstd) {
    layer_job j = {.s = s,
                   .kernels = kernels_active[s.dtype],
                   .size = s.dtype == F32 ? 4 : 8,
                   .block = 1 + LAYER_BLOCK / (s.C + 1),
                   .x = x,
                   .w = w,
                   .b = b,
                   .out = y,
                   .mean = mean,
                   .rstd = rstd,
                   .eps = eps};
    if (s.C == 0 || s.N == 0) return;
    if (s.N * s.C < SMALL) j.block = s.N;
    parallel_for(parallel_threads(), (s.N + j.block - 1) / j.block, layer_task, &j);
}

int layer_norm_grad(norm_shape s, const void* g, const void* x, const void* w, const void* mean, const void* rstd,
                    void* gx, void* gw, void* gb) {
    layer_job j = {.s = s,
                   .kernels = kernels_active[s.dtype],
                   .size = s.dtype == F32 ? 4 : 8,
                   .g = g,
                   .x = x,
                   .w = w,
                   .out = gx,
                   .mean = (char*)mean,
                   .rstd = (char*)rstd};
    j.block = LAYER_BLOCK / (s.C + 1) < 32 ? 32 : LAYER_BLOCK / (s.C + 1) > 512 ? 512 : LAYER_BLOCK / (s.C + 1);
    int64_t blocks = (s.N + j.block - 1) / j.block;
    char* parts = malloc(2 * blocks * s.C * j.size + 1);
    if (!parts) return -1;
    j.gw = parts;
    j.gb = parts + blocks * s.C * j.size;
    parallel_for(s.N * s.C < SMALL ? 1 : parallel_threads(), s.C ? blocks : 0, layer_grad_task, &j);
    int status = reduce_sum(s.dtype, j.gw, 1, blocks, s.C, gw);
    if (!status) status = reduce_sum(s.dtype, j.gb, 1, blocks, s.C, gb);
    free(parts);
    return status;
}
