/* Batch norm: pieces of the rows in threads; their sums joined in order. */
#include "norm.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "parallel.h"

enum { PIECES = 32, PIECE_MIN = 32, PIECE_MAX = 512, SMALL = 65536 };
enum { WIDE = 4, VECTOR_ROOM = WIDE * 16 * sizeof(double) }; /* at most so many vectors hold rows that count as one */

/* Where channels do not fill vectors, `repeats` rows count as one, and so do the channels' vectors: s is of such. */
typedef struct {
    norm_shape s;
    const kernel_table* kernels;
    int size, threads, mode, relu;
    int64_t N, C, repeats, rest;  /* rows and channels, and how many rows are left over */
    int64_t rows, pieces, pieced; /* rows per piece; how many pieces of them, and with what is left over */
    int64_t g_pitch, y_pitch;
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

/* dense: rows follow each other, everywhere. */
static job plan(norm_shape s, int dense) {
    job j = {.s = s, .kernels = kernels_active[s.dtype], .size = s.dtype == F32 ? 4 : 8, .N = s.N, .C = s.C};
    j.repeats = dense ? rows_as_one(s.C, j.kernels->lanes) : 1;
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

static void normalize_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const piece p = piece_at(j, i);
    const int64_t offset = p.first * j->s.C * j->size;
    j->kernels->normalize(j->x + offset, at(j->residual, offset), j->result + p.first * j->y_pitch * j->size,
                          j->y_pitch, p.rows, p.cols, j->mean, j->scale, j->shift, j->relu);
}
static void grad_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    const piece p = piece_at(j, i);
    const int64_t offset = p.first * j->s.C * j->size;
    j->kernels->norm_grad(j->g + p.first * j->g_pitch * j->size, j->g_pitch, j->x + offset, j->result + offset, p.rows,
                          p.cols, j->mean, j->scale, j->shift, j->a, j->b, j->c, j->relu);
}

static const char* repeated(const job* j, const void* v, char* room) {
    if (j->repeats == 1) return v;
    for (int64_t i = 0; i < j->repeats; i++) memcpy(room + i * j->C * j->size, v, j->C * j->size);
    return room;
}

/* A gradient, and its vectors in every repeat: the first three make its sums. */
static void set_gradient(job* j, const norm_gradient* n, int count, char (*room)[VECTOR_ROOM]) {
    const void* vectors[6] = {n->mean, n->scale, n->shift, n->a, n->b, n->c};
    const char** places[6] = {&j->mean, &j->scale, &j->shift, &j->a, &j->b, &j->c};
    for (int i = 0; i < count; i++) *places[i] = repeated(j, vectors[i], room[i]);
    j->g = n->g, j->g_pitch = j->repeats * n->g_pitch, j->x = n->x, j->relu = n->relu;
}

/* Sums of the pieces, made when the last of a piece is written, or when all are wanted. */
struct norm_tally {
    job j;
    char room[3][VECTOR_ROOM];
    double* totals;
    char* pivots;           /* (pieces, C): what x is measured from; as it lies between x's, little cancels */
    _Atomic int64_t left[]; /* of each piece, the elements still to be written; with none left it is summed up */
};

static norm_tally* tally(norm_shape s, int pivots) {
    const job j = plan(s, 1);
    const int64_t row = j.s.C * j.size, head = sizeof(norm_tally) + j.pieced * (int64_t)sizeof(int64_t);
    norm_tally* w = malloc((size_t)(head + 2 * s.C * (int64_t)sizeof(double) + (2 + pivots) * j.pieced * row));
    if (!w) return NULL;
    w->j = j;
    w->totals = (double*)((char*)w + head);
    w->j.sum1 = (char*)(w->totals + 2 * s.C);
    w->j.sum2 = w->j.sum1 + j.pieced * row;
    w->pivots = w->j.sum2 + j.pieced * row;
    for (int64_t i = 0; i < j.pieced; i++) {
        const piece p = piece_at(&j, i);
        atomic_init(&w->left[i], p.rows * p.cols);
    }
    return w;
}

norm_tally* norm_tally_statistics(norm_shape s, const void* x) {
    norm_tally* w = tally(s, 1);
    if (w) w->j.x = x, w->j.mode = SUM_X;
    return w;
}

norm_tally* norm_tally_gradient(norm_shape s, const norm_gradient* n, const void* y, void* masked) {
    norm_tally* w = tally(s, 0);
    if (!w) return NULL;
    set_gradient(&w->j, n, 3, w->room);
    w->j.out = y, w->j.masked = masked;
    w->j.mode = !n->relu ? SUM_G : y ? SUM_G_BY_OUT : n->relu == RELU6 ? SUM_G_BY_X6 : SUM_G_BY_X;
    return w;
}

void norm_tally_end(norm_tally* w) { free(w); }

/* told: who has just written the array asks; what else a gradient's sums read may lie in memory. */
static void sum_piece(norm_tally* w, int64_t i, int told) {
    const job* j = &w->j;
    const int near = (told && j->mode == SUM_X) || norm_near(j->N * j->C * j->size);
    const piece p = piece_at(j, i);
    const int64_t offset = p.first * j->s.C * j->size, part = i * j->s.C * j->size;
    const char* mean = j->mode == SUM_X ? w->pivots + part : j->mean;
    if (j->mode == SUM_X) j->kernels->norm_pivot(j->x + offset, p.rows, p.cols, w->pivots + part);
    j->kernels->norm_sums(j->mode, near, at(j->g, p.first * j->g_pitch * j->size), j->g_pitch, j->x + offset,
                          at(j->out, offset), (char*)at(j->masked, offset), p.rows, p.cols, mean, j->scale, j->shift,
                          j->sum1 + part, j->sum2 + part);
}

void norm_tally_written(norm_tally* w, int64_t row, int64_t rows, int64_t columns) {
    const job* j = &w->j;
    for (int64_t end = row + rows, next; row < end; row = next) {
        const int64_t wide = row / j->repeats, i = wide < j->s.N ? wide / j->rows : j->pieces;
        const piece p = piece_at(j, i);
        next = i == j->pieces ? j->N : (p.first + p.rows) * j->repeats;
        if (next > end) next = end;
        const int64_t elements = (next - row) * columns;
        if (atomic_fetch_sub(&w->left[i], elements) == elements) sum_piece(w, i, 1);
    }
}

static void sums_task(void* context, int64_t i, int thread) {
    (void)thread;
    norm_tally* w = context;
    if (w->left[i]) sum_piece(w, i, 0);
}

int64_t norm_tally_left(const norm_tally* w) {
    int64_t left = 0;
    for (int64_t i = 0; i < w->j.pieced; i++) left += w->left[i] != 0;
    return left;
}

/* Also what nobody has told of. */
static void sum_all(norm_tally* w) {
    if (norm_tally_left(w)) parallel_for(w->j.threads, w->j.pieced, sums_task, w);
}

/* Mean and biased variance, into the totals. */
static void moments(norm_tally* w) {
    const job* j = &w->j;
    const int64_t C = j->C, row = j->s.C * j->size, last = j->s.N - (j->pieces - 1) * j->rows;
    const double n = j->N ? (double)j->N : 1;
    double* t = w->totals;
    sum_all(w);
    memset(t, 0, 2 * C * sizeof(double));
    if (j->pieces) /* all of one size but the last one */
        j->kernels->norm_join(w->pivots, w->pivots, j->sum1, j->sum2, (j->pieces - 1) * j->repeats, C, (double)j->rows,
                              t);
    for (int64_t i = j->pieces ? j->pieces - 1 : 0; i < j->pieced; i++)
        j->kernels->norm_join(w->pivots, w->pivots + i * row, j->sum1 + i * row, j->sum2 + i * row,
                              i < j->pieces ? j->repeats : j->rest, C, i < j->pieces ? (double)last : 1, t);
    for (int64_t c = 0; c < C; c++) {
        const double d = t[c] / n, v = t[C + c] / n - d * d;
        t[c] = j->N ? norm_get(j->size, w->pivots, c, 0) + d : 0;
        t[C + c] = v < 0 ? 0 : v; /* NaN stays */
    }
}

void batch_norm_stats(norm_tally* w, double* mean, double* var) {
    moments(w);
    memcpy(mean, w->totals, w->j.C * sizeof(double));
    memcpy(var, w->totals + w->j.C, w->j.C * sizeof(double));
}

void batch_norm_apply(norm_shape s, const void* x, const void* residual, const void* mean, const void* scale,
                      const void* shift, int relu, void* y, int64_t y_pitch) {
    char room[3][VECTOR_ROOM];
    job j = plan(s, y_pitch == s.C);
    j.x = x, j.residual = residual, j.result = y, j.y_pitch = j.repeats * y_pitch, j.relu = relu;
    j.mean = repeated(&j, mean, room[0]), j.scale = repeated(&j, scale, room[1]);
    j.shift = repeated(&j, shift, room[2]);
    parallel_for(j.threads, s.C ? j.pieced : 0, normalize_task, &j);
}

/* What x - mean is multiplied by, and what is added: the same bits for both directions. */
static void set_affine(int size, int64_t C, const void* w, const void* b, const void* rstd, void* scale, void* shift) {
    for (int64_t c = 0; c < C; c++) {
        norm_put(size, scale, c, norm_get(size, w, c, 1) * norm_get(size, rstd, c, 1));
        norm_put(size, shift, c, norm_get(size, b, c, 0));
    }
}

void batch_norm_begin(norm_tally* w, const void* weight, const void* b, double eps, void* mean, void* rstd, void* scale,
                      void* shift, double* var) {
    const int64_t C = w->j.C;
    const int size = w->j.size;
    moments(w);
    memcpy(var, w->totals + C, C * sizeof(double));
    for (int64_t c = 0; c < C; c++) {
        norm_put(size, mean, c, w->totals[c]);
        norm_put(size, rstd, c, 1 / sqrt(var[c] + eps));
    }
    set_affine(size, C, weight, b, rstd, scale, shift);
}

void norm_move(int64_t C, int size, void* running, double momentum, int value_size, const void* value, double factor) {
    for (int64_t c = 0; c < C; c++) {
        const double old = norm_get(size, running, c, 0);
        norm_put(size, running, c, (1 - momentum) * old + momentum * factor * norm_get(value_size, value, c, 0));
    }
}

int batch_norm_eval(norm_shape s, const void* x, const void* residual, const void* w, const void* b, const void* mean,
                    const void* var, double eps, int relu, void* y) {
    const int size = s.dtype == F32 ? 4 : 8;
    char *scale = malloc(2 * s.C * size + 1), *shift = scale + s.C * size;
    if (!scale) return -1;
    for (int64_t c = 0; c < s.C; c++) {
        norm_put(size, scale, c, norm_get(size, w, c, 1) / sqrt(norm_get(size, var, c, 1) + eps));
        norm_put(size, shift, c, norm_get(size, b, c, 0));
    }
    batch_norm_apply(s, x, residual, mean, scale, shift, relu, y, s.C);
    free(scale);
    return 0;
}

int batch_norm_reads_pitch(norm_shape s) { return plan(s, 1).repeats == 1; }

void batch_norm_grad_vectors(norm_shape s, norm_gradient* n, const void* w, const void* b, const void* rstd,
                             void* factors) {
    const int size = s.dtype == F32 ? 4 : 8;
    const int64_t step = s.C * size;
    char *scale = factors, *shift = scale + step;
    set_affine(size, s.C, w, b, rstd, scale, shift);
    n->scale = scale, n->shift = shift;
    n->a = shift + step, n->b = shift + 2 * step, n->c = shift + 3 * step;
}

void batch_norm_grad_begin(norm_tally* tally, norm_gradient* n, const void* w, const void* rstd, void* gw, void* gb) {
    const job* j = &tally->j;
    const int64_t C = j->C, rows = j->pieces * j->repeats + j->rest;
    const double total = j->N ? (double)j->N : 1;
    double* sums = tally->totals;
    sum_all(tally);
    j->kernels->norm_totals(j->sum1, rows, C, C, sums);
    j->kernels->norm_totals(j->sum2, rows, C, C, sums + C);
    for (int64_t c = 0; c < C; c++) {
        double r = norm_get(j->size, rstd, c, 1), a = norm_get(j->size, w, c, 1) * r, sum_g = sums[c],
               sum_gd = sums[C + c];
        norm_put(j->size, gw, c, sum_gd * r);
        norm_put(j->size, gb, c, sum_g);
        norm_put(j->size, (char*)n->a, c, a);
        norm_put(j->size, (char*)n->b, c, -a * r * r * sum_gd / total);
        norm_put(j->size, (char*)n->c, c, -a * sum_g / total);
    }
    if (j->out) n->relu = NO_RELU;
    if (j->mode == SUM_G_BY_OUT) n->g = j->masked, n->g_pitch = C;
}

void batch_norm_grad_apply(norm_shape s, const norm_gradient* n, void* gx) {
    char room[6][VECTOR_ROOM];
    job j = plan(s, 1);
    set_gradient(&j, n, 6, room);
    j.result = gx;
    parallel_for(j.threads, s.C ? j.pieced : 0, grad_task, &j);
}

void batch_norm_grad_rows(const kernel_table* t, const norm_gradient* n, int64_t C, int64_t first, int64_t rows,
                          void* gx) {
    const int64_t size = t->lane_bytes / t->lanes;
    t->norm_grad((const char*)n->g + first * n->g_pitch * size, n->g_pitch, (const char*)n->x + first * C * size, gx,
                 rows, C, n->mean, n->scale, n->shift, n->a, n->b, n->c, n->relu);
}
