#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,prefer-vector-width=512")
#define ISA avx512
#define NARROWER avx2
#define VECTOR_BYTES 64
#include "isa.h"
#endif
