/* Instantiates every kernel body for float and double, and the ISA's two tables.
 * Expects ISA and VECTOR_BYTES; included by isa_*.c under the ISA's target pragma. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)

#define T float
#define T_NAME f32
#define T_BYTES 4
#include "bodies.h"
#undef T
#undef T_NAME
#undef T_BYTES

#define T double
#define T_NAME f64
#define T_BYTES 8
#include "bodies.h"
#undef T
#undef T_NAME
#undef T_BYTES
