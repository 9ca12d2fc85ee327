/* Contiguous elementwise kernels: n elements each. p and q are the kernel's attributes (a slope, bounds) or unused. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define UNARY_PARAMETERS (const void* x_, void* out_, int64_t n, double p_, double q_)
#define BINARY_PARAMETERS (const void* x_, const void* y_, void* out_, int64_t n, double p_, double q_)
/* out = y where mask is 0, else x. */
#define CHOOSE_PARAMETERS (const void* mask_, const void* x_, const void* y_, void* out_, int64_t n)
typedef void(*choose_kernel) CHOOSE_PARAMETERS;
typedef void(*unary_kernel) UNARY_PARAMETERS;
typedef void(*binary_kernel) BINARY_PARAMETERS;

#define ELEMENTWISE_KERNELS(X)             \
    X(choose, CHOOSE_PARAMETERS)           \
    X(add, BINARY_PARAMETERS)              \
    X(sub, BINARY_PARAMETERS)              \
    X(mul, BINARY_PARAMETERS)              \
    X(div, BINARY_PARAMETERS)              \
    X(maximum, BINARY_PARAMETERS)          \
    X(minimum, BINARY_PARAMETERS)          \
    X(atan2, BINARY_PARAMETERS)            \
    X(pow, BINARY_PARAMETERS)              \
    X(relu_grad, BINARY_PARAMETERS)        \
    X(sigmoid_grad, BINARY_PARAMETERS)     \
    X(tanh_grad, BINARY_PARAMETERS)        \
    X(gelu_grad, BINARY_PARAMETERS)        \
    X(gelu_tanh_grad, BINARY_PARAMETERS)   \
    X(silu_grad, BINARY_PARAMETERS)        \
    X(softplus_grad, BINARY_PARAMETERS)    \
    X(leaky_relu_grad, BINARY_PARAMETERS)  \
    X(elu_grad, BINARY_PARAMETERS)         \
    X(hardsigmoid_grad, BINARY_PARAMETERS) \
    X(hardswish_grad, BINARY_PARAMETERS)   \
    X(clip_grad, BINARY_PARAMETERS)        \
    X(hardtanh_grad, BINARY_PARAMETERS)    \
    X(neg, UNARY_PARAMETERS)               \
    X(abs, UNARY_PARAMETERS)               \
    X(exp, UNARY_PARAMETERS)               \
    X(log, UNARY_PARAMETERS)               \
    X(expm1, UNARY_PARAMETERS)             \
    X(log1p, UNARY_PARAMETERS)             \
    X(sign, UNARY_PARAMETERS)              \
    X(sqrt, UNARY_PARAMETERS)              \
    X(rsqrt, UNARY_PARAMETERS)             \
    X(sin, UNARY_PARAMETERS)               \
    X(cos, UNARY_PARAMETERS)               \
    X(tan, UNARY_PARAMETERS)               \
    X(asin, UNARY_PARAMETERS)              \
    X(acos, UNARY_PARAMETERS)              \
    X(atan, UNARY_PARAMETERS)              \
    X(sinh, UNARY_PARAMETERS)              \
    X(cosh, UNARY_PARAMETERS)              \
    X(asinh, UNARY_PARAMETERS)             \
    X(acosh, UNARY_PARAMETERS)             \
    X(atanh, UNARY_PARAMETERS)             \
    X(exp2, UNARY_PARAMETERS)              \
    X(log2, UNARY_PARAMETERS)              \
    X(log10, UNARY_PARAMETERS)             \
    X(reciprocal, UNARY_PARAMETERS)        \
    X(power, UNARY_PARAMETERS)             \
    X(erf, UNARY_PARAMETERS)               \
    X(tanh, UNARY_PARAMETERS)              \
    X(sigmoid, UNARY_PARAMETERS)           \
    X(relu, UNARY_PARAMETERS)              \
    X(silu, UNARY_PARAMETERS)              \
    X(softplus, UNARY_PARAMETERS)          \
    X(gelu, UNARY_PARAMETERS)              \
    X(gelu_tanh, UNARY_PARAMETERS)         \
    X(leaky_relu, UNARY_PARAMETERS)        \
    X(elu, UNARY_PARAMETERS)               \
    X(hardsigmoid, UNARY_PARAMETERS)       \
    X(hardswish, UNARY_PARAMETERS)         \
    X(clip, UNARY_PARAMETERS)

/* Drivers: blocks of a fixed size, in threads where n is large. `size` is bytes per element. */
void elementwise_unary(unary_kernel kernel, const void* x, void* out, int64_t n, int size, double p, double q);
/* out = second(first(x, y), z): tile by tile, so that what is between stays in L1. */
void elementwise_both(binary_kernel first, binary_kernel second, const void* x, const void* y, const void* z, void* out,
                      int64_t n, int size);
void elementwise_binary(binary_kernel kernel, const void* x, const void* y, void* out, int64_t n, int size, double p,
                        double q);

/* Combines every row of x (n / cols rows) with the same `row`; cols = 1 is a scalar. row_first: kernel(row, x). */
void elementwise_row(binary_kernel kernel, const void* x, const void* row, void* out, int64_t n, int64_t cols, int size,
                     int row_first);

/* Each of n elements so many times, one after another. */
void elementwise_repeat(const void* x, int64_t n, int64_t times, int size, void* out);

/* An operand of a broadcast: elements of `size` bytes, and steps in elements along the result's axes; 0 repeats. */
enum {
    ELEMENTWISE_OPERANDS = 3,
    ELEMENTWISE_AXES = 64, /* at most */
    ELEMENTWISE_LONG = 128 /* elements of a row that repay a call of the kernel */
};
typedef struct {
    const void* data;
    const int64_t* steps;
    int size;
} elementwise_operand;

/* One of the kernels, binary or choose, over operands of 2 or 3 arrays. out is dense, its axes of these sizes lie in
 * memory in this order; along the last one, from ELEMENTWISE_LONG elements on, every step is 0 or 1. */
void elementwise_broadcast(binary_kernel binary, choose_kernel choose, const elementwise_operand* operands, void* out,
                           int size, int ndim, const int64_t* sizes);
