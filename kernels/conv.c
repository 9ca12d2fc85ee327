/* Convolution forward and input gradient: packs the weight, then runs rows of output pixels through the panel kernel.
 */
#include "conv.h"

#include <string.h>

#include "kernels.h"
#include "memory.h"
#include "parallel.h"
#include "winograd.h"

enum {
    WEIGHT_BLOCK = 256 << 10, /* bytes of a packed panel that are used before moving on: stays in L2 */
    TASK_PIXELS = 768,        /* output pixels per task */
    FEW_PIXELS = 256,         /* images smaller than this share a task */
    SHORT_ROW = 512,          /* bytes; three copies for each would take as long as what they copy */
    MIN_TASKS = 16,           /* below this, output channels are shared out as well */
    TASK_IMAGES = 64,         /* when a tile runs over images */
    PACK_ROWS = 64,           /* of a panel that are transposed at a time, if the weight's rows are ... */
    FAR = 4096,               /* ... so many bytes apart, and more */
    PARALLEL_WORK = 1 << 17
};

typedef struct {
    const kernel_table* t;
    const conv_geometry* g;
    const char *x, *w, *bias;
    char *y, *packed, *padded;
    gemm_segment* segments;
    int64_t* taps;               /* where they lie, or NULL */
    int64_t kg, kp, cg, panels;  /* per group; kp: kg rounded up to vectors */
    int64_t images, rows, parts; /* of a task: images, output rows; output channels are in `parts` parts */
    int64_t row_blocks;
    int64_t columns, padded_bytes; /* of the padded copy, if any: of one group at a time */
    int64_t pixel;                 /* elements from pixel to pixel as they are read */
    int64_t column0;               /* of tap 0, output 0 in a row as it is read */
    int over_images, size;
    int merged; /* the taps of a kernel row are one segment */
} conv_run;

int conv_panel_vectors(const kernel_table* t, int64_t left) { return gemm_vectors(left, t->lanes, t->panel, 3); }

int64_t conv_panels(const kernel_table* t, int64_t k) { return conv_max(1, conv_ceil(k, t->lanes) / t->panel); }

int64_t conv_panel_end(const kernel_table* t, int64_t panel, int64_t k) {
    return panel + 1 == conv_panels(t, k) ? k : (panel + 1) * t->panel * t->lanes;
}

int64_t conv_columns(const conv_geometry* g, int64_t q) {
    return (q - 1) * g->stride_w + (g->s - 1) * g->dilation_w + 1;
}

int conv_needs_padding(const conv_geometry* g) { return g->origin_w < 0 || g->origin_w + conv_columns(g, g->q) > g->w; }

void conv_columns_inside(const conv_geometry* g, int64_t columns, int64_t* begin, int64_t* end) {
    *begin = conv_min(conv_max(0, -g->origin_w), columns);
    *end = conv_max(*begin, conv_min(columns, g->w - g->origin_w));
}

void conv_pad_rows(const kernel_table* t, const conv_geometry* g, const char* image, int64_t h0, int64_t h1,
                   int64_t channels, char* dst) {
    const int size = t->lane_bytes / t->lanes;
    const int64_t columns = conv_columns(g, g->q), pixel = channels * size;
    int64_t begin, end;
    conv_columns_inside(g, columns, &begin, &end);
    if (channels == g->c && columns * pixel <= SHORT_ROW) {
        const int64_t inside = (end - begin) * channels;
        memset(dst, 0, (size_t)((h1 - h0) * columns * pixel));
        t->copy_2d(image + (h0 * g->w + g->origin_w + begin) * pixel, g->w * channels, 1, h1 - h0, inside,
                   dst + begin * pixel, columns * channels, inside);
        return;
    }
    for (int64_t h = h0; h < h1; h++, dst += columns * pixel) {
        memset(dst, 0, (size_t)(begin * pixel));
        const char* src = image + (h * g->w + g->origin_w + begin) * g->c * size;
        if (channels == g->c)
            memcpy(dst + begin * pixel, src, (size_t)((end - begin) * pixel));
        else
            t->copy_2d(src, g->c, 1, end - begin, channels, dst + begin * pixel, channels, channels);
        memset(dst + end * pixel, 0, (size_t)((columns - end) * pixel));
    }
}

void conv_written(const conv_geometry* g, int64_t n, int64_t p0, int64_t p1, int64_t q0, int64_t q1, int64_t channels) {
    if (!g->tally) return;
    const int whole = q0 == 0 && q1 == g->q;
    for (int64_t p = p0, rows = whole ? p1 - p0 : 1; p < p1; p += rows)
        norm_tally_written(g->tally, (n * g->p + p) * g->q + q0, rows * (q1 - q0), channels);
}

int64_t conv_block_rows(const conv_geometry* g, int64_t p) {
    return (p - 1) * g->stride_h + (g->r - 1) * g->dilation_h + 1;
}

void conv_pad_block(const kernel_table* t, const conv_geometry* g, const char* image, int64_t p0, int64_t p1,
                    int64_t channels, char* dst) {
    const int64_t row = conv_columns(g, g->q) * channels * (t->lane_bytes / t->lanes);
    const int64_t first = p0 * g->stride_h + g->origin_h, rows = conv_block_rows(g, p1 - p0);
    int64_t h0, h1;
    conv_row_range(g, p0, p1, &h0, &h1);
    const int64_t above = conv_min(h0 - first, rows), inside = above + h1 - h0;
    memset(dst, 0, (size_t)(above * row));
    conv_pad_rows(t, g, image, h0, h1, channels, dst + above * row);
    memset(dst + inside * row, 0, (size_t)((rows - inside) * row));
}

void conv_row_range(const conv_geometry* g, int64_t p0, int64_t p1, int64_t* h0, int64_t* h1) {
    *h0 = conv_max(0, p0 * g->stride_h + g->origin_h);
    *h1 = conv_min(g->h, (p1 - 1) * g->stride_h + (g->r - 1) * g->dilation_h + g->origin_h + 1);
    if (*h1 < *h0) *h1 = *h0;
}

void conv_valid_taps(int64_t first, int64_t step, int64_t taps, int64_t length, int64_t* begin, int64_t* end) {
    *begin = first >= 0 ? 0 : conv_min(taps, conv_ceil(-first, step));
    *end = first >= length ? 0 : conv_min(taps, conv_ceil(length - first, step));
    if (*end < *begin) *end = *begin;
}

void conv_place_taps(const conv_geometry* g, int64_t channels, int64_t row, int64_t column, int64_t channel,
                     int64_t* taps) {
    for (int64_t i = 0; i < g->r * g->s; i++) {
        const int64_t first = i / g->s * g->dilation_h * row + i % g->s * g->dilation_w * column;
        for (int64_t c = 0; c < channels; c++) *taps++ = first + c * channel;
    }
}

void conv_pack_panel(const kernel_table* t, const conv_geometry* g, const char* src, int64_t c, int64_t k,
                     int64_t width, char* dst) {
    const int64_t taps = g->r * g->s, c_block = 64, ld = c * width, size = t->lane_bytes / t->lanes;
    const int flipped = g->weight_s == -1;
    if (taps < 4 || !(flipped || g->weight_s == 1) || g->weight_r != g->s * g->weight_s) {
        for (int64_t i = 0; i < c; i += c_block)
            for (int64_t tap = 0; tap < taps; tap++) {
                const int64_t offset = tap / g->s * g->weight_r + tap % g->s * g->weight_s + i * g->weight_c;
                t->copy_2d(src + offset * size, g->weight_c, g->weight_k, conv_min(c_block, c - i), k,
                           dst + (tap * c + i) * width * size, width, width);
            }
        return;
    }
    /* All taps of a channel lie side by side, in either direction: a transposition. */
    if (flipped) src -= (taps - 1) * size;
    if (g->weight_c != taps || g->weight_k * size < FAR) {
        if (flipped) dst += (taps - 1) * ld * size;
        for (int64_t i = 0; i < c; i++)
            t->copy_2d(src + i * g->weight_c * size, 1, g->weight_k, taps, k, dst + i * width * size,
                       flipped ? -ld : ld, width);
        return;
    }
    /* Many rows at a time: lines that hold the end of one channel and another's start would not stay in L1. */
    char rows[PACK_ROWS * GEMM_MAX_PANEL_BYTES];
    for (int64_t j = 0, n; j < c * taps; j += n) {
        n = conv_min(PACK_ROWS, c * taps - j);
        t->copy_2d(src + j * size, 1, g->weight_k, n, k, rows, width, width);
        for (int64_t i = j; i < j + n; i++) {
            const int64_t tap = flipped ? taps - 1 - i % taps : i % taps;
            memcpy(dst + (tap * c + i / taps) * width * size, rows + (i - j) * width * size, (size_t)(width * size));
        }
    }
}

/* Panel `unit % panels` of group `unit / panels`. */
static void pack_task(void* context, int64_t unit, int thread) {
    (void)thread;
    const conv_run* run = context;
    const conv_geometry* g = run->g;
    const int64_t group = unit / run->panels, j = unit % run->panels * run->t->panel * run->t->lanes;
    const int64_t flat = g->r * g->s * run->cg, end = conv_panel_end(run->t, unit % run->panels, run->kg);
    char* dst = run->packed + (group * run->kp + j) * flat * run->size;
    int64_t width;
    for (int64_t k = j; k < end; k += width) {
        width = conv_panel_vectors(run->t, end - k) * run->t->lanes;
        conv_pack_panel(run->t, g, run->w + (group * g->weight_group + k * g->weight_k) * run->size, run->cg,
                        conv_min(width, end - k), width, dst);
        dst += flat * width * run->size;
    }
}

/* The terms of output pixel (p, q), and of its row or images, within [f0, f1) of the flat reduction index (r, s, c).
 * `rows` is input row 0 of the image as it is read. Returns their number. */
static int64_t list_segments(const conv_run* run, gemm_segment* segments, const char* rows, int64_t p, int64_t q,
                             const char* panel, int64_t width, int64_t f0, int64_t f1) {
    const conv_geometry* g = run->g;
    int64_t count = 0, r0, r1, s0 = 0, s1 = g->s;
    conv_valid_taps(p * g->stride_h + g->origin_h, g->dilation_h, g->r, g->h, &r0, &r1);
    if (run->over_images) conv_valid_taps(q * g->stride_w + g->origin_w, g->dilation_w, g->s, g->w, &s0, &s1);
    for (int64_t r = r0; r < r1; r++) {
        const char* row =
            rows + (p * g->stride_h + r * g->dilation_h + g->origin_h) * run->columns * run->pixel * run->size;
        for (int64_t s = s0; s < s1; s = run->merged ? s1 : s + 1) {
            int64_t first = (r * g->s + s) * run->cg, length = (run->merged ? s1 - s : 1) * run->cg;
            int64_t begin = conv_max(first, f0), end = conv_min(first + length, f1);
            if (begin >= end) continue;
            int64_t column = run->column0 + q * g->stride_w + s * g->dilation_w;
            segments[count++] = (gemm_segment){row + (column * run->pixel + begin - first) * run->size,
                                               panel + begin * width * run->size, end - begin};
        }
    }
    return count;
}

/* One panel of output channels over the images and rows of a task. */
static void run_panel(const conv_run* run, gemm_segment* segments, const char* x, int64_t i0, int64_t i1, int64_t p0,
                      int64_t p1, int64_t image_bytes, int64_t group, int64_t k, int64_t n) {
    const conv_geometry* g = run->g;
    const int64_t flat = g->r * g->s * run->cg, channel = group * run->kg + k;
    const int vectors = conv_panel_vectors(run->t, n);
    const int64_t width = vectors * run->t->lanes, block = conv_max(1, WEIGHT_BLOCK / (width * run->size));
    const char* panel = run->packed + (group * run->kp + k) * flat * run->size;
    gemm_panel_args a = {.n = conv_min(n, width), .vectors = vectors, .segments = segments, .ldb = width};
    if (run->bias) a.bias = run->bias + channel * run->size;
    a.m = run->over_images ? i1 - i0 : g->q;
    a.lda = run->over_images ? g->h * g->w * g->c : g->stride_w * run->pixel;
    a.ldc = run->over_images ? g->out_n : g->out_w;
    for (int64_t f = 0; f < flat; f += block) {
        a.flags = (f ? GEMM_ADD : 0) | (f + block >= flat ? gemm_activation(g->relu) : 0);
        for (int64_t i = i0; i < i1; i = run->over_images ? i1 : i + 1)
            for (int64_t p = p0; p < p1; p++)
                for (int64_t q = 0; q < g->q; q = run->over_images ? q + 1 : g->q) {
                    a.count =
                        list_segments(run, segments, x + (i - i0) * image_bytes, p, q, panel, width, f, f + block);
                    a.c = run->y + (i * g->out_n + p * g->out_h + q * g->out_w + channel) * run->size;
                    run->t->gemm_panel(&a);
                }
    }
}

/* The same of CONV_TAPS. */
static void run_panel_by_taps(const conv_run* run, const char* x, int64_t i0, int64_t i1, int64_t p0, int64_t p1,
                              int64_t image_bytes, int64_t group, int64_t k, int64_t n) {
    const conv_geometry* g = run->g;
    const int64_t row = g->s * run->cg, channel = group * run->kg + k;
    const char* panel = run->packed + (group * run->kp + k) * g->r * row * run->size;
    conv_taps_args a = {.vectors = conv_panel_vectors(run->t, n), .pixels = g->q, .pixel = g->out_w, .relu = g->relu};
    const int64_t width = a.vectors * run->t->lanes;
    a.k = conv_min(n, width);
    a.step = g->stride_w * run->pixel;
    if (a.k == g->out_w) a.overlapped = conv_max(0, g->q - conv_ceil(width - a.k, a.k));
    if (run->bias) a.bias = run->bias + channel * run->size;
    for (int64_t i = i0; i < i1; i++, x += image_bytes)
        for (int64_t p = p0; p < p1; p++) {
            const int64_t h = p * g->stride_h + g->origin_h;
            int64_t r0, r1;
            conv_valid_taps(h, g->dilation_h, g->r, g->h, &r0, &r1);
            a.count = (r1 - r0) * row;
            a.taps = run->taps + r0 * row;
            a.w = panel + r0 * row * width * run->size;
            a.x = x + (h * run->columns + run->column0) * run->pixel * run->size;
            a.y = run->y + (i * g->out_n + p * g->out_h + channel) * run->size;
            run->t->conv_taps_row(&a);
        }
}

static void compute_task(void* context, int64_t task, int thread) {
    const conv_run* run = context;
    const conv_geometry* g = run->g;
    const kernel_table* t = run->t;
    const int64_t part = task % run->parts, block = task / run->parts % run->row_blocks;
    const int64_t i0 = task / run->parts / run->row_blocks * run->images, i1 = conv_min(g->n, i0 + run->images);
    const int64_t p0 = block * run->rows, p1 = conv_min(g->p, p0 + run->rows);
    const int64_t input_bytes = g->h * g->w * g->c * run->size, row_bytes = run->columns * run->pixel * run->size;
    char* copy = run->padded + thread * run->padded_bytes;
    int64_t h0, h1, copied = -1;
    conv_row_range(g, p0, p1, &h0, &h1);
    gemm_segment* segments = run->segments + thread * g->r * g->s;
    const int64_t units = g->groups * run->panels, widest = t->panel * t->lanes;
    for (int64_t unit = units * part / run->parts; unit < units * (part + 1) / run->parts; unit++) {
        int64_t group = unit / run->panels, k = unit % run->panels * widest;
        int64_t end = conv_panel_end(t, unit % run->panels, run->kg);
        const char* x = run->x + i0 * input_bytes + group * run->cg * run->size;
        if (run->padded && group != copied)
            for (int64_t i = 0; i < i1 - i0; i++)
                conv_pad_rows(t, g, x + i * input_bytes, h0, h1, run->cg, copy + i * (h1 - h0) * row_bytes);
        copied = group;
        if (run->padded) x = copy - h0 * row_bytes;
        const int64_t image_bytes = run->padded ? (h1 - h0) * row_bytes : input_bytes;
        for (; k < end; k += conv_panel_vectors(t, end - k) * t->lanes)
            if (run->taps)
                run_panel_by_taps(run, x, i0, i1, p0, p1, image_bytes, group, k, end - k);
            else
                run_panel(run, segments, x, i0, i1, p0, p1, image_bytes, group, k, end - k);
        for (int64_t i = i0; i < i1; i++) conv_written(g, i, p0, p1, 0, g->q, end - unit % run->panels * widest);
    }
}

gemm_problem conv_as_product(const conv_geometry* g, const void* w, memory_kept* kept) {
    gemm_problem p = {.m = g->n * g->h * g->w, .n = g->k, .k = g->c, .ldc = g->out_w, .packs = 1, .kept = kept};
    p.a = (gemm_matrix){.rows = g->c, .columns = 1};
    p.b = (gemm_matrix){.data = w, .rows = g->weight_c, .columns = g->k == 1 ? 1 : g->weight_k};
    p.relu = g->relu, p.tally = g->tally;
    return p;
}

static int pointwise(const kernel_table* t, const conv_geometry* g, const void* x, const void* w, const void* bias,
                     void* y, memory_kept* kept) {
    gemm_problem p = conv_as_product(g, w, kept);
    p.a.data = x, p.c = y, p.bias = bias;
    return gemm(t, &p);
}

/* Task sizes depend on the shape alone; the bits of the result not even on them. */
static void partition(conv_run* run) {
    const conv_geometry* g = run->g;
    run->rows = g->p;
    run->images = 1;
    if (run->over_images)
        run->images = TASK_IMAGES;
    else if (g->p * g->q < FEW_PIXELS)
        run->images = conv_ceil(FEW_PIXELS, g->p * g->q);
    else
        run->rows = conv_ceil(g->p, conv_ceil(g->p * g->q, TASK_PIXELS));
    run->images = conv_min(run->images, g->n);
    const int64_t image_tasks = conv_ceil(g->n, run->images);
    if (run->over_images) run->rows = conv_ceil(g->p, conv_min(g->p, conv_ceil(MIN_TASKS, image_tasks)));
    run->row_blocks = conv_ceil(g->p, run->rows);
    const int64_t tasks = image_tasks * run->row_blocks;
    run->parts = tasks >= MIN_TASKS ? 1 : conv_min(g->groups * run->panels, conv_ceil(MIN_TASKS, tasks));
}

static int by_panels(const kernel_table* t, const conv_geometry* g, conv_algorithm algorithm, const void* x,
                     const void* w, const void* bias, void* y, memory_kept* kept) {
    t = conv_table(t, g->k / g->groups);
    const int size = t->lane_bytes / t->lanes;
    conv_run run = {.t = t, .g = g, .x = x, .w = w, .bias = bias, .y = y, .size = size};
    run.over_images = algorithm == CONV_IMAGES;
    run.kg = g->k / g->groups;
    run.kp = conv_ceil(run.kg, t->lanes) * t->lanes;
    run.cg = g->c / g->groups;
    run.panels = conv_panels(t, run.kg);
    partition(&run);
    double work = (double)g->n * g->p * g->q * g->k * run.cg * g->r * g->s;
    const int threads = work < PARALLEL_WORK ? 1 : parallel_threads();
    const int padding = !run.over_images && (conv_needs_padding(g) || conv_sorts_groups(g));
    run.columns = padding ? conv_columns(g, g->q) : g->w;
    run.column0 = padding ? 0 : g->origin_w;
    run.pixel = padding ? run.cg : g->c;
    run.merged = run.pixel == run.cg && g->dilation_w == 1;
    if (padding) {
        int64_t h = conv_min(g->h, (run.rows - 1) * g->stride_h + (g->r - 1) * g->dilation_h + 1);
        run.padded_bytes = conv_ceil(run.images * h * run.columns * run.cg * size, 64) * 64;
    }
    int64_t packed_bytes = conv_ceil(g->groups * run.kp * run.cg * g->r * g->s * size, 64) * 64;
    int64_t segment_bytes = conv_ceil(g->r * g->s * (int64_t)sizeof(gemm_segment) * threads, 64) * 64;
    const int64_t taps = algorithm == CONV_TAPS ? g->r * g->s * run.cg : 0;
    const int64_t taps_bytes = conv_ceil(taps * (int64_t)sizeof(int64_t), 64) * 64;
    char* scratch = memory_allocate((size_t)(segment_bytes + taps_bytes + run.padded_bytes * threads));
    if (!scratch) return -1;
    run.segments = (gemm_segment*)scratch;
    run.padded = padding ? scratch + segment_bytes + taps_bytes : NULL;
    if (taps) {
        run.taps = (int64_t*)(scratch + segment_bytes);
        conv_place_taps(g, run.cg, run.columns * run.pixel, run.pixel, 1, run.taps);
    }
    run.packed = memory_keep(kept, (size_t)packed_bytes);
    if (!run.packed) {
        memory_release(scratch);
        return -1;
    }
    if (!kept || !kept->ready)
        parallel_for(packed_bytes < 1 << 18 ? 1 : threads, g->groups * run.panels, pack_task, &run);
    if (kept) kept->ready = 1;
    parallel_for(threads, conv_ceil(g->n, run.images) * run.row_blocks * run.parts, compute_task, &run);
    memory_unkeep(kept, run.packed);
    memory_release(scratch);
    return 0;
}

int conv_normalizes(const kernel_table* t, conv_pass pass, const conv_geometry* g) {
    const conv_algorithm algorithm = conv_choose(t, pass, g, NULL);
    if (algorithm == CONV_DEPTHWISE) return depthwise_normalizes(t, g);
    return algorithm == CONV_WINOGRAD_3 || algorithm == CONV_WINOGRAD_4;
}

int conv(const kernel_table* t, const conv_geometry* g, const void* x, const norm_application* norm, const void* w,
         const void* bias, void* y, memory_kept* kept) {
    conv_algorithm algorithm = conv_choose(t, CONV_FORWARD, g, NULL);
    switch (algorithm) {
        case CONV_DEPTHWISE:
        case CONV_GROUPS:
            return depthwise(t, g, x, norm, w, bias, y, kept);
        case CONV_POINTWISE:
            return pointwise(t, g, x, w, bias, y, kept);
        case CONV_STRIDED:
            return conv_strided(t, g, x, w, bias, y, kept);
        case CONV_PLANE:
            return conv_plane(t, g, x, w, bias, y);
        case CONV_BATCH:
            return conv_batch(t, g, x, w, bias, y);
        case CONV_WINOGRAD_3:
            return winograd(t, 3, g, x, norm, w, bias, y, kept);
        case CONV_WINOGRAD_4:
            return winograd(t, 4, g, x, norm, w, bias, y, kept);
        default:
            return by_panels(t, g, algorithm, x, w, bias, y, kept);
    }
}
