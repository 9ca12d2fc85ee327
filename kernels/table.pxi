# The kernel table of kernels.h as Cython sees it: only the rows that wrappers call without a C driver.

ctypedef void (*unary_kernel)(const void *x, void *out, int64_t n, double p, double q) noexcept nogil
ctypedef void (*binary_kernel)(const void *x, const void *y, void *out, int64_t n, double p, double q) noexcept nogil
ctypedef void (*choose_kernel)(const void *mask, const void *x, const void *y, void *out, int64_t n) noexcept nogil
ctypedef void (*softmax_kernel)(const void *x, void *out, int64_t rows, int64_t C) noexcept nogil
ctypedef void (*softmax_grad_kernel)(const void *g, const void *out, void *gx, int64_t rows, int64_t C) noexcept nogil
ctypedef void (*pair_sum_kernel)(const void *x, const void *y, int64_t n, double p, double *sum) noexcept nogil
ctypedef void (*pair_grad_kernel)(const void *g, int64_t g_step, double scale, const void *x, const void *y, void *gx,
                                  int64_t n, double p) noexcept nogil

cdef extern from "kernels.h" nogil:
    ctypedef struct kernel_table:
        const char *isa
        int lanes
        int lane_bytes
        void (*fma_peak)(int64_t iterations, double *flops) noexcept nogil
        choose_kernel choose
        void (*grid_places)(const void *at, const int32_t *before, int64_t size, int32_t *places, void *inside,
                            int64_t n) noexcept nogil
        binary_kernel add, sub, mul, div, maximum, minimum, atan2, pow
        binary_kernel relu_grad, sigmoid_grad, tanh_grad, gelu_grad, gelu_tanh_grad, silu_grad, softplus_grad
        binary_kernel leaky_relu_grad, elu_grad, clip_grad, hardtanh_grad, hardsigmoid_grad, hardswish_grad
        unary_kernel neg, abs, exp, log, sqrt, rsqrt, sin, cos, erf, tanh
        unary_kernel sigmoid, relu, silu, softplus, gelu, gelu_tanh, leaky_relu, elu, clip
        unary_kernel tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, exp2, log2, log10, reciprocal, power
        unary_kernel expm1, log1p, sign, hardsigmoid, hardswish
        void (*lstm_step)(const void *x, const void *u, const void *c0, void *gates, void *c, void *h, int64_t rows,
                          int64_t H) noexcept nogil
        void (*lstm_step_grad)(const void *gh, const void *next, const void *gc, const void *gates, const void *c0,
                               const void *c, void *dgates, void *dc, int64_t rows, int64_t H) noexcept nogil
        void (*gru_step)(const void *x, const void *u, const void *h0, void *gates, void *h, int64_t rows,
                         int64_t H) noexcept nogil
        void (*gru_step_grad)(const void *gh, const void *next, const void *gates, const void *h0, void *dx, void *du,
                              void *dh, int64_t rows, int64_t H) noexcept nogil
        binary_kernel squared_loss, absolute_loss, huber_loss, smooth_loss
        binary_kernel bernoulli_loss, logistic_loss, kl_loss, kl_log_loss
        pair_sum_kernel squared_sum, absolute_sum, huber_sum, smooth_sum
        pair_sum_kernel bernoulli_sum, logistic_sum, kl_sum, kl_log_sum
        pair_grad_kernel squared_grad, absolute_grad, huber_grad, smooth_grad
        pair_grad_kernel bernoulli_grad, logistic_grad, kl_grad, kl_log_grad
        softmax_kernel softmax, log_softmax
        softmax_grad_kernel softmax_grad, log_softmax_grad
    const kernel_table *kernels_active[2]
    int kernels_select(const char *isa)
    const char *kernels_isa(int i)
