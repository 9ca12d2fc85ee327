/* Input gradient: a convolution of the output gradient with the transposed, flipped weight; at a stride, one for each
 * phase of the input. */
#include <string.h>

#include "conv.h"
#include "kernels.h"

/* One axis. Inputs i = phase + stride i' see only the taps first + step t, and
 * through them the gradient at i' + origin + dilation t' with t' counted backwards: a convolution of stride 1. */
typedef struct {
    int64_t first, step, taps, origin, dilation, size;
} phase_axis;

static phase_axis axis_phase(int64_t phase, int64_t length, int64_t taps, int64_t stride, int64_t dilation,
                             int64_t origin) {
    int64_t a = stride, b = dilation;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    phase_axis axis = {
        .step = stride / a, .dilation = dilation / a, .size = conv_ceil(conv_max(0, length - phase), stride)};
    while (axis.first < axis.step && axis.first < taps && (phase - origin - axis.first * dilation) % stride)
        axis.first++;
    if (axis.first < axis.step && axis.first < taps) {
        axis.taps = conv_ceil(taps - axis.first, axis.step);
        axis.origin = (phase - origin - axis.first * dilation) / stride - (axis.taps - 1) * axis.dilation;
    }
    return axis;
}

int conv_grad_x_phase(const conv_geometry* f, int64_t phase_h, int64_t phase_w, conv_geometry* b, int64_t* gx_offset,
                      int64_t* w_offset) {
    phase_axis h = axis_phase(phase_h, f->h, f->r, f->stride_h, f->dilation_h, f->origin_h);
    phase_axis v = axis_phase(phase_w, f->w, f->s, f->stride_w, f->dilation_w, f->origin_w);
    if (!h.taps || !v.taps) return 0;
    *b = (conv_geometry){.n = f->n, .h = f->p, .w = f->q, .c = f->k, .k = f->c, .p = h.size, .q = v.size};
    b->r = h.taps, b->s = v.taps;
    b->stride_h = b->stride_w = 1;
    b->dilation_h = h.dilation, b->dilation_w = v.dilation;
    b->origin_h = h.origin, b->origin_w = v.origin;
    b->groups = f->groups;
    b->out_w = f->stride_w * f->c, b->out_h = f->stride_h * f->w * f->c, b->out_n = f->h * f->w * f->c;
    b->weight_group = f->weight_group;
    b->weight_k = f->weight_c, b->weight_c = f->weight_k;
    b->weight_r = -h.step * f->weight_r, b->weight_s = -v.step * f->weight_s;
    *gx_offset = (phase_h * f->w + phase_w) * f->c;
    *w_offset = (h.first + (h.taps - 1) * h.step) * f->weight_r + (v.first + (v.taps - 1) * v.step) * f->weight_s;
    return 1;
}

int conv_grad_x(const kernel_table* t, const conv_geometry* f, const void* g, const void* w, void* gx) {
    const int64_t size = t->lane_bytes / t->lanes;
    const int64_t phases_w = conv_min(f->stride_w, f->w), phases = conv_min(f->stride_h, f->h) * phases_w;
    conv_geometry b;
    int64_t gx_offset, w_offset;
    const conv_algorithm algorithm = conv_choose(t, CONV_GRAD_X, f, NULL);
    if (algorithm == CONV_STRIDED) return conv_strided_grad_x(t, f, g, w, gx);
    for (int64_t i = 0; i < phases; i++)
        if (!conv_grad_x_phase(f, i / phases_w, i % phases_w, &b, &gx_offset, &w_offset)) { /* unseen by any output */
            memset(gx, 0, (size_t)(f->n * f->h * f->w * f->c * size));
            break;
        }
    if (algorithm == CONV_DEPTHWISE || algorithm == CONV_GROUPS) return depthwise_grad_x(t, f, g, w, gx);
    for (int64_t i = 0; i < phases; i++) {
        if (!conv_grad_x_phase(f, i / phases_w, i % phases_w, &b, &gx_offset, &w_offset)) continue;
        if (phases == 1) b.tally = f->tally;
        if (conv(t, &b, g, NULL, (const char*)w + w_offset * size, NULL, (char*)gx + gx_offset * size, NULL)) return -1;
    }
    return 0;
}
