/* Measuring the machine's limits. */
#pragma once
#define MACHINE_KERNELS(X) X(fma_peak, (int64_t iterations, double* flops))
