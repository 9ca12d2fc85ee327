/* Matrix multiplication driver: packs a block of B into panels, then runs the panel kernel over a grid of tasks. */
#include "gemm.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "kernels.h"
#include "parallel.h"

enum {
    K_BLOCK_BYTES = 2048,    /* of a row of A: a block of B (a panel of 256 bytes x 512 floats) stays in L2 */
    M_BLOCK = 96,            /* rows per task: a multiple of every tile height */
    N_BLOCK_PANELS = 4,      /* panels per task where there are enough rows to share */
    STACK_BYTES = 16384,     /* packs this small need no malloc */
    PARALLEL_WORK = 1 << 17, /* multiply-adds below which waking threads costs more than it gains */
    DOT_ROWS = 4,            /* up to here, dot products beat packing a transposed B */
    DOT_BLOCK = 64,          /* columns per task of dot products */
    PARALLEL_COPY = 1 << 16  /* the same for elements copied */
};

typedef struct {
    const kernel_table* t;
    const gemm_problem* p;
    const char *a, *b;
    char* c;
    char *packed, *rows; /* B in panels (NULL: read in place); per thread, a block of rows of A (NULL: in place) */
    int64_t rows_pitch, rows_bytes;
    int64_t k0, kc; /* block of the reduction */
    int64_t n_tasks, n_block;
    int64_t in_place; /* leading columns of B that are read where they are */
    int size;
} gemm_run;

int gemm_panel_vectors(const kernel_table* t, int64_t left) {
    int64_t vectors = (left + t->lanes - 1) / t->lanes;
    return vectors >= t->panel ? t->panel : vectors >= 2 ? 2 : 1;
}

static void pack_task(void* context, int64_t task, int thread) {
    (void)thread;
    const gemm_run* r = context;
    const gemm_problem* p = r->p;
    int64_t j = r->in_place + task * r->n_block, end = j + r->n_block < p->n ? j + r->n_block : p->n;
    while (j < end) {
        int64_t width = gemm_panel_vectors(r->t, p->n - j) * r->t->lanes, n = p->n - j < width ? p->n - j : width;
        r->t->copy_2d(r->b + (r->k0 * p->b.rows + j * p->b.columns) * r->size, p->b.rows, p->b.columns, r->kc, n,
                      r->packed + (j - r->in_place) * r->kc * r->size, width, width);
        j += width;
    }
}

static void compute_task(void* context, int64_t task, int thread) {
    const gemm_run* r = context;
    const gemm_problem* p = r->p;
    const kernel_table* t = r->t;
    int64_t i = task / r->n_tasks * M_BLOCK, m = p->m - i < M_BLOCK ? p->m - i : M_BLOCK;
    int64_t j = task % r->n_tasks * r->n_block, end = j + r->n_block < p->n ? j + r->n_block : p->n;
    gemm_segment segment = {r->a + (i * p->a.rows + r->k0 * p->a.columns) * r->size, NULL, r->kc};
    gemm_panel_args g = {.m = m, .segments = &segment, .count = 1, .ldc = p->ldc};
    if (r->rows) {
        char* rows = r->rows + thread * r->rows_bytes;
        t->copy_2d(segment.a, p->a.rows, p->a.columns, m, r->kc, rows, r->rows_pitch, r->kc);
        segment.a = rows;
        g.lda = r->rows_pitch;
    } else if (p->a.columns == 1 || r->kc <= 1) {
        g.lda = p->a.rows;
    } else {
        g.lda = p->a.columns;
        g.flags = GEMM_TRANS_A;
    }
    g.flags |= (r->k0 ? GEMM_ADD : 0) | (p->relu && r->k0 + r->kc == p->k ? GEMM_RELU : 0);
    while (j < end) {
        g.vectors = gemm_panel_vectors(t, p->n - j);
        int64_t width = g.vectors * t->lanes;
        g.n = p->n - j < width ? p->n - j : width;
        int in_place = j < r->in_place;
        g.ldb = in_place ? p->b.rows : width;
        segment.b =
            in_place ? r->b + (r->k0 * p->b.rows + j) * r->size : r->packed + (j - r->in_place) * r->kc * r->size;
        g.c = r->c + (i * p->ldc + j) * r->size;
        g.bias = p->bias ? (const char*)p->bias + j * r->size : NULL;
        t->gemm_panel(&g);
        j += width;
    }
}

/* Rows of A are copied where broadcasting from them in place would miss the cache:
 * transposed, neither stride 1, or on a pitch that puts every row in the same cache set. */
static int copies_rows(const gemm_problem* p, int size) {
    const int repaid = p->n >= 128 && p->m > 4;
    if (p->a.columns == 1) return repaid && p->a.rows * size % 2048 == 0 && p->k * size >= 256;
    if (p->a.rows == 1) return repaid;
    return 1;
}

/* How many columns of B need no packing: rows must be contiguous, and there must be too few rows of A to repay it.
 * A partial panel would read past the rows of B, so the last columns are always packed. */
static int64_t columns_in_place(const kernel_table* t, const gemm_problem* p, int64_t kc, int size) {
    int64_t j = 0, width;
    if (p->b.columns != 1 || (p->m > 24 && kc * p->n * size > 16384)) return 0;
    while (j < p->n && j + (width = gemm_panel_vectors(t, p->n - j) * t->lanes) <= p->n) j += width;
    return j;
}

static int64_t round_up(int64_t x, int64_t step) { return (x + step - 1) / step * step; }

/* Task sizes depend on the shape alone; the bits of the result not even on them. */
static void partition(gemm_run* r, int64_t m_tasks) {
    int64_t widest = r->t->panel * r->t->lanes;
    r->n_block = widest * (m_tasks >= 8 ? 2 * N_BLOCK_PANELS : m_tasks >= 2 ? N_BLOCK_PANELS : 1);
    r->n_tasks = (r->p->n + r->n_block - 1) / r->n_block;
}

static void dot_task(void* context, int64_t task, int thread) {
    (void)thread;
    const gemm_run* r = context;
    const gemm_problem* p = r->p;
    int64_t j = task * DOT_BLOCK;
    gemm_dot_args d = {.m = p->m, .n = p->n - j < DOT_BLOCK ? p->n - j : DOT_BLOCK, .k = p->k, .relu = p->relu};
    d.a = r->a, d.lda = p->a.rows;
    d.b = r->b + j * p->b.columns * r->size, d.ldb = p->b.columns;
    d.c = r->c + j * r->size, d.ldc = p->ldc;
    if (p->bias) d.bias = (const char*)p->bias + j * r->size;
    r->t->gemm_dot(&d);
}

/* Vector times matrix, either way round, where the matrix is contiguous along k. */
static int gemm_by_dots(const kernel_table* t, const gemm_problem* p, const void* a, const void* b, void* c,
                        int threads) {
    gemm_problem flipped = *p;
    if (p->n == 1 && p->m > DOT_ROWS && p->a.columns == 1 && p->ldc == 1 && !p->bias) { /* C^T = B^T A^T */
        flipped.m = 1, flipped.n = p->m, flipped.ldc = p->m;
        flipped.a = (gemm_matrix){.rows = 1, .columns = p->b.rows};
        flipped.b = (gemm_matrix){.rows = 1, .columns = p->a.rows};
        const void* swap = a;
        a = b, b = swap;
    }
    if (flipped.m > DOT_ROWS || flipped.a.columns != 1 || flipped.b.rows != 1 || flipped.n == 1) return 0;
    gemm_run r = {.t = t, .p = &flipped, .a = a, .b = b, .c = c, .size = t->lane_bytes / t->lanes};
    parallel_for(threads, (flipped.n + DOT_BLOCK - 1) / DOT_BLOCK, dot_task, &r);
    return 1;
}

static int gemm_2d(const kernel_table* t, const gemm_problem* p, const void* a, const void* b, void* c, int threads) {
    if (gemm_by_dots(t, p, a, b, c, threads)) return 0;
    const int size = t->lane_bytes / t->lanes;
    const int64_t kc = p->k < K_BLOCK_BYTES / size ? p->k : K_BLOCK_BYTES / size;
    const int64_t m_tasks = (p->m + M_BLOCK - 1) / M_BLOCK;
    gemm_run r = {.t = t, .p = p, .a = a, .b = b, .c = c, .size = size};
    partition(&r, m_tasks);
    r.in_place = columns_in_place(t, p, kc, size);
    int64_t b_bytes = round_up(round_up(p->n - r.in_place, t->lanes) * kc * size, 64);
    if (copies_rows(p, size)) {
        r.rows_pitch = kc + 16;
        r.rows_bytes = round_up((p->m < M_BLOCK ? p->m : M_BLOCK) * r.rows_pitch * size, 64);
    }
    char stack[STACK_BYTES] __attribute__((aligned(64))), *heap = NULL;
    size_t bytes = (size_t)(b_bytes + r.rows_bytes * threads);
    if (bytes > STACK_BYTES && !(heap = aligned_alloc(64, bytes))) return -1;
    r.packed = heap ? heap : stack;
    r.rows = r.rows_bytes ? r.packed + b_bytes : NULL;
    int64_t pack_tasks = (p->n - r.in_place + r.n_block - 1) / r.n_block;
    do {
        r.kc = p->k - r.k0 < kc ? p->k - r.k0 : kc;
        parallel_for(r.kc * p->n < PARALLEL_COPY ? 1 : threads, pack_tasks, pack_task, &r);
        parallel_for(threads, m_tasks * r.n_tasks, compute_task, &r);
        r.k0 += kc;
    } while (r.k0 < p->k);
    free(heap);
    return 0;
}

typedef struct {
    const kernel_table* t;
    const gemm_problem* p;
    int threads;
    _Atomic int failed;
} batch_run;

static void batch_task(void* context, int64_t task, int thread) {
    (void)thread;
    batch_run* r = context;
    const gemm_problem* p = r->p;
    int64_t size = r->t->lane_bytes / r->t->lanes, a = 0, b = 0, rest = task;
    for (int d = p->batch_dims - 1; d >= 0; d--) {
        int64_t index = rest % p->batch_shape[d];
        rest /= p->batch_shape[d];
        a += index * p->a.batch[d];
        b += index * p->b.batch[d];
    }
    if (gemm_2d(r->t, p, (const char*)p->a.data + a * size, (const char*)p->b.data + b * size,
                (char*)p->c + task * p->m * p->ldc * size, r->threads))
        atomic_store(&r->failed, 1);
}

int gemm(const kernel_table* t, const gemm_problem* p) {
    int64_t batches = 1;
    for (int d = 0; d < p->batch_dims; d++) batches *= p->batch_shape[d];
    if (!batches || !p->m || !p->n) return 0;
    double work = (double)p->m * (double)p->n * (double)(p->k ? p->k : 1);
    int threads = work * (double)batches < PARALLEL_WORK ? 1 : parallel_threads();
    batch_run r = {t, p, threads, 0};
    if (batches >= 8) { /* each product on one thread */
        r.threads = 1;
        parallel_for(threads, batches, batch_task, &r);
    } else {
        for (int64_t i = 0; i < batches; i++) batch_task(&r, i, 0);
    }
    return r.failed ? -1 : 0;
}
