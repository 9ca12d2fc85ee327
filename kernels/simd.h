/* Vector types for one (dtype, ISA) instance. Expects T, T_BYTES and VECTOR_BYTES to be defined. */
#undef LANES
#undef K
#undef V
#define LANES (VECTOR_BYTES / T_BYTES)
#define PASTE_(a, b, c) a##_##b##_##c
#define PASTE(a, b, c) PASTE_(a, b, c)
#define K(name) PASTE(name, T_NAME, ISA)
#define V K(vector)

typedef T V __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(1)));

/* Loads and stores never assume alignment: callers may pass arrays at any address. */
static inline V K(load)(const T *p) { return *(const V *)p; }
static inline void K(store)(T *p, V v) { *(V *)p = v; }
