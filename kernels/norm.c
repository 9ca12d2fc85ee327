/* Normalisation drivers: pieces of the rows, or images, in threads; their sums joined in order. */
#include "norm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "parallel.h"
#include "reduce.h"

enum { PIECES = 32, PIECE_MIN = 32, PIECE_MAX = 512, SMALL = 65536, LAYER_BLOCK = 32768, SAMPLES = 16 };
enum { WIDE = 4, MOST_LANES = 16 }; /* at most so many vectors hold rows that count as one */

/* Where channels do not fill vectors, `repeats` rows count as one, and so do the channels' vectors: s is of such. */
typedef struct {
    norm_shape s;
    const kernel_table* kernels;
    int size, threads, mode, relu;
    int64_t N, C, repeats, rest;  /* rows and channels, and how many rows are left over */
    int64_t rows, pieces, pieced; /* rows per piece; how many pieces of them, and with what is left over */
    int64_t g_pitch;
    const char *g, *x, *residual, *out;
    char *masked, *result;
    char *sum1, *sum2; /* (pieces, C) */
    const char *mean, *scale, *shift, *a, *b, *c;
} job;

/* So many that they fill up to WIDE vectors: few sums would wait for themselves. */
static int64_t rows_as_one(int64_t C, int64_t lanes) {
    const int64_t most = C ? WIDE * lanes / C : 0;
    int64_t fit = lanes;
    if (most < 2 || C % lanes == 0) return 1;
    while (fit / 2 * C % lanes == 0) fit /= 2;
    return most < fit ? most : most / fit * fit;
}

static job plan(norm_shape s) {
    job j = {.s = s, .kernels = kernels_active[s.dtype], .size = s.dtype == F32 ? 4 : 8, .N = s.N, .C = s.C};
    j.repeats = rows_as_one(s.C, j.kernels->lanes);
    j.s.N = s.N / j.repeats, j.s.C = s.C * j.repeats, j.rest = s.N % j.repeats;
    j.rows = j.s.N / PIECES;
    j.rows = j.rows < PIECE_MIN ? PIECE_MIN : j.rows > PIECE_MAX ? PIECE_MAX : j.rows;
    j.pieces = (j.s.N + j.rows - 1) / j.rows;
    j.pieced = j.pieces + (j.rest > 0);
    j.threads = s.N * s.C < SMALL ? 1 : parallel_threads();
    return j;
}

/* The rows and columns of a piece, and the row it begins at; what is left over is one short row. */
typedef struct {
    int64_t first, rows, cols;
} piece;
static piece piece_at(const job* j, int64_t i) {
    if (i == j->pieces) return (piece){j->s.N, 1, j->rest * j->C};
    const int64_t first = i * j->rows, left = j->s.N - first;
    return (piece){first, left < j->rows ? left : j->rows, j->s.C};
}

static const char* at(const char* data, int64_t offset) { return data ? data + offset : NULL; }

static void sums_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const piece p = piece_at(j, i);
    const int64_t offset = p.first * j->s.C * j->size, part = i * j->s.C * j->size;
    if (p.cols < j->s.C) memset(j->sum1 + part, 0, j->s.C * j->size), memset(j->sum2 + part, 0, j->s.C * j->size);
    j->kernels->norm_sums(j->mode, at(j->g, p.first * j->g_pitch * j->size), j->g_pitch, j->x + offset,
                          at(j->out, offset), (char*)at(j->masked, offset), p.rows, p.cols, j->mean, j->scale, j->shift,
                          j->sum1 + part, j->sum2 + part);
}
static void normalize_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const piece p = piece_at(j, i);
    const int64_t offset = p.first * j->s.C * j->size;
    j->kernels->normalize(j->x + offset, at(j->residual, offset), j->result + offset, p.rows, p.cols, j->mean, j->scale,
                          j->shift, j->relu);
}
static void grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const piece p = piece_at(j, i);
    const int64_t offset = p.first * j->s.C * j->size;
    j->kernels->norm_grad(j->g + p.first * j->g_pitch * j->size, j->g_pitch, j->x + offset, j->result + offset, p.rows,
                          p.cols, j->mean, j->scale, j->shift, j->a, j->b, j->c, j->relu);
}

static double get(int size, const void* p, int64_t i, double otherwise) {
    if (!p) return otherwise;
    return size == 4 ? ((const float*)p)[i] : ((const double*)p)[i];
}
static void put(int size, void* p, int64_t i, double value) {
    if (size == 4)
        ((float*)p)[i] = (float)value;
    else
        ((double*)p)[i] = value;
}

/* A vector's value of channel c, in every repeat. */
static void put_all(const job* j, char* p, int64_t c, double value) {
    for (int64_t i = c; i < j->s.C; i += j->C) put(j->size, p, i, value);
}
static const char* repeated(const job* j, const void* v, char* room) {
    if (j->repeats == 1) return v;
    for (int64_t i = 0; i < j->repeats; i++) memcpy(room + i * j->C * j->size, v, j->C * j->size);
    return room;
}

/* Adds the pieces' sums up in double. */
static void join(const job* j, double* sum1, double* sum2) {
    j->kernels->norm_totals(j->sum1, j->pieced * j->repeats, j->C, j->C, sum1);
    j->kernels->norm_totals(j->sum2, j->pieced * j->repeats, j->C, j->C, sum2);
}

/* Scratch: the joined sums in double; then in T `vectors` vectors and the pieces' sums. */
static double* scratch(job* j, int vectors, char** vector) {
    const int64_t C = j->s.C;
    double* memory = malloc(2 * j->C * sizeof(double) + (vectors + 2 * j->pieced) * C * j->size + 1);
    *vector = (char*)(memory + 2 * j->C);
    j->sum1 = *vector + vectors * C * j->size;
    j->sum2 = j->sum1 + j->pieced * C * j->size;
    return memory;
}

/* Mean and biased variance, from the sums of x - pivot and its square. The pivot is the mean of some rows: the closer
 * to x's mean, the less cancels. `var` may alias the joined sums. */
static void moments(job* j, char* pivot, double* sums, double* mean, double* var) {
    int64_t C = j->C, N = j->N, samples = N < SAMPLES ? N : SAMPLES, step = samples ? N / samples : 0;
    j->kernels->norm_totals(j->x + step / 2 * C * j->size, samples, step * C, C, sums);
    for (int64_t c = 0; c < C; c++) put_all(j, pivot, c, samples ? sums[c] / (double)samples : 0);
    j->mode = SUM_X;
    j->mean = pivot;
    parallel_for(j->threads, j->pieced, sums_task, j);
    join(j, sums, sums + C);
    for (int64_t c = 0; c < C; c++) {
        double n = N ? (double)N : 1, d = sums[c] / n, v = sums[C + c] / n - d * d;
        mean[c] = get(j->size, pivot, c, 0) + d;
        var[c] = v < 0 ? 0 : v; /* NaN stays */
    }
}

int batch_norm_stats(norm_shape s, const void* x, double* mean, double* var) {
    job j = plan(s);
    j.x = x;
    char* pivot;
    double* sums = scratch(&j, 1, &pivot);
    if (!sums) return -1;
    moments(&j, pivot, sums, mean, var);
    free(sums);
    return 0;
}

void batch_norm_apply(norm_shape s, const void* x, const void* residual, const void* mean, const void* scale,
                      const void* shift, int relu, void* y) {
    char room[3][WIDE * MOST_LANES * sizeof(double)];
    job j = plan(s);
    j.x = x, j.residual = residual, j.result = y, j.relu = relu;
    j.mean = repeated(&j, mean, room[0]), j.scale = repeated(&j, scale, room[1]);
    j.shift = repeated(&j, shift, room[2]);
    parallel_for(j.threads, s.C ? j.pieced : 0, normalize_task, &j);
}

int batch_norm_begin(norm_shape s, const void* x, const void* w, const void* b, double eps, void* mean, void* rstd,
                     void* scale, void* shift, double* var) {
    job j = plan(s);
    j.x = x;
    char* pivot;
    double* sums = scratch(&j, 1, &pivot);
    if (!sums) return -1;
    moments(&j, pivot, sums, sums, var);
    for (int64_t c = 0; c < s.C; c++) {
        put(j.size, mean, c, sums[c]);
        put(j.size, rstd, c, 1 / sqrt(var[c] + eps));
        put(j.size, scale, c, get(j.size, w, c, 1) * get(j.size, rstd, c, 1)); /* as the gradient finds it again */
        put(j.size, shift, c, get(j.size, b, c, 0));
    }
    free(sums);
    return 0;
}

int batch_norm_eval(norm_shape s, const void* x, const void* residual, const void* w, const void* b, const void* mean,
                    const void* var, double eps, int relu, void* y) {
    const int size = s.dtype == F32 ? 4 : 8;
    char *scale = malloc(2 * s.C * size + 1), *shift = scale + s.C * size;
    if (!scale) return -1;
    for (int64_t c = 0; c < s.C; c++) {
        put(size, scale, c, get(size, w, c, 1) / sqrt(get(size, var, c, 1) + eps));
        put(size, shift, c, get(size, b, c, 0));
    }
    batch_norm_apply(s, x, residual, mean, scale, shift, relu, y);
    free(scale);
    return 0;
}

int batch_norm_reads_pitch(norm_shape s) { return plan(s).repeats == 1; }

/* The vectors of a gradient, in every repeat. */
static void set_vectors(job* j, const norm_gradient* n, char (*room)[WIDE * MOST_LANES * sizeof(double)]) {
    const void* vectors[6] = {n->mean, n->scale, n->shift, n->a, n->b, n->c};
    const char** places[6] = {&j->mean, &j->scale, &j->shift, &j->a, &j->b, &j->c};
    for (int i = 0; i < 6; i++) *places[i] = repeated(j, vectors[i], room[i]);
    j->g = n->g, j->g_pitch = j->repeats * n->g_pitch, j->x = n->x, j->relu = n->relu;
}

int batch_norm_grad_begin(norm_shape s, norm_gradient* n, const void* y, const void* w, const void* b, const void* rstd,
                          void* masked, void* factors, void* gw, void* gb) {
    char room[6][WIDE * MOST_LANES * sizeof(double)];
    job j = plan(s);
    char* vector;
    double *sums = scratch(&j, 0, &vector), total = s.N ? (double)s.N : 1;
    if (!sums) return -1;
    int64_t C = s.C, step = C * j.size;
    char *scale = factors, *shift = scale + step, *pa = shift + step, *pb = pa + step, *pc = pb + step;
    for (int64_t c = 0; c < C; c++) {
        put(j.size, scale, c, get(j.size, w, c, 1) * get(j.size, rstd, c, 1));
        put(j.size, shift, c, get(j.size, b, c, 0));
    }
    n->scale = scale, n->shift = shift, n->a = pa, n->b = pb, n->c = pc;
    set_vectors(&j, n, room);
    j.out = y, j.masked = masked;
    j.mode = !n->relu ? SUM_G : y ? SUM_G_BY_OUT : n->relu == RELU6 ? SUM_G_BY_X6 : SUM_G_BY_X;
    parallel_for(j.threads, j.pieced, sums_task, &j);
    join(&j, sums, sums + C);
    for (int64_t c = 0; c < C; c++) {
        double r = get(j.size, rstd, c, 1), a = get(j.size, w, c, 1) * r, sum_g = sums[c], sum_gd = sums[C + c];
        put(j.size, gw, c, sum_gd * r);
        put(j.size, gb, c, sum_g);
        put(j.size, pa, c, a);
        put(j.size, pb, c, -a * r * r * sum_gd / total);
        put(j.size, pc, c, -a * sum_g / total);
    }
    if (y) n->relu = NO_RELU;
    if (j.mode == SUM_G_BY_OUT) n->g = masked, n->g_pitch = C;
    free(sums);
    return 0;
}

void batch_norm_grad_apply(norm_shape s, const norm_gradient* n, void* gx) {
    char room[6][WIDE * MOST_LANES * sizeof(double)];
    job j = plan(s);
    set_vectors(&j, n, room);
    j.result = gx;
    parallel_for(j.threads, s.C ? j.pieced : 0, grad_task, &j);
}

void batch_norm_grad_rows(const kernel_table* t, const norm_gradient* n, int64_t C, int64_t first, int64_t rows,
                          void* gx) {
    const int64_t size = t->lane_bytes / t->lanes;
    t->norm_grad((const char*)n->g + first * n->g_pitch * size, n->g_pitch, (const char*)n->x + first * C * size, gx,
                 rows, C, n->mean, n->scale, n->shift, n->a, n->b, n->c, n->relu);
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
        sum += get(j->size, x, s->last ? i / D * s->C + first + i % D : i, 0);
    }
    return sum / (double)samples;
}

/* Writes the group's mean and rstd, from sums about the pivot; reads them back as every pass sees them. */
static void group_moments(const group_job* j, int64_t group, double pivot, double sum, double square, double* mean,
                          double* rstd) {
    double n = (double)j->chunk, d = sum / n, var = square / n - d * d;
    put(j->size, j->mean, group, pivot + d);
    put(j->size, j->rstd, group, 1 / sqrt((var < 0 ? 0 : var) + j->eps));
    *mean = get(j->size, j->mean, group, 0);
    *rstd = get(j->size, j->rstd, group, 0);
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
                                        get(j->size, j->w, first + c, 1) * rstd, get(j->size, j->b, first + c, 0));
    }
}

static void planes_grad_task(void* context, int64_t task, int thread) {
    (void)thread;
    const group_job* j = context;
    const int64_t D = j->s.C / j->s.G, P = j->s.P, last = j->s.N * j->s.G, next = (task + 1) * j->per_task;
    for (int64_t group = task * j->per_task; group < (next < last ? next : last); group++) {
        const int64_t offset = group * j->chunk * j->size, first = group % j->s.G * D, plane = P * j->size;
        double *sums = j->sums + 2 * group * D, sum_g = 0, sum_gd = 0, n = (double)j->chunk;
        const double mean = get(j->size, j->mean, group, 0), r = get(j->size, j->rstd, group, 0);
        for (int64_t c = 0; c < D; c++) {
            const double w = get(j->size, j->w, first + c, 1);
            j->kernels->plane_sums(j->g + offset + c * plane, j->x + offset + c * plane, P, mean, sums + 2 * c);
            sum_g += w * sums[2 * c];
            sum_gd += w * sums[2 * c + 1];
        }
        for (int64_t c = 0; c < D; c++)
            j->kernels->plane_grad(j->g + offset + c * plane, j->x + offset + c * plane, j->out + offset + c * plane, P,
                                   mean, get(j->size, j->w, first + c, 1) * r, -r * r * r * sum_gd / n, -r * sum_g / n);
    }
}

/* Sums of an image's channels in channels-last memory, in pieces of its rows. sum1, sum2: room for C values of T. */
static void channel_sums(const group_job* j, int64_t image, const char* mean, char* sum1, char* sum2, double* sums) {
    const int64_t C = j->s.C, offset = image * C * j->s.P * j->size;
    memset(sums, 0, 2 * C * sizeof *sums);
    for (int64_t row = 0; row < j->s.P; row += PIECE_MAX) {
        int64_t rows = j->s.P - row < PIECE_MAX ? j->s.P - row : PIECE_MAX, at_row = offset + row * C * j->size;
        j->kernels->norm_sums(j->g ? SUM_G : SUM_X, at(j->g, at_row), C, j->x + at_row, NULL, NULL, rows, C, mean, NULL,
                              NULL, sum1, sum2);
        for (int64_t c = 0; c < C; c++) {
            sums[2 * c] += get(j->size, sum1, c, 0);
            sums[2 * c + 1] += get(j->size, sum2, c, 0);
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
        for (int64_t k = c; k < c + D; k++) put(j->size, mean, k, pivot);
    }
    channel_sums(j, image, mean, scale, shift, sums);
    for (int64_t c = 0; c < C; c += D) {
        double sum = 0, square = 0, m, r;
        for (int64_t k = c; k < c + D; k++) sum += sums[2 * k], square += sums[2 * k + 1];
        group_moments(j, image * j->s.G + c / D, get(j->size, mean, c, 0), sum, square, &m, &r);
        for (int64_t k = c; k < c + D; k++) {
            put(j->size, mean, k, m);
            put(j->size, scale, k, get(j->size, j->w, k, 1) * r);
            put(j->size, shift, k, get(j->size, j->b, k, 0));
        }
    }
    j->kernels->normalize(j->x + offset, NULL, j->out + offset, j->s.P, C, mean, scale, shift, 0);
}

static void image_grad_task(void* context, int64_t image, int thread) {
    const group_job* j = context;
    const int64_t C = j->s.C, D = C / j->s.G, offset = image * C * j->s.P * j->size, step = C * j->size;
    double* sums = j->sums + 2 * image * C;
    char *mean = j->scratch + thread * j->scratch_bytes, *a = mean + step, *b = a + step, *c = b + step;
    for (int64_t k = 0; k < C; k++) put(j->size, mean, k, get(j->size, j->mean, image * j->s.G + k / D, 0));
    channel_sums(j, image, mean, a, b, sums);
    for (int64_t first = 0; first < C; first += D) {
        double r = get(j->size, j->rstd, image * j->s.G + first / D, 0), sum_g = 0, sum_gd = 0;
        for (int64_t k = first; k < first + D; k++) {
            const double w = get(j->size, j->w, k, 1);
            sum_g += w * sums[2 * k];
            sum_gd += w * sums[2 * k + 1];
        }
        for (int64_t k = first; k < first + D; k++) {
            put(j->size, a, k, get(j->size, j->w, k, 1) * r);
            put(j->size, b, k, -r * r * r * sum_gd / (double)j->chunk);
            put(j->size, c, k, -r * sum_g / (double)j->chunk);
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
            sum_gxhat += sums[1] * get(s.dtype == F32 ? 4 : 8, rstd, n * s.G + c / (s.C / s.G), 0);
        }
        put(s.dtype == F32 ? 4 : 8, gw, c, sum_gxhat);
        put(s.dtype == F32 ? 4 : 8, gb, c, sum_g);
    }
    free(j.sums);
    return status;
}
