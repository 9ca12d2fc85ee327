# The kernel table of kernels.h as Cython sees it: only the rows that wrappers call without a C driver.

ctypedef void (*binary_kernel)(const void *x, const void *y, void *out, int64_t n) noexcept nogil

cdef extern from "kernels.h" nogil:
    ctypedef struct kernel_table:
        const char *isa
        int lanes
        int lane_bytes
        binary_kernel add
        binary_kernel mul
        void (*fma_peak)(int64_t iterations, double *flops) noexcept nogil
    const kernel_table *kernels_active[2]
    int kernels_select(const char *isa)
    const char *kernels_isa(int i)
