/* Layer and group norm: rows, or images, in threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "norm.h"
#include "parallel.h"
#include "reduce.h"

enum { PIECE_MAX = 512, SMALL = 65536, LAYER_BLOCK = 32768, SAMPLES = 16 };

static const char* at(const char* data, int64_t offset) { return data ? data + offset : NULL; }

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

/* Group norm: a task is one image, or in channels-first memory some of the groups of one, which lie together. */
typedef struct {
    group_shape s;
    const kernel_table* kernels;
    int size;
    int64_t chunk, per_task; /* elements of a group; groups of a task */
    const char *g, *x, *w, *b;
    char *out, *mean, *rstd, *scratch;
    double* sums; /* of g and g (x - mean), per image and channel */
    int64_t scratch_bytes;
    double eps;
} group_job;

/* Mean of values spread over a group: see moments. */
static double group_pivot(const group_job* j, const char* x, int64_t first) {
    const group_shape* s = &j->s;
    const int64_t D = s->C / s->G, samples = j->chunk < SAMPLES ? j->chunk : SAMPLES;
    double sum = 0;
    for (int64_t k = 0; k < samples; k++) {
        int64_t i = (k * j->chunk + j->chunk / 2) / samples;
        sum += norm_get(j->size, x, s->last ? i / D * s->C + first + i % D : i, 0);
    }
    return sum / (double)samples;
}

/* Writes the group's mean and rstd, from sums about the pivot; reads them back as every pass sees them. */
static void group_moments(const group_job* j, int64_t group, double pivot, double sum, double square, double* mean,
                          double* rstd) {
    double n = (double)j->chunk, d = sum / n, var = square / n - d * d;
    norm_put(j->size, j->mean, group, pivot + d);
    norm_put(j->size, j->rstd, group, 1 / sqrt((var < 0 ? 0 : var) + j->eps));
    *mean = norm_get(j->size, j->mean, group, 0);
    *rstd = norm_get(j->size, j->rstd, group, 0);
}

static void planes_task(void* context, int64_t task, int thread) {
    (void)thread;
    const group_job* j = context;
    const int64_t D = j->s.C / j->s.G, P = j->s.P, last = j->s.N * j->s.G, next = (task + 1) * j->per_task;
    for (int64_t group = task * j->per_task; group < (next < last ? next : last); group++) {
        const int64_t offset = group * j->chunk * j->size, first = group % j->s.G * D;
        const char* x = j->x + offset;
        double pivot = (float)group_pivot(j, x, 0), sums[2], mean, rstd; /* a float, whatever T */
        j->kernels->plane_sums(NULL, x, j->chunk, pivot, sums);
        group_moments(j, group, pivot, sums[0], sums[1], &mean, &rstd);
        for (int64_t c = 0; c < D; c++)
            j->kernels->plane_normalize(x + c * P * j->size, j->out + offset + c * P * j->size, P, mean,
                                        norm_get(j->size, j->w, first + c, 1) * rstd,
                                        norm_get(j->size, j->b, first + c, 0));
    }
}

static void planes_grad_task(void* context, int64_t task, int thread) {
    (void)thread;
    const group_job* j = context;
    const int64_t D = j->s.C / j->s.G, P = j->s.P, last = j->s.N * j->s.G, next = (task + 1) * j->per_task;
    for (int64_t group = task * j->per_task; group < (next < last ? next : last); group++) {
        const int64_t offset = group * j->chunk * j->size, first = group % j->s.G * D, plane = P * j->size;
        double *sums = j->sums + 2 * group * D, sum_g = 0, sum_gd = 0, n = (double)j->chunk;
        const double mean = norm_get(j->size, j->mean, group, 0), r = norm_get(j->size, j->rstd, group, 0);
        for (int64_t c = 0; c < D; c++) {
            const double w = norm_get(j->size, j->w, first + c, 1);
            j->kernels->plane_sums(j->g + offset + c * plane, j->x + offset + c * plane, P, mean, sums + 2 * c);
            sum_g += w * sums[2 * c];
            sum_gd += w * sums[2 * c + 1];
        }
        for (int64_t c = 0; c < D; c++)
            j->kernels->plane_grad(j->g + offset + c * plane, j->x + offset + c * plane, j->out + offset + c * plane, P,
                                   mean, norm_get(j->size, j->w, first + c, 1) * r, -r * r * r * sum_gd / n,
                                   -r * sum_g / n);
    }
}

/* Sums of an image's channels in channels-last memory, in pieces of its rows. sum1, sum2: room for C values of T. */
static void channel_sums(const group_job* j, int64_t image, const char* mean, char* sum1, char* sum2, double* sums) {
    const int64_t C = j->s.C, offset = image * C * j->s.P * j->size;
    const int near = norm_near(j->s.N * C * j->s.P * j->size);
    memset(sums, 0, 2 * C * sizeof *sums);
    for (int64_t row = 0; row < j->s.P; row += PIECE_MAX) {
        int64_t rows = j->s.P - row < PIECE_MAX ? j->s.P - row : PIECE_MAX, at_row = offset + row * C * j->size;
        j->kernels->norm_sums(j->g ? SUM_G : SUM_X, near, at(j->g, at_row), C, j->x + at_row, NULL, NULL, rows, C, mean,
                              NULL, NULL, sum1, sum2);
        for (int64_t c = 0; c < C; c++) {
            sums[2 * c] += norm_get(j->size, sum1, c, 0);
            sums[2 * c + 1] += norm_get(j->size, sum2, c, 0);
        }
    }
}

static void image_task(void* context, int64_t image, int thread) {
    const group_job* j = context;
    const int64_t C = j->s.C, D = C / j->s.G, offset = image * C * j->s.P * j->size, step = C * j->size;
    double* sums = (double*)(j->scratch + thread * j->scratch_bytes);
    char *mean = (char*)(sums + 2 * C), *scale = mean + step, *shift = scale + step;
    for (int64_t c = 0; c < C; c += D) {
        double pivot = group_pivot(j, j->x + offset, c);
        for (int64_t k = c; k < c + D; k++) norm_put(j->size, mean, k, pivot);
    }
    channel_sums(j, image, mean, scale, shift, sums);
    for (int64_t c = 0; c < C; c += D) {
        double sum = 0, square = 0, m, r;
        for (int64_t k = c; k < c + D; k++) sum += sums[2 * k], square += sums[2 * k + 1];
        group_moments(j, image * j->s.G + c / D, norm_get(j->size, mean, c, 0), sum, square, &m, &r);
        for (int64_t k = c; k < c + D; k++) {
            norm_put(j->size, mean, k, m);
            norm_put(j->size, scale, k, norm_get(j->size, j->w, k, 1) * r);
            norm_put(j->size, shift, k, norm_get(j->size, j->b, k, 0));
        }
    }
    j->kernels->normalize(j->x + offset, NULL, j->out + offset, C, j->s.P, C, mean, scale, shift, 0);
}

static void image_grad_task(void* context, int64_t image, int thread) {
    const group_job* j = context;
    const int64_t C = j->s.C, D = C / j->s.G, offset = image * C * j->s.P * j->size, step = C * j->size;
    double* sums = j->sums + 2 * image * C;
    char *mean = j->scratch + thread * j->scratch_bytes, *a = mean + step, *b = a + step, *c = b + step;
    for (int64_t k = 0; k < C; k++) norm_put(j->size, mean, k, norm_get(j->size, j->mean, image * j->s.G + k / D, 0));
    channel_sums(j, image, mean, a, b, sums);
    for (int64_t first = 0; first < C; first += D) {
        double r = norm_get(j->size, j->rstd, image * j->s.G + first / D, 0), sum_g = 0, sum_gd = 0;
        for (int64_t k = first; k < first + D; k++) {
            const double w = norm_get(j->size, j->w, k, 1);
            sum_g += w * sums[2 * k];
            sum_gd += w * sums[2 * k + 1];
        }
        for (int64_t k = first; k < first + D; k++) {
            norm_put(j->size, a, k, norm_get(j->size, j->w, k, 1) * r);
            norm_put(j->size, b, k, -r * r * r * sum_gd / (double)j->chunk);
            norm_put(j->size, c, k, -r * sum_g / (double)j->chunk);
        }
    }
    j->kernels->norm_grad(j->g + offset, C, j->x + offset, j->out + offset, j->s.P, C, mean, NULL, NULL, a, b, c,
                          NO_RELU);
}

/* Runs the task of the memory's order over the batch; -1 if scratch memory ran out. */
static int run_groups(group_job* j, parallel_task planes, parallel_task image) {
    const group_shape* s = &j->s;
    const int64_t elements = s->N * s->C * s->P;
    const int threads = elements < SMALL ? 1 : parallel_threads();
    j->kernels = kernels_active[s->dtype];
    j->size = s->dtype == F32 ? 4 : 8;
    if (!elements) return 0;
    j->chunk = s->C / s->G * s->P;
    j->per_task = 1 + LAYER_BLOCK / j->chunk;
    if (!s->last) {
        parallel_for(threads, (s->N * s->G + j->per_task - 1) / j->per_task, planes, j);
        return 0;
    }
    j->scratch_bytes = s->C * (2 * (int64_t)sizeof(double) + 4 * j->size);
    if (!(j->scratch = malloc(threads * j->scratch_bytes))) return -1;
    parallel_for(threads, s->N, image, j);
    free(j->scratch);
    return 0;
}

int group_norm(group_shape s, const void* x, const void* w, const void* b, double eps, void* y, void* mean,
               void* rstd) {
    group_job j = {.s = s, .x = x, .w = w, .b = b, .out = y, .mean = mean, .rstd = rstd, .eps = eps};
    return run_groups(&j, planes_task, image_task);
}

int group_norm_grad(group_shape s, const void* g, const void* x, const void* w, const void* mean, const void* rstd,
                    void* gx, void* gw, void* gb) {
    group_job j = {.s = s, .g = g, .x = x, .w = w, .out = gx, .mean = (char*)mean, .rstd = (char*)rstd};
    j.sums = calloc(2 * s.N * s.C + 1, sizeof *j.sums);
    int status = j.sums ? run_groups(&j, planes_grad_task, image_grad_task) : -1;
    for (int64_t c = 0; c < s.C && !status; c++) {
        double sum_g = 0, sum_gxhat = 0;
        for (int64_t n = 0; n < s.N; n++) {
            const double* sums = j.sums + 2 * (n * s.C + c);
            sum_g += sums[0];
            sum_gxhat += sums[1] * norm_get(s.dtype == F32 ? 4 : 8, rstd, n * s.G + c / (s.C / s.G), 0);
        }
        norm_put(s.dtype == F32 ? 4 : 8, gw, c, sum_gxhat);
        norm_put(s.dtype == F32 ? 4 : 8, gb, c, sum_g);
    }
    free(j.sums);
    return status;
}
