/* Convolutions one after another, without their activations leaving the cache: rows of a picture go through all of them
 * before the next ones. The same bits as one by one. */
#pragma once
#include "conv.h"

enum { CONV_CHAIN_MOST = 8 };

/* Its input is the output of the one before. */
typedef struct {
    conv_geometry g; /* 1x1, or depthwise 3x3 */
    const void *w, *bias;
    memory_kept* kept; /* never NULL */
} conv_link;

/* Whether rows can go through these shapes one after another, and whether that saves time. */
int conv_chain_fits(const struct kernel_table* t, const conv_link* links, int count);
int conv_chain_gains(const struct kernel_table* t, const conv_link* links, int count);

/* Returns 0, or -1 when out of memory. */
int conv_chain(const struct kernel_table* t, const conv_link* links, int count, const void* x, void* y);
