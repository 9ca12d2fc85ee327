#if defined(__x86_64__)
#ifdef EMULATE_AVX512 /* the same vectors and tiles, made of halves, on a machine without it: .ci/emulate */
#pragma GCC target("avx2,fma")
#else
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,prefer-vector-width=512")
#endif
#define ISA avx512
#define NARROWER avx2
#define VECTOR_BYTES 64
#include "isa.h"
#endif
