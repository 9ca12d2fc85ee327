# Measuring the machine's limits.


def fma_peak(int64_t iterations):
    """Runs float32 fused multiply-adds in registers on one thread; returns how many FLOPs they were."""
    cdef double flops = 0
    with nogil:
        kernels_active[0].fma_peak(iterations, &flops)
    return flops
