/* Batches of pictures (N, C, H, W), contiguous, of uint8 (0..255) or float. Scalar code: it gathers. */
#pragma once
#include <stdint.h>

typedef struct {
    int64_t N, C, H, W, P, Q; /* H x W in, P x Q out */
    int bytes;                /* one picture value is a uint8 */
} picture_shape;

/* y[n, c, p, q] = x[n, c] at row m[3] q + m[4] p + m[5] and column m[0] q + m[1] p + m[2], bilinear; `fill` lies
 * outside. maps: six numbers m per image. */
void picture_warp(const picture_shape* s, const void* x, const double* maps, float fill, void* y);

/* Weighted taps along one axis: output i is the sum of weight[i][k] * input[start[i] + k]. */
typedef struct {
    const int64_t* start; /* (outputs,) */
    const float* weight;  /* (outputs, taps) */
    int64_t taps;
    int per_image; /* a table for every image, or one for all */
} picture_taps;
/* Both axes, one after the other. Returns -1 if there is no memory. */
int picture_resample(const picture_shape* s, const void* x, const picture_taps* rows, const picture_taps* cols,
                     void* y);

/* Brightness, contrast, saturation and hue, in this order, kept in 0..top. changes: four numbers per image, three
 * factors (1: none) and a part of the full circle of colours (0: none). Images with C = 1 have no colours. */
void picture_adjust(const picture_shape* s, const void* x, const float* changes, float top, void* y);
