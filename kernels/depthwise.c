/* Depthwise convolution drivers. Taps outside the input are skipped, those of 3x3 kernels meet zeros. The forward pass
 * also serves the input gradient. */
#include "depthwise.h"

#include <string.h>

#include "conv.h"
#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum {
    TASK_ELEMENTS = 1 << 14, /* outputs per task */
    BLOCK_BYTES = 32 << 10,  /* of input per block of rows */
    MAX_CHUNKS = 32,
    RING = 4,            /* rows of a gradient that are kept */
    FAR_BYTES = 1 << 20, /* more are taken to lie in memory: fetching what a cache holds takes a tenth longer */
    PARALLEL_WORK = 1 << 15
};

/* A convolution that `y` is computed by, or one phase of it. */
typedef struct {
    conv_geometry g;
    int64_t y, w; /* where it begins in the output and the packed weight */
} phase;

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    const char *x, *w, *bias, *grad, *zeros; /* w as [r][s][group][c]; c zeros */
    const norm_application* norm;            /* of x, or NULL */
    const norm_gradient* source;             /* what rows of grad are made from, if they are */
    char *y, *partials, *ring;
    const phase* phases;
    int64_t phase_count;
    int64_t rows, row_blocks, blocks, chunks, partial_bytes, ring_bytes;
    int size, far; /* far: what lies in memory (FAR_...) */
} depthwise_run;

static int far(const depthwise_run* run, int64_t elements, int which) {
    return elements * run->size > FAR_BYTES ? which : 0;
}

static int64_t group_of(const conv_geometry* g) { return g->c / g->groups; }

/* Output columns [q0, q1) of row p and the taps [s0, s1): they all see these or, if `borders`, some lie beside the
 * input. */
static void run_columns(const depthwise_run* run, const phase* part, int64_t n, int64_t p, int64_t q0, int64_t q1,
                        int64_t s0, int64_t s1, int borders) {
    const conv_geometry* g = &part->g;
    int64_t r0, r1, first = p * g->stride_h + g->origin_h;
    conv_valid_taps(first, g->dilation_h, g->r, g->h, &r0, &r1);
    int64_t h = first + r0 * g->dilation_h, column = q0 * g->stride_w + s0 * g->dilation_w + g->origin_w;
    depthwise_row_args a = {.q = q1 - q0, .c = g->c, .r = r1 - r0, .s = s1 - s0, .bias = run->bias, .relu = g->relu};
    a.group = group_of(g);
    if (!a.s) a.r = 0;
    if (!a.r) h = column = a.s = 0; /* nothing is read */
    a.first = borders ? column : 0, a.columns = borders ? g->w : INT64_MAX;
    a.x = run->x + ((n * g->h + h) * g->w + column) * g->c * run->size;
    a.x_r = g->dilation_h * g->w * g->c;
    a.x_s = g->dilation_w * g->c;
    a.x_q = g->stride_w * g->c;
    a.w_r = g->weight_r;
    a.w_s = g->weight_s;
    a.w = run->w + (part->w + r0 * a.w_r + s0 * a.w_s) * run->size;
    a.y_q = g->out_w;
    a.y = run->y + (part->y + n * g->out_n + p * g->out_h + q0 * g->out_w) * run->size;
    run->t->depthwise_row(&a);
}

/* Columns [inner, outer) see every tap; others are taken one by one. */
static void inner_columns(const conv_geometry* g, int64_t* inner, int64_t* outer) {
    int64_t unused;
    conv_valid_taps(g->origin_w, g->stride_w, g->q, g->w, inner, &unused);
    conv_valid_taps(g->origin_w + (g->s - 1) * g->dilation_w, g->stride_w, g->q, g->w, &unused, outer);
    if (*outer < *inner) *outer = *inner;
}

int depthwise_is_3x3(const kernel_table* t, const conv_geometry* g) {
    return g->groups == g->c && g->r == 3 && g->s == 3 && g->dilation_h == 1 && g->dilation_w == 1 &&
           g->stride_w <= 2 && g->c >= t->lanes;
}

int depthwise_normalizes(const kernel_table* t, const conv_geometry* g) {
    return depthwise_is_3x3(conv_filled_table(t, g->c), g);
}

void depthwise_3x3_row(const kernel_table* t, const conv_geometry* g, const void* const* rows,
                       const norm_application* norm, int far, const void* w, const void* bias, void* y) {
    depthwise_3x3_args a = {.x = {rows[0], rows[1], rows[2]}, .w = w, .bias = bias, .y = y, .relu = g->relu};
    a.norm = norm;
    a.q = g->q, a.c = g->c, a.columns = g->w, a.first = g->origin_w, a.step = g->stride_w;
    a.x_next = far & FAR_X ? g->w * g->c : 0, a.y_next = far & FAR_Y ? g->q * g->out_w : 0;
    a.w_r = g->weight_r, a.w_s = g->weight_s, a.y_q = g->out_w;
    t->depthwise_3x3(&a);
}

/* Whether tiles of six pixels, of which the outer ones look for the borders at each column, take less time than those
 * of inner pixels and the others one by one: as 10, with the borders 13, and 6. */
static int whole_pays(int64_t pixels, int64_t inner) {
    return pixels > 1 && 10 * conv_ceil(pixels, 6) + 6 < 10 * conv_ceil(inner, 6) + 6 * (pixels - inner);
}

/* The input rows below the taps of output row p of image n; NULL outside. */
static void rows_below(const depthwise_run* run, const conv_geometry* g, int64_t n, int64_t p, const void** rows) {
    for (int64_t r = 0; r < 3; r++) {
        const int64_t h = p * g->stride_h + r + g->origin_h;
        rows[r] = 0 <= h && h < g->h ? run->x + (n * g->h + h) * g->w * g->c * run->size : NULL;
    }
}

static void run_row(const depthwise_run* run, const phase* part, int64_t n, int64_t p) {
    const conv_geometry* g = &part->g;
    if (depthwise_is_3x3(run->t, g)) {
        const void* rows[3];
        rows_below(run, g, n, p, rows);
        depthwise_3x3_row(run->t, g, rows, run->norm, run->far, run->w + part->w * run->size, run->bias,
                          run->y + (part->y + n * g->out_n + p * g->out_h) * run->size);
        return;
    }
    int64_t inner, outer, s0, s1;
    inner_columns(g, &inner, &outer);
    if (g->dilation_w == 1 && g->stride_w <= 2 && g->c >= run->t->lanes && whole_pays(g->q, outer - inner)) {
        run_columns(run, part, n, p, 0, g->q, 0, g->s, 1);
        return;
    }
    for (int64_t q = 0; q < g->q;) {
        int64_t next = q >= inner && q < outer ? outer : q + 1;
        conv_valid_taps(q * g->stride_w + g->origin_w, g->dilation_w, g->s, g->w, &s0, &s1);
        run_columns(run, part, n, p, q, next, s0, s1, 0);
        q = next;
    }
}

/* Row by row, so that what the phases share is in the cache. */
static void forward_task(void* context, int64_t task, int thread) {
    (void)thread;
    const depthwise_run* run = context;
    const int64_t n = task / run->row_blocks, p0 = task % run->row_blocks * run->rows;
    for (int64_t p = p0; p < p0 + run->rows; p++)
        for (int64_t i = 0; i < run->phase_count; i++)
            if (p < run->phases[i].g.p) run_row(run, &run->phases[i], n, p);
    const conv_geometry* g = &run->phases->g;
    conv_written(g, n, p0, conv_min(g->p, p0 + run->rows), 0, g->q, g->k);
}

/* `weight` tells where a tap lies in w, the strides where the outputs and inputs of a group do. */
static void pack_weight(const kernel_table* t, const conv_geometry* weight, int64_t output, int64_t input,
                        const char* w, char* packed) {
    const int64_t size = t->lane_bytes / t->lanes, group = group_of(weight);
    for (int64_t tap = 0; tap < weight->r * weight->s; tap++)
        for (int64_t u = 0; u < group; u++, packed += weight->c * size) {
            const int64_t offset = tap / weight->s * weight->weight_r + tap % weight->s * weight->weight_s + u * input;
            t->copy_2d(w + offset * size, weight->weight_group, output, weight->groups, group, packed, group, group);
        }
}

/* Where taps lie in the packed weight. */
static void set_packed(conv_geometry* g, int64_t taps_s) {
    g->weight_s = group_of(g) * g->c, g->weight_r = taps_s * g->weight_s;
}

int depthwise_keep(const kernel_table* t, const conv_geometry* g, const void* w, memory_kept* kept) {
    char* packed = memory_keep(kept, (size_t)(g->r * g->s * group_of(g) * g->c * (t->lane_bytes / t->lanes)));
    if (!packed) return -1;
    if (!kept->ready) pack_weight(t, g, g->weight_k, g->weight_c, w, packed);
    kept->ready = 1;
    return 0;
}

/* Phases of n images; the first has the most rows. */
static void run_phases(depthwise_run* run, double work) {
    const conv_geometry* g = &run->phases->g;
    run->rows = conv_min(g->p, conv_ceil(TASK_ELEMENTS, conv_max(1, g->q * g->c * run->phase_count)));
    run->row_blocks = conv_ceil(g->p, run->rows);
    parallel_for(work < PARALLEL_WORK ? 1 : parallel_threads(), g->n * run->row_blocks, forward_task, run);
}

static double work_of(const conv_geometry* g) {
    return (double)g->n * g->p * g->q * g->c * (g->r * g->s * group_of(g));
}

int depthwise(const kernel_table* t, const conv_geometry* g, const void* x, const norm_application* norm, const void* w,
              const void* bias, void* y, memory_kept* kept) {
    t = conv_filled_table(t, g->c);
    const int size = t->lane_bytes / t->lanes;
    phase whole = {.g = *g};
    depthwise_run run = {.t = t, .x = x, .norm = norm, .bias = bias, .y = y, .size = size};
    run.phases = &whole, run.phase_count = 1;
    run.far = far(&run, g->n * g->h * g->w * g->c, FAR_X) | far(&run, g->n * g->p * g->q * g->k, FAR_Y);
    memory_kept own = {0};
    if (depthwise_keep(t, g, w, kept ? kept : &own)) return -1;
    run.w = kept ? kept->data : own.data;
    set_packed(&whole.g, g->s);
    run_phases(&run, work_of(g));
    memory_release(own.data);
    return 0;
}

/* Row i of g and the one before it add to rows 2 i and 2 i + 1 beyond the padding's, and their columns likewise. */
static void write_pair(const depthwise_run* run, depthwise_grad_3x3_args* a, int64_t n, int64_t i) {
    const conv_geometry* g = run->g;
    for (int64_t r = 0; r < 2; r++) {
        const int64_t h = 2 * i + r + g->origin_h;
        a->y[r] = 0 <= h && h < g->h ? run->y + (n * g->h + h) * g->w * g->c * run->size : NULL;
    }
    run->t->depthwise_grad_3x3(a);
}

/* Rows [h0, h1) of the input's gradient are there. */
static void tell_rows(const conv_geometry* g, int64_t n, int64_t h0, int64_t h1) {
    if (g->tally && h0 < h1) norm_tally_written(g->tally, (n * g->h + h0) * g->w, (h1 - h0) * g->w, g->c);
}
/* The same of pairs. */
static void tell_pairs(const conv_geometry* g, int64_t n, int64_t first, int64_t end) {
    tell_rows(g, n, conv_max(0, 2 * first + g->origin_h), conv_min(g->h, 2 * end + g->origin_h));
}

static depthwise_grad_3x3_args pair_args(const depthwise_run* run) {
    const conv_geometry* g = run->g;
    depthwise_grad_3x3_args a = {.q = g->q, .c = g->c, .columns = g->w, .first = g->origin_w, .w = run->w};
    a.begin = -g->origin_w / 2, a.end = (g->w - 1 - g->origin_w) / 2 + 1, a.zeros = run->zeros;
    return a;
}

/* NULL outside. */
static const char* row_of_grad(const depthwise_run* run, int64_t n, int64_t p) {
    const conv_geometry* g = run->g;
    return 0 <= p && p < g->p ? run->grad + (n * g->p + p) * g->q * g->c * run->size : NULL;
}

static int64_t pairs_of(const conv_geometry* g) { return (g->h - 1 - g->origin_h) / 2 + 1; }

static void grad_3x3_task(void* context, int64_t task, int thread) {
    (void)thread;
    const depthwise_run* run = context;
    const conv_geometry* g = run->g;
    const int64_t n = task / run->row_blocks, first = -g->origin_h / 2 + task % run->row_blocks * run->rows;
    depthwise_grad_3x3_args a = pair_args(run);
    const int64_t end = conv_min(first + run->rows, pairs_of(g));
    for (int64_t i = first; i < end; i++) {
        for (int64_t r = 0; r < 2; r++) a.g[r] = row_of_grad(run, n, i - r);
        write_pair(run, &a, n, i);
    }
    tell_pairs(g, n, first, end);
}

/* Both rows and columns of the result in one pass: phase by phase every second pixel would be written. */
static int grad_3x3(const kernel_table* t, const conv_geometry* f, const void* grad, const void* w, void* gx) {
    const int size = t->lane_bytes / t->lanes;
    char* scratch = memory_allocate((size_t)(10 * f->c * size));
    if (!scratch) return -1;
    pack_weight(t, f, f->weight_c, f->weight_k, w, scratch);
    memset(scratch + 9 * f->c * size, 0, (size_t)(f->c * size));
    depthwise_run run = {.t = t, .g = f, .grad = grad, .w = scratch, .zeros = scratch + 9 * f->c * size, .y = gx};
    run.size = size;
    const int64_t pairs = pairs_of(f) - -f->origin_h / 2;
    run.rows = conv_min(pairs, conv_ceil(TASK_ELEMENTS, 2 * f->w * f->c));
    run.row_blocks = conv_ceil(pairs, run.rows);
    const int threads = work_of(f) < PARALLEL_WORK ? 1 : parallel_threads();
    parallel_for(threads, f->n * run.row_blocks, grad_3x3_task, &run);
    memory_release(scratch);
    return 0;
}

int depthwise_grad_x(const kernel_table* t, const conv_geometry* f, const void* grad, const void* w, void* gx) {
    t = conv_filled_table(t, f->c);
    if (depthwise_is_3x3(t, f) && f->stride_h == 2 && f->stride_w == 2) return grad_3x3(t, f, grad, w, gx);
    const int size = t->lane_bytes / t->lanes;
    const int64_t phases_w = conv_min(f->stride_w, f->w), phases = conv_min(f->stride_h, f->h) * phases_w;
    const int64_t weight_bytes = conv_ceil(f->r * f->s * group_of(f) * f->c * size, 64) * 64;
    char* scratch = memory_allocate((size_t)(weight_bytes + phases * (int64_t)sizeof(phase)));
    if (!scratch) return -1;
    phase* list = (phase*)(scratch + weight_bytes);
    depthwise_run run = {.t = t, .x = grad, .w = scratch, .y = gx, .size = size, .phases = list};
    pack_weight(t, f, f->weight_c, f->weight_k, w, scratch);
    run.far = far(&run, f->n * f->p * f->q * f->k, FAR_X) | far(&run, f->n * f->h * f->w * f->c, FAR_Y);
    conv_geometry packed = *f;
    set_packed(&packed, f->s);
    for (int64_t i = 0; i < phases; i++) {
        phase* next = &list[run.phase_count];
        run.phase_count += conv_grad_x_phase(&packed, i / phases_w, i % phases_w, &next->g, &next->y, &next->w);
    }
    if (phases == 1) list->g.tally = f->tally;
    if (run.phase_count) run_phases(&run, work_of(f));
    memory_release(scratch);
    return 0;
}

/* Adds kernel row r of output rows [p0, p1) of image n. */
static void add_rows(const depthwise_run* run, int64_t n, int64_t p0, int64_t p1, int64_t r, char* partial) {
    const conv_geometry* g = run->g;
    int64_t first = p0 * g->stride_h + r * g->dilation_h + g->origin_h, begin, end, inner, outer, s0, s1;
    conv_valid_taps(first, g->stride_h, p1 - p0, g->h, &begin, &end);
    if (begin == end) return;
    inner_columns(g, &inner, &outer);
    depthwise_grad_w_args a = {.p = end - begin, .c = g->c, .g_q = g->c, .g_p = g->q * g->c};
    a.group = group_of(g);
    a.x_p = g->stride_h * g->w * g->c;
    a.x_q = g->stride_w * g->c;
    a.x_s = g->dilation_w * g->c;
    for (int64_t q = 0, next; q < g->q; q = next) {
        next = q >= inner && q < outer ? outer : q + 1;
        int64_t column = q * g->stride_w + g->origin_w;
        conv_valid_taps(column, g->dilation_w, g->s, g->w, &s0, &s1);
        if (s0 == s1) continue;
        a.q = next - q;
        a.s = s1 - s0;
        int64_t h = n * g->h + first + begin * g->stride_h;
        a.x = run->x + (h * g->w + column + s0 * g->dilation_w) * g->c * run->size;
        a.g = run->grad + (((n * g->p + p0 + begin) * g->q) + q) * g->c * run->size;
        a.out = partial + (r * g->s + s0) * a.group * g->c * run->size;
        run->t->depthwise_grad_w(&a);
    }
}

/* Adds output row p of image n, with this gradient, to the sums of a 3x3 kernel. */
static void add_row_3x3(const depthwise_run* run, int64_t n, int64_t p, const char* grad, char* partial) {
    const conv_geometry* g = run->g;
    depthwise_3x3_grad_w_args a = {.q = g->q, .c = g->c, .columns = g->w, .first = g->origin_w, .step = g->stride_w};
    a.norm = run->norm, a.out = partial, a.g = grad;
    a.x_next = run->far & FAR_X ? g->w * g->c : 0, a.g_next = run->far & FAR_G ? g->q * g->c : 0;
    rows_below(run, g, n, p, a.x);
    run->t->depthwise_3x3_grad_w(&a);
}

static void grad_w_task(void* context, int64_t chunk, int thread) {
    (void)thread;
    const depthwise_run* run = context;
    const conv_geometry* g = run->g;
    char* partial = run->partials + chunk * run->partial_bytes;
    memset(partial, 0, (size_t)run->partial_bytes);
    for (int64_t i = run->blocks * chunk / run->chunks; i < run->blocks * (chunk + 1) / run->chunks; i++) {
        const int64_t n = i / run->row_blocks, p0 = i % run->row_blocks * run->rows;
        if (depthwise_is_3x3(run->t, g)) {
            for (int64_t p = p0; p < conv_min(g->p, p0 + run->rows); p++)
                add_row_3x3(run, n, p, row_of_grad(run, n, p), partial);
            continue;
        }
        for (int64_t r = 0; r < g->r; r++) add_rows(run, n, p0, conv_min(g->p, p0 + run->rows), r, partial);
    }
}

/* Blocks of rows in chunks, whose sums add up in order. Returns how many threads share them. */
static int set_chunks(depthwise_run* run) {
    const conv_geometry* g = run->g;
    run->rows = conv_min(g->p, conv_ceil(BLOCK_BYTES, g->w * g->c * run->size * conv_min(g->stride_h, g->h)));
    run->row_blocks = conv_ceil(g->p, run->rows);
    run->blocks = g->n * run->row_blocks;
    run->chunks = conv_min(run->blocks, MAX_CHUNKS);
    run->partial_bytes = conv_ceil(g->r * g->s * group_of(g) * g->c * run->size, 64) * 64;
    return work_of(g) < PARALLEL_WORK ? 1 : parallel_threads();
}

static void add_chunks(const depthwise_run* run, void* gw) {
    const conv_geometry* g = run->g;
    const int64_t taps = g->r * g->s, weights = taps * group_of(g) * g->c;
    for (int64_t chunk = 1; chunk < run->chunks; chunk++)
        run->t->accumulate(run->partials + chunk * run->partial_bytes, run->partials, weights);
    run->t->conv_unpack(run->partials, g->c, group_of(g), taps, g->c, gw);
}

int depthwise_grad_w(const kernel_table* t, const conv_geometry* g, const void* grad, const void* x,
                     const norm_application* norm, void* gw) {
    t = conv_filled_table(t, g->c);
    depthwise_run run = {.t = t, .g = g, .x = x, .norm = norm, .grad = grad, .size = t->lane_bytes / t->lanes};
    run.far = far(&run, g->n * g->h * g->w * g->c, FAR_X) | far(&run, g->n * g->p * g->q * g->k, FAR_G);
    const int threads = set_chunks(&run);
    run.partials = memory_allocate((size_t)(run.partial_bytes * run.chunks));
    if (!run.partials) return -1;
    parallel_for(threads, run.chunks, grad_w_task, &run);
    add_chunks(&run, gw);
    memory_release(run.partials);
    return 0;
}

int depthwise_grads_fit(const kernel_table* t, const conv_geometry* f) {
    t = conv_filled_table(t, f->c);
    return depthwise_is_3x3(t, f) && f->stride_h == f->stride_w && f->origin_h == -1 && f->origin_w == -1 &&
           (f->stride_h == 2 || f->p == f->h);
}

/* Where row p of a gradient that is made stays for a while; NULL outside. */
static char* ring_row(const depthwise_run* run, char* ring, int64_t p) {
    return 0 <= p && p < run->g->p ? ring + p % RING * (run->ring_bytes / RING) : NULL;
}

/* Rows [p0, p1) of image n: each row of the gradient is made once, added to the weight's, and stays until the rows of
 * the input's gradient that it reaches are written. */
static void grads_rows(const depthwise_run* run, int64_t n, int64_t p0, int64_t p1, char* ring, char* partial) {
    const conv_geometry* g = run->g;
    const phase* part = run->phases;
    const int64_t below = g->stride_h == 1; /* rows that the input's gradient needs beyond row p */
    depthwise_grad_3x3_args pair = {0};
    if (!below) pair = pair_args(run);
    for (int64_t p = p0, made = conv_max(0, p0 - 1); p < p1; p++) {
        for (; made < conv_min(g->p, p + 1 + below); made++)
            batch_norm_grad_rows(run->t, run->source, g->c, (n * g->p + made) * g->q, g->q, ring_row(run, ring, made));
        add_row_3x3(run, n, p, ring_row(run, ring, p), partial);
        if (below) {
            const void* rows[3] = {ring_row(run, ring, p - 1), ring_row(run, ring, p), ring_row(run, ring, p + 1)};
            depthwise_3x3_row(run->t, &part->g, rows, NULL, run->far & FAR_Y, run->w + part->w * run->size, NULL,
                              run->y + (n * g->h + p) * g->w * g->c * run->size);
            continue;
        }
        for (int64_t i = p; i < (p + 1 == g->p ? pairs_of(g) : p + 1); i++) {
            pair.g[0] = ring_row(run, ring, i), pair.g[1] = ring_row(run, ring, i - 1);
            write_pair(run, &pair, n, i);
        }
    }
    if (below)
        tell_rows(g, n, p0, p1);
    else
        tell_pairs(g, n, p0, p1 == g->p ? pairs_of(g) : p1);
}

static void grads_task(void* context, int64_t chunk, int thread) {
    const depthwise_run* run = context;
    const conv_geometry* g = run->g;
    char* partial = run->partials + chunk * run->partial_bytes;
    memset(partial, 0, (size_t)run->partial_bytes);
    const int64_t last = run->blocks * (chunk + 1) / run->chunks;
    for (int64_t i = run->blocks * chunk / run->chunks, next; i < last; i = next) {
        const int64_t n = i / run->row_blocks, first = n * run->row_blocks;
        next = conv_min(last, first + run->row_blocks);
        grads_rows(run, n, (i - first) * run->rows, conv_min(g->p, (next - first) * run->rows),
                   run->ring + thread * run->ring_bytes, partial);
    }
}

int depthwise_grads(const kernel_table* t, const conv_geometry* f, const norm_gradient* source, const void* x,
                    const norm_application* norm, const void* w, void* gx, void* gw) {
    t = conv_filled_table(t, f->c);
    const int size = t->lane_bytes / t->lanes;
    phase whole = {0};
    depthwise_run run = {.t = t, .g = f, .x = x, .norm = norm, .y = gx, .size = size, .phases = &whole};
    run.source = source;
    run.far = far(&run, f->n * f->h * f->w * f->c, FAR_X | FAR_Y);
    const int threads = set_chunks(&run);
    run.ring_bytes = RING * conv_ceil(f->q * f->c * size, 64) * 64;
    const int64_t weight_bytes = conv_ceil(10 * f->c * size, 64) * 64;
    char* scratch = memory_allocate((size_t)(weight_bytes + run.partial_bytes * run.chunks + run.ring_bytes * threads));
    if (!scratch) return -1;
    pack_weight(t, f, f->weight_c, f->weight_k, w, scratch);
    memset(scratch + 9 * f->c * size, 0, (size_t)(f->c * size));
    run.w = scratch, run.zeros = scratch + 9 * f->c * size;
    run.partials = scratch + weight_bytes;
    run.ring = run.partials + run.partial_bytes * run.chunks;
    conv_geometry packed = *f;
    set_packed(&packed, 3);
    if (f->stride_h == 1) conv_grad_x_phase(&packed, 0, 0, &whole.g, &whole.y, &whole.w);
    parallel_for(threads, run.chunks, grads_task, &run);
    add_chunks(&run, gw);
    memory_release(scratch);
    return 0;
}
