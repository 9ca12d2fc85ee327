/* Softmax along rows, and cross-entropy on top of it. Rows of C classes each. */
#pragma once
#include <stdint.h>

#define SOFTMAX_PARAMETERS (const void* x_, void* out_, int64_t rows, int64_t C)
#define SOFTMAX_GRAD_PARAMETERS (const void* g_, const void* out_, void* gx_, int64_t rows, int64_t C)
/* w_: a weight per class, or null; smoothing in [0, 1]. Labels equal to `ignore` give loss and gradient 0.
 * g_step: 1, or 0 if g_ is one value for all rows. */
#define CROSS_ENTROPY_PARAMETERS                                                                              \
    (const void* logp_, const int64_t* labels, const void* w_, int64_t ignore, double smoothing, void* loss_, \
     int64_t rows, int64_t C)
#define CROSS_ENTROPY_GRAD_PARAMETERS                                                                        \
    (const void* g_, int64_t g_step, const void* logp_, const int64_t* labels, const void* w_, double w_sum, \
     int64_t ignore, double smoothing, void* gx_, int64_t rows, int64_t C)
typedef void(*softmax_kernel) SOFTMAX_PARAMETERS;
typedef void(*softmax_grad_kernel) SOFTMAX_GRAD_PARAMETERS;

#define LOSS_KERNELS(X)                          \
    X(softmax, SOFTMAX_PARAMETERS)               \
    X(log_softmax, SOFTMAX_PARAMETERS)           \
    X(softmax_grad, SOFTMAX_GRAD_PARAMETERS)     \
    X(log_softmax_grad, SOFTMAX_GRAD_PARAMETERS) \
    X(cross_entropy, CROSS_ENTROPY_PARAMETERS)   \
    X(cross_entropy_grad, CROSS_ENTROPY_GRAD_PARAMETERS)

/* Drivers: rows in threads. */
void softmax_rows(softmax_kernel kernel, const void* x, void* out, int64_t rows, int64_t C, int size);
void softmax_grad_rows(softmax_grad_kernel kernel, const void* g, const void* out, void* gx, int64_t rows, int64_t C,
                       int size);

/* The first label outside of [0, C) that is not `ignore`, or -1: all are good. */
int64_t find_bad_label(const int64_t* labels, int64_t n, int64_t C, int64_t ignore);

/* The sum of the labels' class weights (NULL: 1 each), those that are ignored left out. */
double labels_weight(int dtype, const int64_t* labels, int64_t n, const void* w, int64_t ignore);

void cross_entropy_rows(int dtype, const void* x, const int64_t* labels, const void* w, int64_t ignore,
                        double smoothing, void* logp, void* loss, int64_t rows, int64_t C);
void cross_entropy_grad_rows(int dtype, const void* g, int64_t g_step, const void* logp, const int64_t* labels,
                             const void* w, double w_sum, int64_t ignore, double smoothing, void* gx, int64_t rows,
                             int64_t C);
