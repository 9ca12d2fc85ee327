/* Losses of two arrays, element by element: their values, the sum of these, and the gradient for x. p is the loss's
 * attribute (delta, beta) or unused. */
#pragma once
#include <stdint.h>

#include "elementwise.h"

/* sum = the sum of the losses, in four chains per lane. */
#define PAIR_SUM_PARAMETERS (const void* x_, const void* y_, int64_t n, double p_, double* sum)
/* gx = scale * g * slope; g_step: 1, or 0 if g is one number for all. */
#define PAIR_GRAD_PARAMETERS \
    (const void* g_, int64_t g_step, double scale, const void* x_, const void* y_, void* gx_, int64_t n, double p_)
typedef void(*pair_sum_kernel) PAIR_SUM_PARAMETERS;
typedef void(*pair_grad_kernel) PAIR_GRAD_PARAMETERS;

#define PAIR_ROWS(X, name)             \
    X(name##_loss, BINARY_PARAMETERS)  \
    X(name##_sum, PAIR_SUM_PARAMETERS) \
    X(name##_grad, PAIR_GRAD_PARAMETERS)
#define PAIR_KERNELS(X)     \
    PAIR_ROWS(X, squared)   \
    PAIR_ROWS(X, absolute)  \
    PAIR_ROWS(X, huber)     \
    PAIR_ROWS(X, smooth)    \
    PAIR_ROWS(X, bernoulli) \
    PAIR_ROWS(X, logistic)  \
    PAIR_ROWS(X, kl)        \
    PAIR_ROWS(X, kl_log)

/* Drivers: chunks of a fixed size, in threads where n is large; their sums are joined in order. */
double pair_sum(pair_sum_kernel kernel, const void* x, const void* y, int64_t n, int size, double p);
void pair_grad(pair_grad_kernel kernel, const void* g, int64_t g_step, double scale, const void* x, const void* y,
               void* gx, int64_t n, int size, double p);
