/* Weight gradient: rank-1 updates over blocks of pixels, input channels by output channels, in private partial sums
 * for a number of chunks that the shape fixes; their sum in order is the same for any number of threads. */
#include <stdatomic.h>
#include <string.h>

#include "conv.h"
#include "gemm.h"
#include "kernels.h"
#include "memory.h"
#include "norm.h"
#include "parallel.h"
#include "winograd.h"

enum {
    BLOCK_PIXELS = 128, /* pixels in a block: its panel of g and its rows of x stay in L1 or close to it */
    WIDE_ROW = 256,     /* rows longer than this are cut */
    BLOCK_IMAGES = 64,
    MAX_CHUNKS = 16,
    LEAST_PIXELS = MAX_CHUNKS * BLOCK_PIXELS, /* that repay making g: then each chunk is one task */
    PARTIAL_ELEMENTS = 4 << 20,               /* all partial sums together, unless one alone is larger */
    LARGE_POINTWISE = 1 << 15, /* weights: with so many, a product that writes each once beats partial sums */
    MADE_BYTES = 1 << 18,      /* of g that is made before its products: they find it in L2 */
    LEAST_MADE = 1 << 21,      /* bytes of it: less would stay in L2 as a whole */
    LEAST_ROWS = 8,            /* of a product: with fewer it is no product of panels, and has other bits */
    PARALLEL_WORK = 1 << 17,
    SUM_ELEMENTS = 1 << 14 /* per task of the final sum */
};

/* What g is made from, some blocks at a time, and its product with w; set if one fails. */
typedef struct {
    const kernel_table* t;
    const norm_gradient* norm;
    gemm_problem product;
    norm_tally* tally; /* of what it gives, or NULL */
    _Atomic int failed;
} gradient_source;

typedef struct {
    const kernel_table* t;
    conv_geometry g;
    const char *x, *grad;
    char *gw, *partials, *padded, *packed;
    gemm_segment* segments;
    int64_t* taps;                /* where they lie, or NULL */
    int64_t kg, kp, cg, panels;   /* per group; kp: kg rounded up to vectors */
    int64_t partial;              /* elements of one partial sum */
    int64_t images, rows, pixels; /* of a block: images, output rows, output columns */
    int64_t row_blocks, column_blocks, blocks, chunks, parts;
    int64_t columns, column0, padded_bytes, packed_bytes;
    int64_t pixel;                                     /* elements from pixel to pixel of x as they are read */
    int pointwise, over_images, merged, packing, size; /* packing: g is copied */
    int swapped;                                       /* x and g have changed places, and so have their channels */
    gradient_source* source;                           /* of g, or NULL */
    char* made;
    int64_t made_blocks, made_bytes;
} grad_run;

/* The output pixels that one block covers. */
typedef struct {
    int64_t i0, i1, p0, p1, q0, q1;
} pixel_block;

static pixel_block locate(const grad_run* run, int64_t index) {
    const conv_geometry* g = &run->g;
    pixel_block b;
    b.q0 = index % run->column_blocks * run->pixels, b.q1 = conv_min(g->q, b.q0 + run->pixels);
    index /= run->column_blocks;
    b.p0 = index % run->row_blocks * run->rows, b.p1 = conv_min(g->p, b.p0 + run->rows);
    b.i0 = index / run->row_blocks * run->images, b.i1 = conv_min(g->n, b.i0 + run->images);
    return b;
}

/* The block of g, `width` columns from channel k on, as [pixel][width]; pixels in the order of the segments. */
static void pack_block(const grad_run* run, const pixel_block* b, int64_t k, int64_t n, int64_t width, char* dst) {
    const conv_geometry* g = &run->g;
    const int size = run->size;
    for (int64_t p = b->p0; p < b->p1; p++) {
        if (run->over_images) {
            for (int64_t q = b->q0; q < b->q1; q++, dst += (b->i1 - b->i0) * width * size)
                run->t->copy_2d(run->grad + (((b->i0 * g->p + p) * g->q + q) * g->k + k) * size, g->p * g->q * g->k, 1,
                                b->i1 - b->i0, n, dst, width, width);
        } else {
            run->t->copy_2d(run->grad + (((b->i0 * g->p + p) * g->q + b->q0) * g->k + k) * size, g->k, 1, b->q1 - b->q0,
                            n, dst, width, width);
            dst += (b->q1 - b->q0) * width * size;
        }
    }
}

/* The terms of tap (r, s): x of one row, or of one pixel in all images, by the same of g. Returns their number. */
static int64_t list_segments(const grad_run* run, gemm_segment* segments, const pixel_block* b, const char* x,
                             const char* grad, int64_t g_row, int packed, int64_t r, int64_t s) {
    const conv_geometry* g = &run->g;
    int64_t count = 0;
    for (int64_t p = b->p0; p < b->p1; p++) {
        int64_t h = p * g->stride_h + r * g->dilation_h + g->origin_h;
        if (h < 0 || h >= g->h) continue;
        for (int64_t q = b->q0; q < b->q1; q = run->over_images ? q + 1 : b->q1) {
            int64_t column = run->column0 + q * g->stride_w + s * g->dilation_w;
            if (run->over_images && (column < 0 || column >= g->w)) continue;
            int64_t pixel =
                run->over_images ? ((p - b->p0) * g->q + q) * (b->i1 - b->i0) : (p - b->p0) * (b->q1 - b->q0);
            const char* y = grad + (packed ? pixel : (p - b->p0) * g->q) * g_row * run->size;
            segments[count++] = (gemm_segment){x + (h * run->columns + column) * run->pixel * run->size, y,
                                               run->over_images ? b->i1 - b->i0 : b->q1 - b->q0};
        }
    }
    return count;
}

/* Adds one block to the partial sum of one panel, laid out [r][s][c][width]. */
static void add_block(const grad_run* run, const pixel_block* b, const char* x, gemm_segment* segments, char* copy,
                      int64_t group, int64_t k, int64_t n, char* partial, int add) {
    const conv_geometry* g = &run->g;
    gemm_panel_args a = {.segments = segments, .c = NULL};
    a.vectors = conv_panel_vectors(run->t, n);
    a.n = a.ldb = a.ldc = a.vectors * run->t->lanes;
    const int64_t channel = group * run->kg + k, last = ((b->i1 - 1) * g->p + b->p1 - 1) * g->q + b->q1 - 1;
    const char* grad;
    /* A last vector in place reads into the next pixel: what comes of it is never unpacked. */
    const int packed = run->packing || last * g->k + channel + a.n > g->n * g->p * g->q * g->k;
    if (packed) {
        pack_block(run, b, channel, conv_min(n, a.n), a.n, copy);
        grad = copy;
    } else {
        grad = run->grad + (((b->i0 * g->p + b->p0) * g->q + b->q0) * g->k + channel) * run->size;
        a.ldb = g->k;
    }
    a.flags = GEMM_TRANS_A | (add ? GEMM_ADD : 0);
    if (run->taps) {
        const int64_t h = b->p0 * g->stride_h + g->origin_h, w = run->column0 + b->q0 * g->stride_w;
        conv_taps_dots_args d = {.g = grad, .sums = partial, .add = add, .vectors = a.vectors};
        d.x = x + (h * run->columns + w) * run->pixel * run->size;
        d.rows = b->p1 - b->p0, d.pixels = b->q1 - b->q0;
        d.g_pixel = a.ldb, d.g_row = a.ldb * (packed ? d.pixels : g->q);
        d.x_pixel = g->stride_w * run->pixel, d.x_row = g->stride_h * run->columns * run->pixel;
        d.count = g->r * g->s * run->cg, d.taps = run->taps;
        run->t->conv_taps_dots(&d);
        return;
    }
    a.lda = run->over_images ? g->h * g->w * g->c : g->stride_w * run->pixel;
    a.m = run->merged ? g->s * run->cg : run->cg;
    if (run->pointwise) { /* the pixels of the next block, a share with each panel */
        const int64_t tiles = run->panels * conv_ceil(a.m, gemm_tallest(a.vectors, run->t->panel));
        a.ahead[0] = (gemm_ahead){run->x + b->q1 * g->c * run->size, conv_ceil(g->c * run->size, tiles)};
        a.ahead[1] = (gemm_ahead){run->grad + b->q1 * g->k * run->size, conv_ceil(g->k * run->size, tiles)};
        if (run->source) { /* g is there, but not what later blocks of it are made from */
            const norm_gradient* norm = run->source->norm;
            const int64_t row = b->q0 + run->made_blocks * BLOCK_PIXELS;
            a.ahead[!run->swapped].from = (const char*)norm->g + row * norm->g_pitch * run->size;
        }
    }
    for (int64_t r = 0; r < g->r; r++)
        for (int64_t s = 0; s < g->s; s += run->merged ? g->s : 1) {
            a.count = list_segments(run, segments, b, x, grad, a.ldb, packed, r, s);
            a.c = partial + (r * g->s + s) * run->cg * a.n * run->size;
            run->t->gemm_panel(&a);
        }
}

/* Makes g for some blocks from `index` on, and multiplies it by w; `run` then finds it. */
static void make_blocks(grad_run* run, int64_t index, int64_t last, int thread) {
    const int64_t channels = run->swapped ? run->g.c : run->g.k;
    const int64_t q0 = locate(run, index).q0, q1 = locate(run, conv_min(index + run->made_blocks, last) - 1).q1;
    char* made = run->made + thread * run->made_bytes;
    gradient_source* source = run->source;
    batch_norm_grad_rows(source->t, source->norm, channels, q0, q1 - q0, made);
    gemm_problem p = source->product;
    p.m = q1 - q0, p.a.data = made, p.c = (char*)p.c + q0 * p.ldc * run->size, p.alone = 1;
    if (gemm(source->t, &p)) atomic_store(&source->failed, 1);
    if (source->tally) norm_tally_written(source->tally, q0, q1 - q0, p.n);
    *(run->swapped ? &run->x : &run->grad) = made - q0 * channels * run->size;
}

static void chunk_task(void* context, int64_t task, int thread) {
    grad_run own = *(const grad_run*)context;
    const grad_run* run = &own;
    const conv_geometry* g = &run->g;
    const int64_t chunk = task / run->parts, part = task % run->parts;
    const int64_t units = g->groups * run->panels, widest = run->t->panel * run->t->lanes;
    const int64_t first = run->blocks * chunk / run->chunks, last = run->blocks * (chunk + 1) / run->chunks;
    const int64_t flat = g->r * g->s * run->cg;
    gemm_segment* segments = run->segments + thread * run->rows * (run->over_images ? g->q : 1);
    char* packed = run->packed + thread * run->packed_bytes;
    char* partial = run->partials + chunk * run->partial * run->size;
    for (int64_t index = first; index < last; index++) {
        pixel_block b = locate(run, index);
        char* copy = run->padded + thread * run->padded_bytes;
        int64_t h0, h1, copied = -1;
        if (run->source && (index - first) % run->made_blocks == 0) make_blocks(&own, index, last, thread);
        conv_row_range(g, b.p0, b.p1, &h0, &h1);
        for (int64_t unit = units * part / run->parts; unit < units * (part + 1) / run->parts; unit++) {
            int64_t group = unit / run->panels, k = unit % run->panels * widest;
            int64_t end = conv_panel_end(run->t, unit % run->panels, run->kg);
            const char* x = run->x + (b.i0 * g->h * g->w * g->c + group * run->cg) * run->size;
            if (group != copied && run->padded && run->taps)
                conv_pad_block(run->t, g, x, b.p0, b.p1, run->cg, copy);
            else if (group != copied && run->padded)
                conv_pad_rows(run->t, g, x, h0, h1, run->cg, copy);
            copied = group;
            if (run->padded)
                x = copy - (run->taps ? b.p0 * g->stride_h + g->origin_h : h0) * run->columns * run->pixel * run->size;
            for (; k < end; k += conv_panel_vectors(run->t, end - k) * run->t->lanes)
                add_block(run, &b, x, segments, packed, group, k, end - k,
                          partial + (group * run->kp + k) * flat * run->size, index > first);
        }
    }
}

static void sum_task(void* context, int64_t task, int thread) {
    (void)thread;
    const grad_run* run = context;
    int64_t begin = task * SUM_ELEMENTS, n = conv_min(SUM_ELEMENTS, run->partial - begin);
    char* sum = run->partials + begin * run->size;
    for (int64_t chunk = 1; chunk < run->chunks; chunk++)
        run->t->accumulate(sum + chunk * run->partial * run->size, sum, n);
}

static void unpack_task(void* context, int64_t unit, int thread) {
    (void)thread;
    const grad_run* run = context;
    const int64_t flat = run->g.r * run->g.s * run->cg, widest = run->t->panel * run->t->lanes;
    const int64_t group = unit / run->panels;
    int64_t k = unit % run->panels * widest, end = conv_panel_end(run->t, unit % run->panels, run->kg), width;
    for (; k < end; k += width) {
        width = conv_panel_vectors(run->t, end - k) * run->t->lanes;
        const char* partial = run->partials + (group * run->kp + k) * flat * run->size;
        const int64_t n = conv_min(width, end - k);
        if (run->swapped)
            run->t->copy_2d(partial, width, 1, flat, n, run->gw + k * run->size, run->kg, n);
        else
            run->t->conv_unpack(partial, width, run->cg, run->g.r * run->g.s, n,
                                run->gw + (group * run->kg + k) * flat * run->size);
    }
}

/* One long row. The side with more channels is broadcast, as x is elsewhere: its tiles are full more often. */
static void flatten(grad_run* run) {
    conv_geometry* g = &run->g;
    g->w = g->q = g->n * g->h * g->w;
    g->n = g->h = g->p = 1;
    run->swapped = g->k > g->c;
    if (!run->swapped) return;
    const int64_t k = g->k;
    g->k = g->c, g->c = k;
    const char* x = run->x;
    run->x = run->grad, run->grad = x;
}

static void partition(grad_run* run) {
    conv_geometry* g = &run->g;
    run->images = run->over_images ? conv_min(BLOCK_IMAGES, g->n) : 1;
    run->pixels = g->q > WIDE_ROW ? BLOCK_PIXELS : g->q;
    run->rows = run->over_images ? g->p : conv_min(g->p, conv_max(1, BLOCK_PIXELS / run->pixels));
    run->row_blocks = conv_ceil(g->p, run->rows);
    run->column_blocks = conv_ceil(g->q, run->pixels);
    run->blocks = conv_ceil(g->n, run->images) * run->row_blocks * run->column_blocks;
    run->chunks = conv_max(1, conv_min(conv_min(run->blocks, MAX_CHUNKS), PARTIAL_ELEMENTS / run->partial));
    run->parts = conv_min(g->groups * run->panels, conv_ceil(MAX_CHUNKS, run->chunks));
}

/* The weight gradient of a pointwise convolution is the matrix product of g, transposed, and x. */
static int pointwise_grad_w(const kernel_table* t, const conv_geometry* g, const void* grad, const void* x, void* gw) {
    gemm_problem p = {.m = g->k, .n = g->c, .k = g->n * g->h * g->w, .c = gw, .ldc = g->c};
    p.a = (gemm_matrix){.data = grad, .rows = 1, .columns = g->k};
    p.b = (gemm_matrix){.data = x, .rows = g->c, .columns = 1};
    return gemm(t, &p);
}

static int by_blocks(const kernel_table* t, conv_algorithm algorithm, const conv_geometry* forward, const void* grad,
                     gradient_source* source, const void* x, void* gw) {
    t = conv_table(t, forward->k / forward->groups);
    const int size = t->lane_bytes / t->lanes;
    const int64_t widest = conv_max(t->panel, 3) * t->lanes;
    grad_run run = {.t = t, .g = *forward, .x = x, .grad = grad, .gw = gw, .size = size};
    conv_geometry* g = &run.g;
    run.over_images = algorithm == CONV_IMAGES;
    run.pointwise = algorithm == CONV_POINTWISE;
    if (run.pointwise) flatten(&run);
    run.kg = g->k / g->groups;
    run.kp = conv_ceil(run.kg, t->lanes) * t->lanes;
    run.cg = g->c / g->groups;
    run.panels = conv_panels(t, run.kg);
    run.partial = g->groups * run.kp * run.cg * g->r * g->s;
    double work = (double)g->n * g->p * g->q * g->k * run.cg * g->r * g->s;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    partition(&run);
    if (source) {
        run.source = source;
        run.made_blocks = conv_max(1, MADE_BYTES / (BLOCK_PIXELS * forward->k * size));
        run.made_bytes = conv_ceil((run.made_blocks * BLOCK_PIXELS * forward->k + widest) * size, 64) * 64;
    }
    const int tabled = algorithm == CONV_TAPS;
    const int rows_outside = g->origin_h < 0 || g->origin_h + conv_block_rows(g, g->p) > g->h;
    const int padding = !run.over_images && (conv_needs_padding(g) || conv_sorts_groups(g) || (tabled && rows_outside));
    run.columns = padding ? conv_columns(g, g->q) : g->w;
    run.column0 = padding ? 0 : g->origin_w;
    run.pixel = padding ? run.cg : g->c;
    run.merged = run.pixel == run.cg && g->dilation_w == 1 && !run.over_images;
    if (padding) {
        int64_t h = conv_block_rows(g, run.rows);
        if (!tabled) h = conv_min(g->h, h);
        run.padded_bytes = conv_ceil(h * run.columns * run.cg * size, 64) * 64;
    }
    const int64_t taps_bytes = tabled ? conv_ceil(g->r * g->s * run.cg * (int64_t)sizeof(int64_t), 64) * 64 : 0;
    /* Rows of g serve in place, but not on a long pitch, which crowds a few cache sets, where enough inputs meet them
     * to repay the copy. */
    run.packing = run.over_images || (g->k * size > 256 && run.cg * g->r * g->s >= 128);
    if (run.packing || run.kg % t->lanes)
        run.packed_bytes = conv_ceil(run.images * run.rows * run.pixels * widest * size, 64) * 64;
    int64_t partial_bytes = conv_ceil(run.chunks * run.partial * size, 64) * 64;
    int64_t segment_bytes = run.rows * (run.over_images ? g->q : 1) * (int64_t)sizeof(gemm_segment) * threads;
    segment_bytes = conv_ceil(segment_bytes, 64) * 64;
    const int64_t thread_bytes = run.padded_bytes + run.packed_bytes + run.made_bytes;
    char* scratch = memory_allocate((size_t)(partial_bytes + segment_bytes + taps_bytes + thread_bytes * threads));
    if (!scratch) return -1;
    run.partials = scratch;
    run.segments = (gemm_segment*)(scratch + partial_bytes);
    char* const copies = scratch + partial_bytes + segment_bytes + taps_bytes;
    run.padded = padding ? copies : NULL;
    run.packed = copies + run.padded_bytes * threads;
    run.made = run.packed + run.packed_bytes * threads;
    if (tabled) {
        run.taps = (int64_t*)(scratch + partial_bytes + segment_bytes);
        conv_place_taps(g, run.cg, run.columns * run.pixel, run.pixel, 1, run.taps);
    }
    parallel_for(threads, run.chunks * run.parts, chunk_task, &run);
    if (run.chunks > 1) parallel_for(threads, conv_ceil(run.partial, SUM_ELEMENTS), sum_task, &run);
    parallel_for(partial_bytes < 1 << 18 ? 1 : threads, g->groups * run.panels, unpack_task, &run);
    memory_release(scratch);
    return 0;
}

int conv_grads_fit(const kernel_table* t, const conv_geometry* forward, int norm) {
    const conv_algorithm algorithm = conv_choose(t, CONV_GRAD_W, forward, NULL);
    const int64_t pixels = forward->n * forward->p * forward->q, weights = forward->k * forward->c;
    if (algorithm == CONV_DEPTHWISE) return depthwise_grads_fit(t, forward);
    return algorithm == CONV_POINTWISE && !norm && pixels * forward->k * (t->lane_bytes / t->lanes) >= LEAST_MADE &&
           weights < LARGE_POINTWISE && forward->k >= t->lanes && forward->c >= t->lanes && pixels >= LEAST_PIXELS &&
           (pixels % BLOCK_PIXELS == 0 || pixels % BLOCK_PIXELS >= LEAST_ROWS);
}

static int pointwise_grads(const kernel_table* t, const conv_geometry* forward, const norm_gradient* norm,
                           const void* x, const void* w, void* gx, void* gw) {
    memory_kept kept = {0};
    gradient_source source = {.t = t, .norm = norm, .product = conv_as_product(forward, w, &kept)};
    gemm_problem* p = &source.product;
    source.tally = forward->tally, p->tally = NULL; /* its rows are counted from each block's first */
    p->n = p->ldc = forward->c, p->k = p->a.rows = forward->k, p->c = gx;
    p->b = (gemm_matrix){.data = w, .rows = forward->weight_k, .columns = forward->weight_c};
    int status = gemm_keep(t, p);
    if (!status) status = by_blocks(t, CONV_POINTWISE, forward, NULL, &source, x, gw);
    memory_release(kept.data);
    return status || source.failed ? -1 : 0;
}

int conv_grads(const kernel_table* t, const conv_geometry* forward, const norm_gradient* source, const void* x,
               const norm_application* norm, const void* w, void* gx, void* gw) {
    if (conv_choose(t, CONV_GRAD_W, forward, NULL) == CONV_DEPTHWISE)
        return depthwise_grads(t, forward, source, x, norm, w, gx, gw);
    return pointwise_grads(t, forward, source, x, w, gx, gw);
}

int conv_grad_w(const kernel_table* t, const conv_geometry* forward, const void* grad, const void* x,
                const norm_application* norm, void* gw) {
    const conv_algorithm algorithm = conv_choose(t, CONV_GRAD_W, forward, NULL);
    if (algorithm == CONV_DEPTHWISE || algorithm == CONV_GROUPS) return depthwise_grad_w(t, forward, grad, x, norm, gw);
    if (algorithm == CONV_WINOGRAD_3) return winograd_grad_w(t, 3, forward, grad, x, norm, gw);
    if (algorithm == CONV_WINOGRAD_4) return winograd_grad_w(t, 4, forward, grad, x, norm, gw);
    if (algorithm == CONV_PLANE) return conv_plane_grad_w(t, forward, grad, x, gw);
    if (algorithm == CONV_STRIDED) return conv_strided_grad_w(t, forward, grad, x, gw);
    if (algorithm == CONV_POINTWISE && forward->k * forward->c >= LARGE_POINTWISE)
        return pointwise_grad_w(t, forward, grad, x, gw);
    return by_blocks(t, algorithm, forward, grad, NULL, x, gw);
}
