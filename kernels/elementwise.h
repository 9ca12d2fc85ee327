/* Contiguous elementwise kernels: n elements each. */
#pragma once
#define BINARY_PARAMETERS (const void *x_, const void *y_, void *out_, int64_t n)

#define ELEMENTWISE_KERNELS(X) \
    X(add, BINARY_PARAMETERS)  \
    X(mul, BINARY_PARAMETERS)
