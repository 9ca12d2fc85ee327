/* Winograd convolution, F(4x4, 3x3) and F(3x3, 3x3): 36 multiplications for 16 outputs of a 3x3 kernel, where direct
 * takes 144, or 25 for 9 outputs, where it takes 81.
 *
 * Polynomials are evaluated at 0, +-2/3, +-3/2 and infinity, or at +-3/8, +-11/8 and infinity:
 * Y = A' [(G w G') (B' x B)] A over tiles of 6 x 6 or 5 x 5 inputs. The weight gradient is the same with the roles
 * exchanged: G' [(B' x B) (A g A')] G.
 * See Lavin and Gray, arXiv:1509.09308; for the points Barabasz et al., arXiv:1803.10986.
 *
 * Error, u = unit roundoff: with B = sum over c of max|w_kc| max|x_nc over the inputs of the tile|, a result is within
 * 537 (C + 32) u B of the exact one in tiles of 4 x 4 outputs, 196 (C + 32) u B in those of 3 x 3 (row sums of
 * |A'| |G| |B'|, squared), and for numbers of random sign within 80 u B and 32 u B. For the weight gradient, B is the
 * sum over tiles of max|g| max|x| and C their number, with 794 instead of 537. An infinity or NaN reaches all outputs
 * of its tiles. */
#pragma once
#include <stdint.h>

#include "conv.h"

enum { WINOGRAD_MOST_IN = 6 }; /* side of the larger tile of inputs */

/* One tile, all channels: `pixels` is its (0, 0) in memory, of which only rows [r0, r1) and columns [s0, s1) exist.
 * `positions` is position 0 of the transform. Strides in elements. */
typedef struct {
    int out; /* side of the tile of outputs: 3 or 4 */
    int64_t channels, row, column;
    int64_t r0, r1, s0, s1;
    const void* pixels;
    void* positions;
    int64_t position;
    const norm_application* norm; /* what is done to existing pixels first, or NULL; of which channel 0 is `channel` */
    int64_t channel;
} winograd_tile;

/* The inverse for outputs: positions to pixels, y = act(sum + bias). */
typedef struct {
    int out;
    int64_t channels, row, column, r1, s1;
    void* pixels;
    const void *positions, *bias; /* bias may be NULL */
    int64_t position;
    int relu;
} winograd_result;

#define WINOGRAD_KERNELS(X)                                                                                    \
    X(winograd_input, (const winograd_tile* tile))                                                             \
    X(winograd_gradient, (const winograd_tile* tile))                                                          \
    X(winograd_output, (const winograd_result* tile))                                                          \
    X(winograd_weight, (int out, const void* taps, int64_t n, int64_t tap, void* positions, int64_t position)) \
    X(winograd_grad_w, (int out, const void* positions, int64_t n, int64_t position, void* taps, int64_t tap))

/* For 3x3 kernels of stride and dilation 1 without groups, in tiles of out x out. Return 0, or -1 when out of memory.
 */
int winograd(const struct kernel_table* t, int out, const conv_geometry* geometry, const void* x,
             const norm_application* norm, const void* w, const void* bias, void* y, memory_kept* kept);
int winograd_grad_w(const struct kernel_table* t, int out, const conv_geometry* forward, const void* g, const void* x,
                    const norm_application* norm, void* gw);
