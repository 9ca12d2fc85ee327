/* Which algorithm computes a convolution: the one place that decides, and that explains. */
#include <stdatomic.h>
#include <stddef.h>

#include "conv.h"
#include "kernels.h"
#include "winograd.h"

enum {
    WINOGRAD_CHANNELS = 16, /* with fewer, transforms cost as much as they save */
    MANY_CHANNELS = 32,     /* with fewer, more must be saved */
    SAVED = 3,              /* multiplications per transformed weight, in the whole batch, that repay making it ... */
    SAVED_MEDIUM = 10,      /* ... and reading it from L3, where all take more bytes than the following, ... */
    MEDIUM_WEIGHTS = 1 << 20,
    SAVED_LARGE = 18, /* ... and reading it again, where they take more than these */
    LARGE_WEIGHTS = 4 << 20,
    FEW_COLUMNS = 7, /* rows this short leave register tiles empty ... */
    FEW_COLUMNS_GRAD_W = 4,
    MANY_IMAGES = 8,     /* ... which the same pixel of this many images fills */
    FEW_TERMS = 64,      /* of a sum, whose start and end then count ... */
    MOST_TERMS = 256,    /* ... unless the weights of all take too much of L1 */
    FEW_ROWS = 8,        /* of a tile of one vector: fewer sums wait for each other */
    LONG_ROW = 32,       /* of pixels: fills its tiles as it is */
    LEAST_GATHERED = 32, /* channels of a pixel that repay copying it, for as many output channels or more */
    PADDED_COLUMNS = 24  /* rows up to here count as short if many of their taps are padding */
};

static _Atomic int mode = WINOGRAD_ON;
winograd_mode conv_get_winograd(void) { return (winograd_mode)mode; }
void conv_set_winograd(winograd_mode wanted) { mode = wanted; }

const char* conv_algorithm_name(conv_algorithm algorithm) {
    static const char* const names[] = {"rows",  "taps",     "images",   "batch",     "pointwise", "strided",
                                        "plane", "winograd", "winograd", "depthwise", "groups"};
    return names[algorithm];
}

/* Whether the outputs are those of one matrix product: of the input, or of the pixels that a stride meets. */
static int is_product(const conv_geometry* g) {
    return g->r == 1 && g->s == 1 && g->groups == 1 && !g->origin_h && !g->origin_w &&
           (g->p - 1) * g->stride_h < g->h && (g->q - 1) * g->stride_w < g->w && g->out_h == g->q * g->out_w &&
           g->out_n == g->p * g->out_h;
}

static int is_pointwise(const conv_geometry* g) {
    return is_product(g) && g->stride_h == 1 && g->stride_w == 1 && g->p == g->h && g->q == g->w;
}

static int is_strided(const conv_geometry* g) {
    return is_product(g) && !is_pointwise(g) && g->q <= LONG_ROW && g->c >= LEAST_GATHERED && g->k >= g->c;
}

/* Along one axis: the taps of all outputs, without those that lie outside the input. */
static int64_t taps_inside(int64_t out, int64_t stride, int64_t origin, int64_t dilation, int64_t taps, int64_t in) {
    int64_t inside = 0, begin, end;
    for (int64_t i = 0; i < out; i++, inside += end - begin)
        conv_valid_taps(i * stride + origin, dilation, taps, in, &begin, &end);
    return inside;
}

/* Whether output rows are better computed pixel by pixel, over images: they are short, or a fourth of the taps along
 * them is padding, which a single pixel skips. */
static int has_short_rows(const conv_geometry* g, int64_t few) {
    if (g->q <= few) return 1;
    if (g->q > PADDED_COLUMNS) return 0;
    return 4 * taps_inside(g->q, g->stride_w, g->origin_w, g->dilation_w, g->s, g->w) < 3 * g->q * g->s;
}

/* Whether a row of pixels takes fewer vectors, by an eighth at least, than output channels, one for each pixel. */
static int fills_more_lanes(const kernel_table* t, const conv_geometry* g) {
    return g->k < t->lanes && 4 * g->q >= 3 * t->lanes && 8 * g->q >= 9 * g->k * conv_ceil(g->q, t->lanes);
}

const kernel_table* conv_table(const kernel_table* t, int64_t channels) {
    while (t->narrower && channels <= t->narrower->lanes) t = t->narrower;
    return t;
}

/* Whether the terms that lie side by side, of a kernel row or of one tap, make sums so short that one over all taps is
 * worth looking each of them up. A gradient of one vector does with the terms of a kernel row that fill a tile: for the
 * places of more there are no registers. */
static int has_short_sums(const kernel_table* t, conv_pass pass, const conv_geometry* g) {
    const int64_t c = g->c / g->groups, k = g->k / g->groups, all = g->r * g->s * c;
    const int64_t terms = g->dilation_w == 1 ? g->s * c : c;
    const int one_vector = k <= conv_table(t, k)->lanes;
    return terms < all && all <= MOST_TERMS && terms < (pass == CONV_GRAD_W && one_vector ? FEW_ROWS : FEW_TERMS);
}

const kernel_table* conv_filled_table(const kernel_table* t, int64_t channels) {
    while (t->narrower && channels < t->lanes) t = t->narrower;
    return t;
}

/* Groups of 2, 4 or 8 channels, as many as they give, several in a vector; a whole vector makes a panel, whose start
 * and end only sums over more than one tap repay. */
static int has_small_groups(const kernel_table* t, const conv_geometry* g) {
    const int64_t group = g->c / g->groups;
    t = conv_filled_table(t, g->c);
    if (g->groups == 1 || g->c != g->k || g->c < t->lanes) return 0;
    return (group == 2 || group == 4 || group == 8) && (g->r * g->s > 1 ? group < t->lanes : group <= t->lanes);
}

/* The multiplications of Winograd's algorithm per image and weight, in tiles of out x out outputs. */
static int64_t winograd_products(const conv_geometry* g, int64_t out) {
    return conv_ceil(g->p, out) * conv_ceil(g->q, out) * (out + 2) * (out + 2);
}

static int few_channels(const conv_geometry* g) { return g->c < MANY_CHANNELS || g->k < MANY_CHANNELS; }

/* Which tile takes fewer multiplications. Where both take the same, the smaller one has the smaller error and weight,
 * but costs more transforms, which few channels do not repay. */
static int winograd_out(const conv_geometry* g) {
    return winograd_products(g, 3) < winograd_products(g, 4) + !few_channels(g) ? 3 : 4;
}

/* Why Winograd cannot or should not run in tiles of out x out outputs, or NULL. */
static const char* against_winograd(const kernel_table* t, const conv_geometry* g, int out) {
    if (g->r != 3 || g->s != 3) return "the kernel is not 3x3";
    if (g->stride_h != 1 || g->stride_w != 1) return "3x3, but not of stride 1";
    if (g->dilation_h != 1 || g->dilation_w != 1) return "3x3, but dilated";
    if (g->groups != 1) return "3x3, but in groups";
    if (mode == WINOGRAD_ALWAYS) return NULL;
    if (mode == WINOGRAD_OFF) return "Winograd is switched off";
    if (t->lane_bytes / t->lanes != sizeof(float)) return "float64 is computed directly";
    if (g->c < WINOGRAD_CHANNELS || g->k < WINOGRAD_CHANNELS) return "3x3 with fewer than 16 channels";
    const int64_t products = winograd_products(g, out);
    const int64_t direct =
        taps_inside(g->p, 1, g->origin_h, 1, 3, g->h) * taps_inside(g->q, 1, g->origin_w, 1, 3, g->w);
    if (8 * direct < (few_channels(g) ? 15 : 13) * products)
        return "the tiles lie so far outside that few multiplications are saved";
    const int64_t positions = (out + 2) * (out + 2);
    const int64_t bytes = positions * g->c * g->k * (int64_t)sizeof(float);
    const int least = bytes > LARGE_WEIGHTS ? SAVED_LARGE : bytes > MEDIUM_WEIGHTS ? SAVED_MEDIUM : SAVED;
    if (g->n * (direct - products) < least * positions) return "too few pixels to repay transforming the weight";
    return NULL;
}

conv_algorithm conv_choose(const kernel_table* t, conv_pass pass, const conv_geometry* g, const char** reason) {
    const char* unused;
    if (!reason) reason = &unused;
    if (is_strided(g)) {
        *reason = "1x1 of a stride: the pixels that it meets, copied together, make one product";
        return CONV_STRIDED;
    }
    conv_geometry phase;
    int64_t gx_offset, w_offset;
    if (pass == CONV_GRAD_X && conv_grad_x_phase(g, 0, 0, &phase, &gx_offset, &w_offset)) g = &phase;
    if (g->groups > 1 && g->groups == g->c && g->c == g->k) {
        *reason = "every channel on its own";
        return CONV_DEPTHWISE;
    }
    if (has_small_groups(t, g)) {
        *reason = "groups of so few channels that several share a vector";
        return CONV_GROUPS;
    }
    if (is_pointwise(g)) {
        *reason = "1x1 of stride 1";
        return CONV_POINTWISE;
    }
    const int out = winograd_out(g);
    const char* against = against_winograd(t, g, out);
    if (!against && out == 3) {
        *reason = "3x3 of stride 1, in tiles of 3x3 outputs";
        return CONV_WINOGRAD_3;
    }
    if (!against) {
        *reason = "3x3 of stride 1, in tiles of 4x4 outputs";
        return CONV_WINOGRAD_4;
    }
    if (g->c == 1 && g->k < t->lanes && g->q >= t->lanes && g->stride_w == 1) {
        *reason = "one input channel, and too few output channels to fill a vector";
        return CONV_PLANE;
    }
    if (g->n >= MANY_IMAGES && has_short_rows(g, pass == CONV_GRAD_W ? FEW_COLUMNS_GRAD_W : FEW_COLUMNS)) {
        if (pass != CONV_GRAD_W && g->k < t->lanes && g->groups == 1 && g->n >= 2 * t->lanes && g->out_w == g->k) {
            *reason = "short or much padded rows, many images, and too few output channels to fill a vector";
            return CONV_BATCH;
        }
        *reason = "short or much padded rows, many images";
        return CONV_IMAGES;
    }
    if (pass != CONV_GRAD_W && g->groups == 1 && g->stride_w == 1 && fills_more_lanes(t, g)) {
        *reason = "so few output channels that pixels fill the vectors better";
        return CONV_PLANE;
    }
    if (has_short_sums(t, pass, g)) {
        *reason = "so few channels that one sum over all taps beats one for each kernel row";
        return CONV_TAPS;
    }
    *reason = against;
    return CONV_ROWS;
}
