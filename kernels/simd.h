/* Vector types for one (dtype, ISA) instance. Expects T, T_BYTES and VECTOR_BYTES to be defined. */
#undef LANES
#undef K
#undef V
#undef I
#undef REGISTERS
#define LANES (VECTOR_BYTES / T_BYTES)
#define PASTE_(a, b, c) a##_##b##_##c
#define PASTE(a, b, c) PASTE_(a, b, c)
#define K(name) PASTE(name, T_NAME, ISA)
#define V K(vector)
#define I K(mask)

/* Vector registers that a register tile may count on. */
#if VECTOR_BYTES == 64 || defined(__aarch64__)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif

/* The integer of T's width: element of comparison results and shuffle indices. */
#undef T_INT
#if T_BYTES == 4
#define T_INT int32_t
#else
#define T_INT int64_t
#endif

/* Register tiles live in registers only if their bounds are constants after inlining. */
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

typedef T V __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(1)));
typedef T_INT I __attribute__((vector_size(VECTOR_BYTES), may_alias)); /* all ones where a comparison holds */

/* Loads and stores never assume alignment: callers may pass arrays at any address. */
static inline V K(load)(const T* p) { return *(const V*)p; }
static inline void K(store)(T* p, V v) { *(V*)p = v; }
/* The upper half of v. */
INLINE void K(store_upper)(T* p, V v) {
    typedef T half __attribute__((vector_size(VECTOR_BYTES / 2), may_alias, aligned(1)));
    *(half*)p = ((half*)&v)[1];
}

/* x in every lane. Written as a subtraction, which folds into a broadcast; an addition of zero does not. */
INLINE V K(splat)(T x) { return x - (V){}; }
