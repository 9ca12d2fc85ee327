/* Elementwise drivers. Elements are independent, so any split gives the same bits. */
#include "elementwise.h"

#include <string.h>

#include "parallel.h"

enum { BLOCK = 32768, TILE_BYTES = 8192, TILE = 1024 };

typedef struct {
    unary_kernel unary;
    binary_kernel binary, second;
    const char *x, *y, *z;
    char* out;
    int64_t n, block, period; /* period: elements of y before it starts again; 0: y is as long as x */
    int size, y_first;
    double p, q;
} job;

static void run_block(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t start = i * j->block, end = start + j->block < j->n ? start + j->block : j->n;
    const char *x = j->x + start * j->size, *y = j->y + start * j->size;
    char* out = j->out + start * j->size;
    if (j->unary) {
        j->unary(x, out, end - start, j->p, j->q);
    } else if (!j->period) {
        j->binary(x, y, out, end - start, j->p, j->q);
    } else {
        for (int64_t n; start < end; start += n, x += n * j->size, out += n * j->size) {
            n = end - start < j->period ? end - start : j->period;
            if (j->y_first)
                j->binary(j->y, x, out, n, j->p, j->q);
            else
                j->binary(x, j->y, out, n, j->p, j->q);
        }
    }
}

static void run_blocks(job* j) {
    if (j->n <= 2 * j->block) j->block = j->n;
    if (j->n) parallel_for(parallel_threads(), (j->n + j->block - 1) / j->block, run_block, j);
}

void elementwise_unary(unary_kernel kernel, const void* x, void* out, int64_t n, int size, double p, double q) {
    job j = {.unary = kernel, .x = x, .y = x, .out = out, .n = n, .block = BLOCK, .size = size, .p = p, .q = q};
    run_blocks(&j);
}

void elementwise_binary(binary_kernel kernel, const void* x, const void* y, void* out, int64_t n, int size, double p,
                        double q) {
    job j = {.binary = kernel, .x = x, .y = y, .out = out, .n = n, .block = BLOCK, .size = size, .p = p, .q = q};
    run_blocks(&j);
}

static void run_both(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t start = i * j->block, end = start + j->block < j->n ? start + j->block : j->n;
    for (int64_t n; start < end; start += n) {
        const int64_t at = start * j->size, tile = TILE_BYTES / j->size;
        n = end - start < tile ? end - start : tile;
        j->binary(j->x + at, j->y + at, j->out + at, n, 0, 0);
        j->second(j->out + at, j->z + at, j->out + at, n, 0, 0);
    }
}

void elementwise_both(binary_kernel first, binary_kernel second, const void* x, const void* y, const void* z, void* out,
                      int64_t n, int size) {
    job j = {
        .binary = first, .second = second, .x = x, .y = y, .z = z, .out = out, .n = n, .block = BLOCK, .size = size};
    parallel_for(parallel_threads(), (n + BLOCK - 1) / BLOCK, run_both, &j);
}

/* Fills `have` bytes up to `wanted` by repeating them. */
static void repeat(char* tile, int64_t have, int64_t wanted) {
    for (; have < wanted; have *= 2) memcpy(tile + have, tile, have < wanted - have ? have : wanted - have);
}

/* Repeats a short row into a tile, so that the kernels run over long stretches. */
void elementwise_row(binary_kernel kernel, const void* x, const void* row, void* out, int64_t n, int64_t cols, int size,
                     int row_first) {
    char tile[TILE_BYTES];
    int64_t period = cols;
    if (n == 0) return;
    if (cols * size * 2 <= TILE_BYTES) {
        period = cols * (TILE_BYTES / (cols * size));
        if (period > n) period = n;
        memcpy(tile, row, cols * size);
        repeat(tile, cols * size, period * size);
        row = tile;
    }
    int64_t block = period * (1 + (BLOCK - 1) / period);
    job j = {.binary = kernel,
             .x = x,
             .y = row,
             .out = out,
             .n = n,
             .block = block,
             .period = period,
             .size = size,
             .y_first = row_first};
    run_blocks(&j);
}

typedef struct {
    binary_kernel binary;
    choose_kernel choose;
    const elementwise_operand* operands;
    char* out;
    const int64_t* sizes;
    int64_t n, rows, per_task; /* n: elements of a row, along the last axis */
    int size, count, ndim;
    int dense[ELEMENTWISE_OPERANDS]; /* whether all rows lie one after another */
} broadcast_job;

/* Where every operand has a row of the result. */
typedef struct {
    int64_t index[ELEMENTWISE_AXES];
    const char* start[ELEMENTWISE_OPERANDS];
} row_place;

static row_place place_of(const broadcast_job* j, int64_t row) {
    row_place at;
    for (int d = j->ndim - 2; d >= 0; row /= j->sizes[d], d--) at.index[d] = row % j->sizes[d];
    for (int k = 0; k < j->count; k++) {
        const elementwise_operand* o = j->operands + k;
        int64_t offset = 0;
        for (int d = 0; d < j->ndim - 1; d++) offset += at.index[d] * o->steps[d];
        at.start[k] = (const char*)o->data + offset * o->size;
    }
    return at;
}

/* So many rows on, at most to the end of the axis before the last one. */
static void move_on(const broadcast_job* j, row_place* at, int64_t rows) {
    for (int d = j->ndim - 2; d >= 0; d--, rows = 1) {
        at->index[d] += rows;
        const int64_t back = at->index[d] == j->sizes[d] ? j->sizes[d] : 0;
        at->index[d] -= back;
        for (int k = 0; k < j->count; k++) {
            const elementwise_operand* o = j->operands + k;
            at->start[k] += (rows - back) * o->steps[d] * o->size;
        }
        if (!back) return;
    }
}

static void run_kernel(const broadcast_job* j, const char* const* p, char* out, int64_t n) {
    if (j->choose)
        j->choose(p[0], p[1], p[2], out, n);
    else
        j->binary(p[0], p[1], out, n, 0, 0);
}

/* Copies rows of n elements, `step` apart. What a vector writes past a row's end, the next one overwrites. */
typedef struct {
    int64_t rows, pitch, step, n;
    const char* from;
    char* to;
} spread;
#define SPREAD(type, lanes)                                                                                          \
    static inline __attribute__((always_inline)) void spread_##type##_of(const spread* s, int64_t step, int64_t n) { \
        typedef type vector __attribute__((vector_size(lanes * sizeof(type)), may_alias, aligned(1)));               \
        typedef type element __attribute__((may_alias));                                                             \
        const element* x = (const element*)s->from;                                                                  \
        element* y = (element*)s->to;                                                                                \
        for (int64_t row = 0; row < s->rows; row++, x += s->pitch, y += n) {                                         \
            int64_t i = 0;                                                                                           \
            for (const vector repeated = *x - (vector){0}; !step && i < n; i += lanes) *(vector*)(y + i) = repeated; \
            for (; step == 1 && i + lanes <= n; i += lanes) *(vector*)(y + i) = *(const vector*)(x + i);             \
            for (; i < n; i++) y[i] = x[i * step];                                                                   \
        }                                                                                                            \
    }                                                                                                                \
    static void spread_##type(const spread* s) {                                                                     \
        if (s->step == 1 && s->n == 2)                                                                               \
            spread_##type##_of(s, 1, 2);                                                                             \
        else if (s->step == 1)                                                                                       \
            spread_##type##_of(s, 1, s->n);                                                                          \
        else if (s->step == 0)                                                                                       \
            spread_##type##_of(s, 0, s->n);                                                                          \
        else                                                                                                         \
            spread_##type##_of(s, s->step, s->n);                                                                    \
    }
SPREAD(int8_t, 16)
SPREAD(int32_t, 4)
SPREAD(int64_t, 2)
#undef SPREAD

static void spread_elements(int size, const spread* s) {
    (size == 4 ? spread_int32_t : size == 8 ? spread_int64_t : spread_int8_t)(s);
}

/* What operands are copied to, and from where, if that may serve again. */
typedef struct {
    char data[ELEMENTWISE_OPERANDS][8 * TILE + 16];
    const char* filled[ELEMENTWISE_OPERANDS];
} tiles;

/* Rows that repay a call of the kernel, or more; what repeats along them is read from a tile. */
static void long_rows(const broadcast_job* j, row_place* at, int64_t first, int64_t end, tiles* t) {
    const char* p[ELEMENTWISE_OPERANDS];
    const int last = j->ndim - 1;
    int64_t length = j->n;
    for (int k = 0; k < j->count; k++)
        if (!j->operands[k].steps[last] && length > TILE) length = TILE;
    for (int64_t row = first; row < end; row++, move_on(j, at, 1)) {
        for (int k = 0; k < j->count; k++) {
            if (j->operands[k].steps[last] || t->filled[k] == at->start[k]) continue;
            spread_elements(j->operands[k].size,
                            &(spread){.rows = 1, .n = length, .from = at->start[k], .to = t->data[k]});
            t->filled[k] = at->start[k];
        }
        for (int64_t i = 0, n; i < j->n; i += n) {
            n = j->n - i < length ? j->n - i : length;
            for (int k = 0; k < j->count; k++)
                p[k] = j->operands[k].steps[last] ? at->start[k] + i * j->operands[k].size : t->data[k];
            run_kernel(j, p, j->out + (row * j->n + i) * j->size, n);
        }
    }
}

/* Rows so short that several make a tile: what does not lie there one row after another is copied. */
static void short_rows(const broadcast_job* j, row_place* at, int64_t first, int64_t end, tiles* t) {
    const char* p[ELEMENTWISE_OPERANDS];
    const int last = j->ndim - 1;
    const int64_t most = TILE / j->n;
    for (int64_t row = first, rows; row < end; row += rows) {
        rows = end - row < most ? end - row : most;
        for (int k = 0; k < j->count; k++) p[k] = j->dense[k] ? at->start[k] : t->data[k];
        for (int64_t i = 0, run; i < rows; i += run, move_on(j, at, run)) {
            run = rows - i;
            if (last && run > j->sizes[last - 1] - at->index[last - 1]) run = j->sizes[last - 1] - at->index[last - 1];
            for (int k = 0; k < j->count; k++) {
                const elementwise_operand* o = j->operands + k;
                const int64_t pitch = last ? o->steps[last - 1] : 0;
                if (j->dense[k] || (run == rows && t->filled[k] == at->start[k])) continue;
                t->filled[k] = pitch || run < most ? NULL : at->start[k];
                spread_elements(o->size, &(spread){.rows = run,
                                                   .pitch = pitch,
                                                   .step = o->steps[last],
                                                   .n = j->n,
                                                   .from = at->start[k],
                                                   .to = t->data[k] + i * j->n * o->size});
            }
        }
        run_kernel(j, p, j->out + row * j->n * j->size, rows * j->n);
    }
}

static void broadcast_task(void* context, int64_t task, int thread) {
    (void)thread;
    const broadcast_job* j = context;
    const int64_t first = task * j->per_task, end = first + j->per_task < j->rows ? first + j->per_task : j->rows;
    row_place at = place_of(j, first);
    tiles t;
    memset(t.filled, 0, sizeof t.filled);
    (j->n < ELEMENTWISE_LONG ? short_rows : long_rows)(j, &at, first, end, &t);
}

static int lies_dense(const broadcast_job* j, const int64_t* steps) {
    int64_t step = 1;
    for (int d = j->ndim - 1; d >= 0; step *= j->sizes[d], d--)
        if (steps[d] != step) return 0;
    return 1;
}

void elementwise_broadcast(binary_kernel binary, choose_kernel choose, const elementwise_operand* operands, void* out,
                           int size, int ndim, const int64_t* sizes) {
    broadcast_job j = {.binary = binary, .choose = choose, .operands = operands, .out = out, .sizes = sizes};
    j.n = sizes[ndim - 1], j.rows = 1, j.size = size, j.count = choose ? 3 : 2, j.ndim = ndim;
    for (int d = 0; d < ndim - 1; d++) j.rows *= sizes[d];
    for (int k = 0; k < j.count; k++) j.dense[k] = lies_dense(&j, operands[k].steps);
    if (!j.n || !j.rows) return;
    j.per_task = j.n * j.rows <= 2 * BLOCK ? j.rows : 1 + BLOCK / j.n;
    parallel_for(parallel_threads(), (j.rows + j.per_task - 1) / j.per_task, broadcast_task, &j);
}

typedef struct {
    const char* x;
    char* out;
    int64_t n, times, block;
    int size;
} repeat_job;

/* The last elements one by one: what a vector writes too much may be another thread's. */
static void repeat_task(void* context, int64_t task, int thread) {
    (void)thread;
    enum { LANES = 16 };
    const repeat_job* j = context;
    const int64_t first = task * j->block, n = j->n - first < j->block ? j->n - first : j->block;
    const int64_t whole = n > LANES ? n - LANES : 0;
    const char* from = j->x + first * j->size;
    char* to = j->out + first * j->times * j->size;
    spread_elements(j->size, &(spread){.rows = whole, .pitch = 1, .n = j->times, .from = from, .to = to});
    for (int64_t i = whole; i < n; i++)
        for (int64_t k = 0; k < j->times; k++) memcpy(to + (i * j->times + k) * j->size, from + i * j->size, j->size);
}

void elementwise_repeat(const void* x, int64_t n, int64_t times, int size, void* out) {
    repeat_job j = {.x = x, .out = out, .n = n, .times = times, .block = 1 + BLOCK / times, .size = size};
    parallel_for(parallel_threads(), (n + j.block - 1) / j.block, repeat_task, &j);
}
