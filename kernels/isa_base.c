/* What every CPU of the architecture has: SSE2 on x86-64, NEON on aarch64. */
#define ISA base
#define VECTOR_BYTES 16
#include "isa.h"
