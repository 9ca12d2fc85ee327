/* All bodies of one (dtype, ISA) instance, then its table. No include guard: included once per instance. */
#include "simd.h"

#include "elementwise.inc"
#include "machine.inc"
#include "gemm.inc"
#include "conv.inc"
#include "depthwise.inc"

const kernel_table K(table) = {
    .isa = STRING(ISA),
    .lanes = LANES,
    .lane_bytes = VECTOR_BYTES,
    .panel = PANEL,
#define X(name, parameters) .name = K(name),
    KERNELS(X)
#undef X
};
#undef PANEL
