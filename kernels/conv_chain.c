/* Convolutions one after another. Every one but the last writes its rows into a ring that holds no more of them than
 * the next one needs. */
#include "conv_chain.h"

#include <stdatomic.h>

#include "kernels.h"
#include "parallel.h"

enum {
    STEP_PIXELS = 64,         /* of a product, at least */
    LEAST_COLUMNS = 8,        /* of a row: a product with fewer rows is no product of panels, and has other bits */
    SAVED_BYTES = 64 << 10,   /* of activations that need not leave L1, at least */
    WEIGHT_BYTES = 256 << 10, /* of all weights, which each step reads again, at most: they stay in L2 */
    PARTS = 4 /* per thread, so that threads finish together, if they have four steps: each computes some rows again */
};

typedef struct {
    int64_t step, ring; /* rows that are computed together, and that its ring holds */
    int64_t row_bytes;  /* of its output */
    int64_t offset;     /* of its ring in a thread's scratch */
} stage;

typedef struct {
    const kernel_table* t;
    const conv_link* links;
    stage stages[CONV_CHAIN_MOST];
    int count, size;
    const char* x;
    char *y, *scratch;
    int64_t parts, scratch_bytes;
    _Atomic int failed;
} chain_run;

/* Where a task is: the next row of each link. */
typedef struct {
    int64_t next[CONV_CHAIN_MOST];
    const char* x;
    char *y, *rings;
} chain_state;

static int is_depthwise(const conv_geometry* g) { return g->groups > 1; }

int conv_chain_fits(const kernel_table* t, const conv_link* links, int count) {
    for (int i = 0; i < count; i++) {
        const conv_geometry* g = &links[i].g;
        const conv_algorithm algorithm = conv_choose(t, CONV_FORWARD, g, NULL);
        if (algorithm == CONV_DEPTHWISE ? !depthwise_is_3x3(t, g) : algorithm != CONV_POINTWISE) return 0;
        if (g->q < LEAST_COLUMNS || g->k < t->lanes || g->c < t->lanes) return 0;
    }
    return 1;
}

int conv_chain_gains(const kernel_table* t, const conv_link* links, int count) {
    const int64_t size = t->lane_bytes / t->lanes;
    int64_t saved = 0, weights = 0;
    for (int i = 0; i < count; i++) {
        const conv_geometry* g = &links[i].g;
        weights += g->k * (g->c / g->groups) * g->r * g->s * size;
        if (i + 1 < count) saved += g->n * g->p * g->q * g->k * size;
    }
    return saved >= SAVED_BYTES && weights <= WEIGHT_BYTES;
}

static char* ring_row(const chain_run* run, const chain_state* s, int i, int64_t row) {
    const stage* at = &run->stages[i];
    return s->rings + at->offset + row % at->ring * at->row_bytes;
}

static const char* input_row(const chain_run* run, const chain_state* s, int i, int64_t row) {
    const conv_geometry* g = &run->links[i].g;
    return i ? ring_row(run, s, i - 1, row) : s->x + row * g->w * g->c * run->size;
}

static char* output_row(const chain_run* run, const chain_state* s, int i, int64_t row) {
    return i + 1 < run->count ? ring_row(run, s, i, row) : s->y + row * run->stages[i].row_bytes;
}

static void compute_rows(chain_run* run, const chain_state* s, int i, int64_t p0, int64_t p1) {
    const conv_link* link = &run->links[i];
    const conv_geometry* g = &link->g;
    if (!is_depthwise(g)) { /* both ends have these rows one after another: the steps are the same */
        gemm_problem product = conv_as_product(g, link->w, link->kept);
        product.m = (p1 - p0) * g->w, product.alone = 1;
        product.a.data = input_row(run, s, i, p0), product.c = output_row(run, s, i, p0), product.bias = link->bias;
        if (gemm(run->t, &product)) atomic_store(&run->failed, 1);
        return;
    }
    conv_geometry packed = *g;
    packed.weight_r = 3 * g->c, packed.weight_s = g->c;
    for (int64_t p = p0; p < p1; p++) {
        const void* rows[3];
        for (int64_t r = 0; r < 3; r++) {
            const int64_t h = p * g->stride_h + r + g->origin_h;
            rows[r] = 0 <= h && h < g->h ? input_row(run, s, i, h) : NULL;
        }
        depthwise_3x3_row(run->t, &packed, rows, NULL, 0, link->kept->data, link->bias, output_row(run, s, i, p));
    }
}

/* Rows of link i up to `end`, and before each step the rows that it needs. */
static void compute_until(chain_run* run, chain_state* s, int i, int64_t end) {
    const conv_geometry* g = &run->links[i].g;
    while (s->next[i] < end) {
        const int64_t p0 = s->next[i], p1 = conv_min(g->p, p0 + run->stages[i].step);
        int64_t h0, h1;
        conv_row_range(g, p0, p1, &h0, &h1);
        if (i) compute_until(run, s, i - 1, h1);
        compute_rows(run, s, i, p0, p1);
        s->next[i] = p1;
    }
}

/* A part of an image's rows. */
static void chain_task(void* context, int64_t task, int thread) {
    chain_run* run = context;
    const int end = run->count - 1;
    const conv_geometry *first = &run->links[0].g, *last = &run->links[end].g;
    const int64_t n = task / run->parts, part = task % run->parts, step = run->stages[end].step;
    const int64_t steps = conv_ceil(last->p, step);
    chain_state s = {.rings = run->scratch + thread * run->scratch_bytes};
    s.x = run->x + n * first->h * first->w * first->c * run->size;
    s.y = run->y + n * last->out_n * run->size;
    int64_t row = steps * part / run->parts * step, unused;
    for (int i = end; i >= 0; i--) { /* where each link has to begin */
        s.next[i] = row - row % run->stages[i].step;
        conv_row_range(&run->links[i].g, s.next[i], s.next[i] + 1, &row, &unused);
    }
    compute_until(run, &s, end, conv_min(last->p, steps * (part + 1) / run->parts * step));
}

/* How many rows at a time, and how many each ring has to hold: what a step of the next link reads, and what a step may
 * compute beyond. Whole steps, so that none is torn apart. */
static void plan(chain_run* run) {
    for (int i = 0; i < run->count; i++) {
        const conv_geometry* g = &run->links[i].g;
        stage* at = &run->stages[i];
        at->step = i && !is_depthwise(g) ? at[-1].step : conv_ceil(g->p, conv_max(1, g->p * g->q / STEP_PIXELS));
        at->row_bytes = g->q * g->k * run->size;
        if (!i) continue;
        stage* before = at - 1;
        before->ring = conv_ceil(conv_block_rows(g, at->step) + before->step - 1, before->step) * before->step;
        before->offset = run->scratch_bytes;
        run->scratch_bytes += conv_ceil(before->ring * before->row_bytes, 64) * 64;
    }
}

static int pack(const kernel_table* t, const conv_link* link) {
    if (is_depthwise(&link->g)) return depthwise_keep(t, &link->g, link->w, link->kept);
    const gemm_problem product = conv_as_product(&link->g, link->w, link->kept);
    return gemm_keep(t, &product);
}

int conv_chain(const kernel_table* t, const conv_link* links, int count, const void* x, void* y) {
    chain_run run = {.t = t, .links = links, .count = count, .size = t->lane_bytes / t->lanes, .x = x, .y = y};
    const conv_geometry* last = &links[count - 1].g;
    for (int i = 0; i < count; i++)
        if (pack(t, &links[i])) return -1;
    plan(&run);
    const int threads = parallel_threads();
    const int64_t steps = conv_ceil(last->p, run.stages[count - 1].step);
    const int64_t least = conv_min(steps, conv_ceil(threads, last->n)); /* or some threads have none */
    const int64_t even = conv_min(conv_ceil(steps, 4), conv_ceil(PARTS * threads, last->n));
    run.parts = threads == 1 ? 1 : conv_max(least, even);
    run.scratch = memory_allocate((size_t)(threads * run.scratch_bytes));
    if (!run.scratch) return -1;
    parallel_for(threads, last->n * run.parts, chain_task, &run);
    memory_release(run.scratch);
    return run.failed ? -1 : 0;
}
