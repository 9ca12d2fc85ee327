/* Vector arithmetic for one (dtype, ISA) instance; included by bodies.h after simd.h, once per instance.
 *
 * Whole vectors and the partial vector at an array's end run the same code, so that NaN, infinities and
 * rounding are the same in every lane. Range reduction and polynomials follow the textbook scheme:
 * exp by 2^n * series, log by the series of 2*atanh, the rest from these two. */
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#undef VI
#undef INT
#undef INLINE
#define VI K(integers)
#define INLINE static inline __attribute__((always_inline))

#if T_BYTES == 4
#define INT int32_t
#define MANTISSA 23
#define BIAS 127
#define ROUNDER 0x1.8p23f /* adding it leaves the nearest integer in the low bits */
#define SMALLEST_NORMAL 0x1p-126f
#define LN2_HIGH 0x1.63p-1f /* few bits: n * LN2_HIGH is exact */
#define LN2_LOW -0x1.bd0106p-13f
#define EXP_LOWEST -104.5f
#define EXP_HIGHEST 89.0f
#define EXP_TERMS 7
#define LOG_TERMS 5
#define SQRT_HALF_BITS 0x3f3504f3
#else
#define INT int64_t
#define MANTISSA 52
#define BIAS 1023
#define ROUNDER 0x1.8p52
#define SMALLEST_NORMAL 0x1p-1022
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define EXP_LOWEST -746.0
#define EXP_HIGHEST 710.0
#define EXP_TERMS 13
#define LOG_TERMS 11
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcd
#endif

/* Signed integers as wide as T: masks, exponents, indices. */
typedef INT VI __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(1)));

INLINE VI K(isplat)(INT i) { return i - (VI){}; }
INLINE V K(select)(VI mask, V yes, V no) { return (V)((mask & (VI)yes) | (~mask & (VI)no)); }
INLINE V K(vabs)(V x) { return (V)((VI)x & ~((VI) - (V){})); }
INLINE V K(copysign)(V x, V sign) { return (V)((VI)K(vabs)(x) | ((VI)sign & (VI) - (V){})); }
/* One instruction each: the larger (smaller) of a and b, b if either is NaN. */
#if VECTOR_BYTES == 64 && T_BYTES == 4
INLINE V K(max_or_second)(V a, V b) { return (V)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm512_min_ps((__m512)a, (__m512)b); }
#elif VECTOR_BYTES == 64
INLINE V K(max_or_second)(V a, V b) { return (V)_mm512_max_pd((__m512d)a, (__m512d)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm512_min_pd((__m512d)a, (__m512d)b); }
#elif VECTOR_BYTES == 32 && T_BYTES == 4
INLINE V K(max_or_second)(V a, V b) { return (V)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm256_min_ps((__m256)a, (__m256)b); }
#elif VECTOR_BYTES == 32
INLINE V K(max_or_second)(V a, V b) { return (V)_mm256_max_pd((__m256d)a, (__m256d)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm256_min_pd((__m256d)a, (__m256d)b); }
#else
INLINE V K(max_or_second)(V a, V b) { return K(select)(a > b, a, b); }
INLINE V K(min_or_second)(V a, V b) { return K(select)(a < b, a, b); }
#endif
INLINE V K(vmax)(V a, V b) { return K(select)(a != a, a, K(max_or_second)(a, b)); } /* NaN if either is */
INLINE V K(vmin)(V a, V b) { return K(select)(a != a, a, K(min_or_second)(a, b)); }
INLINE V K(clamp)(V x, T low, T high) { return K(min_or_second)(K(splat)(high), K(max_or_second)(K(splat)(low), x)); }

/* The first n < LANES elements at p, zeros behind them; and the reverse. Nothing outside is touched. */
#if VECTOR_BYTES == 64 && T_BYTES == 4
INLINE V K(load_part)(const T* p, int64_t n) { return (V)_mm512_maskz_loadu_ps((1u << n) - 1, p); }
INLINE void K(store_part)(T* p, V v, int64_t n) { _mm512_mask_storeu_ps(p, (1u << n) - 1, (__m512)v); }
#elif VECTOR_BYTES == 64
INLINE V K(load_part)(const T* p, int64_t n) { return (V)_mm512_maskz_loadu_pd((1u << n) - 1, p); }
INLINE void K(store_part)(T* p, V v, int64_t n) { _mm512_mask_storeu_pd(p, (1u << n) - 1, (__m512d)v); }
#elif VECTOR_BYTES == 32 && T_BYTES == 4
INLINE __m256i K(first)(int64_t n) { return (__m256i)((VI){0, 1, 2, 3, 4, 5, 6, 7} < (INT)n); }
INLINE V K(load_part)(const T* p, int64_t n) { return (V)_mm256_maskload_ps(p, K(first)(n)); }
INLINE void K(store_part)(T* p, V v, int64_t n) { /* a masked store takes AMD's cores a dozen steps and more */
    __m128 low = _mm256_castps256_ps128((__m256)v);
    if (n & 4) {
        _mm_storeu_ps(p, low);
        low = _mm256_extractf128_ps((__m256)v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64*)p, low);
        low = _mm_movehl_ps(low, low);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, low);
}
#elif VECTOR_BYTES == 32
INLINE __m256i K(first)(int64_t n) { return (__m256i)((VI){0, 1, 2, 3} < (INT)n); }
INLINE V K(load_part)(const T* p, int64_t n) { return (V)_mm256_maskload_pd(p, K(first)(n)); }
INLINE void K(store_part)(T* p, V v, int64_t n) {
    __m128d low = _mm256_castpd256_pd128((__m256d)v);
    if (n & 2) {
        _mm_storeu_pd(p, low);
        low = _mm256_extractf128_pd((__m256d)v, 1);
        p += 2;
    }
    if (n & 1) _mm_store_sd(p, low);
}
#else
INLINE V K(load_part)(const T* p, int64_t n) {
    V v = {};
    for (int l = 0; l < LANES; l++)
        if (l < n) v[l] = p[l];
    return v;
}
INLINE void K(store_part)(T* p, V v, int64_t n) {
    for (int l = 0; l < LANES; l++)
        if (l < n) p[l] = v[l];
}
#endif

/* Integer vectors travel through the same doors: only bits move. */
INLINE V K(load_n)(const T* p, int64_t n) { return n >= LANES ? K(load)(p) : K(load_part)(p, n); }
INLINE void K(store_n)(T* p, V v, int64_t n) {
    if (n >= LANES)
        K(store)(p, v);
    else
        K(store_part)(p, v, n);
}

static const INT K(lane_numbers)[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
INLINE VI K(lanes)(void) { return (VI)K(load)((const T*)K(lane_numbers)); }

/* Zeroes the lanes of v from n on: the partial vector's filling must not count in a sum. */
INLINE V K(first_lanes)(V v, int64_t n) { return (V)((VI)v & (K(lanes)() < (INT)n)); }

/* Sum and maximum over the lanes, in a fixed tree. */
INLINE T K(sum_lanes)(V v) {
#pragma GCC unroll 4
    for (int half = LANES / 2; half; half /= 2) v += __builtin_shuffle(v, (K(lanes)() + half) & (LANES - 1));
    return v[0];
}
INLINE T K(max_lanes)(V v) {
#pragma GCC unroll 4
    for (int half = LANES / 2; half; half /= 2) v = K(vmax)(v, __builtin_shuffle(v, (K(lanes)() + half) & (LANES - 1)));
    return v[0];
}

INLINE V K(vsqrt)(V x) {
    V r = {};
    for (int l = 0; l < LANES; l++) r[l] = T_BYTES == 4 ? __builtin_sqrtf(x[l]) : __builtin_sqrt(x[l]);
    return r;
}

INLINE V K(power_of_2)(VI n) { return (V)((n + BIAS) << MANTISSA); }
INLINE V K(from_int)(VI n) { return (V)(n + (VI)K(splat)(ROUNDER)) - ROUNDER; } /* small |n| */

/* x = n ln 2 + r with |r| <= ln 2 / 2; returns exp(r) - 1. */
INLINE V K(reduced_expm1)(V x, VI* n) {
    V rounded = x * (T)0x1.71547652b82fep0 + ROUNDER;
    *n = (VI)rounded - (VI)K(splat)(ROUNDER);
    V whole = rounded - ROUNDER;
    V r = (x - whole * LN2_HIGH) - whole * LN2_LOW;
    static const double inverse_factorial[] = {
        1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,
        1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
    };
    V sum = K(splat)((T)inverse_factorial[EXP_TERMS - 2]);
#pragma GCC unroll 16
    for (int k = EXP_TERMS - 3; k >= 0; k--) sum = sum * r + (T)inverse_factorial[k];
    return r + r * r * sum;
}

/* x 2^n in two factors, since 2^n itself may be too large, or subnormal. */
INLINE V K(scale)(V x, VI n) {
#if VECTOR_BYTES == 64 && T_BYTES == 4
    return (V)_mm512_scalef_ps((__m512)x, _mm512_cvtepi32_ps((__m512i)n));
#elif VECTOR_BYTES == 64
    return (V)_mm512_scalef_pd((__m512d)x, _mm512_cvtepi64_pd((__m512i)n));
#else
    VI half = n >> 1;
    return x * K(power_of_2)(half) * K(power_of_2)(n - half);
#endif
}

INLINE V K(vexp)(V x) {
    VI n;
    V p = K(reduced_expm1)(K(clamp)(x, EXP_LOWEST, EXP_HIGHEST), &n);
    return K(scale)(p + 1, n);
}

/* exp(x) - 1, exact to the last bits near 0; beyond -45 and 45 the value there. */
INLINE V K(vexpm1_clamped)(V x) {
    VI n;
    V p = K(reduced_expm1)(K(clamp)(x, -45, 45), &n), scale = K(power_of_2)(n);
    return p * scale + (scale - 1);
}

INLINE V K(vlog)(V x) {
    VI tiny = x < SMALLEST_NORMAL;
    VI bits = (VI)K(select)(tiny, x * (T)((int64_t)1 << (MANTISSA + 1)), x) - (INT)SQRT_HALF_BITS;
    V e = K(from_int)((bits >> MANTISSA) - (tiny & (MANTISSA + 1)));
    V f = (V)((bits & (((INT)1 << MANTISSA) - 1)) + (INT)SQRT_HALF_BITS) - 1; /* x = 2^e (1 + f) */
    V s = f / (f + 2), z = s * s, sum = K(splat)((T)(2.0 / (2 * LOG_TERMS + 1)));
#pragma GCC unroll 16
    for (int k = LOG_TERMS - 1; k >= 1; k--) sum = sum * z + (T)(2.0 / (2 * k + 1));
    V half_square = f * f * (T)0.5; /* log(1 + f) = f - (f^2/2 - s (f^2/2 + z sum)) */
    V r = e * LN2_HIGH - ((half_square - (s * (half_square + z * sum) + e * LN2_LOW)) - f);
    r = K(select)((x != x) | (x == (T)INFINITY), x, r);
    r = K(select)(x < 0, K(splat)((T)NAN), r);
    return K(select)(x == 0, K(splat)(-(T)INFINITY), r);
}

INLINE V K(vexpm1)(V x) { return K(select)(x < 44, K(vexpm1_clamped)(x), K(vexp)(x)); }

/* log(1 + x): the quotient undoes the rounding of 1 + x. */
INLINE V K(vlog1p)(V x) {
    V u = x + 1, d = u - 1;
    return K(select)((d == 0) | (x == (T)INFINITY), x, K(vlog)(u) * (x / d));
}

INLINE V K(vtanh)(V x) {
    V t = K(vexpm1_clamped)(2 * K(vabs)(x));
    V y = t / (t + 2);
    V small = (T)0.5 * t; /* t/(t+2) = t/2 (1 - t/(t+2)): less of the quotient's rounding */
    return K(copysign)(K(select)(t < 1, small - small * y, y), x);
}

INLINE V K(vsigmoid)(V x) {
    V e = K(vexp)(-K(vabs)(x));
    return K(select)(x < 0, e, K(splat)(1)) / (e + 1);
}

#if T_BYTES == 4
/* Chebyshev fits: erf(x)/x in x^2 on [0, 1], log erfc(x) on [1, 4]. */
INLINE V K(verf)(V x) {
    V a = K(clamp)(K(vabs)(x), 0, 4), z = x * x;
    V p = K(splat)(7.882497448008507e-05f);
    p = p * z - 0.0008018855005502701f;
    p = p * z + 0.005189312156289816f;
    p = p * z - 0.02685432881116867f;
    p = p * z + 0.11283597350120544f;
    p = p * z - 0.3761262595653534f;
    p = p * z + 0.1283791670955126f; /* 2/sqrt(pi) - 1: the 1 is added exactly */
    V q = K(splat)(1.6140616025950294e-06f);
    q = q * a - 4.559062290354632e-05f;
    q = q * a + 0.0005927695310674608f;
    q = q * a - 0.004740222357213497f;
    q = q * a + 0.02636471763253212f;
    q = q * a - 0.10997824370861053f;
    q = q * a - 0.6319370865821838f;
    q = q * a - 1.1301666498184204f;
    q = q * a + 0.0003032129898201674f;
    return K(select)(a > 1, K(copysign)(1 - K(vexp)(q), x), x + x * p);
}
#else
INLINE V K(verf)(V x) {
    V r = {};
    for (int l = 0; l < LANES; l++) r[l] = erf(x[l]);
    return r;
}
#endif

/* The normal distribution's probability beyond |x|; *bell = exp(-x^2 / 2). */
#if T_BYTES == 4
INLINE V K(normal_tail)(V x, V* bell) {
    *bell = K(vexp)(x * x * -0.5f);
    V t = 1 /
          (1 + K(vabs)(x) * 0.35355339f); /* a fit of exp(a^2) erfc(a) / t, for a = |x| / sqrt 2 and t = 1/(1 + a/2) */
    V p = K(splat)(-0.059384480118751526f);
    p = p * t + 0.2861153185367584f;
    p = p * t - 0.49039047956466675f;
    p = p * t + 0.2817172706127167f;
    p = p * t - 0.029138896614313126f;
    p = p * t + 0.20374900102615356f;
    p = p * t + 0.2428358793258667f;
    p = p * t + 0.28241202235221863f;
    p = p * t + 0.2820843458175659f;
    return 0.5f * p * t * *bell;
}
#else
INLINE V K(normal_tail)(V x, V* bell) {
    *bell = K(vexp)(x * x * -0.5);
    V r = {};
    for (int l = 0; l < LANES; l++) r[l] = 0.5 * erfc(fabs(x[l]) * 0.70710678118654752440);
    return r;
}
#endif

#undef MANTISSA
#undef BIAS
#undef ROUNDER
#undef SMALLEST_NORMAL
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_LOWEST
#undef EXP_HIGHEST
#undef EXP_TERMS
#undef LOG_TERMS
#undef SQRT_HALF_BITS
