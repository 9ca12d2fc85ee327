/* All bodies of one (dtype, ISA) instance, then its table. No include guard: included once per instance. */
#include "simd.h"
#include "vmath.h"

#include "elementwise.inc"
#include "along.inc"
#include "blend.inc"
#include "layout.inc"
#include "gemm.inc"
#include "gemm_plain.inc"
#include "conv.inc"
#include "conv_plane.inc"
#include "conv_pooled.inc"
#include "conv_taps.inc"
#include "loss.inc"
#include "machine.inc"
#include "norm.inc"
#include "depthwise.inc" /* which normalises what it reads */
#include "optim.inc"
#include "pair.inc"
#include "pool.inc"
#include "pool_grad.inc"
#include "recurrent.inc"
#include "reduce.inc"
#include "winograd.inc"

#ifdef NARROWER
extern const kernel_table PASTE(table, T_NAME, NARROWER);
#endif

const kernel_table K(table) = {.isa = STRING(ISA),
                               .lanes = LANES,
                               .lane_bytes = VECTOR_BYTES,
                               .panel = PANEL,
#ifdef NARROWER
                               .narrower = &PASTE(table, T_NAME, NARROWER),
#endif
#define X(name, parameters) .name = K(name),
                               KERNELS(X)
#undef X
};
#undef PANEL
#undef MAX_ROWS
#undef WIDEST
