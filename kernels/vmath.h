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
#define LOG10_2_HIGH 0x1.34p-2f
#define LOG10_2_LOW 0x1.04d428p-12f
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
#define LOG10_2_HIGH 0x1.34413509p-2
#define LOG10_2_LOW 0x1.ef3fde623e256p-35
#define EXP_LOWEST -746.0
#define EXP_HIGHEST 710.0
#define EXP_TERMS 13
#define LOG_TERMS 11
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcd
#endif

/* Whether there are instructions for 64 bytes: not where that instance is emulated. */
#undef AVX512
#if VECTOR_BYTES == 64 && !defined(EMULATE_AVX512)
#define AVX512 1
#else
#define AVX512 0
#endif

/* Signed integers as wide as T: masks, exponents, indices. */
typedef INT VI __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(1)));

INLINE VI K(isplat)(INT i) { return i - (VI){}; }
INLINE V K(select)(VI mask, V yes, V no) { return (V)((mask & (VI)yes) | (~mask & (VI)no)); }
INLINE V K(vabs)(V x) { return (V)((VI)x & ~((VI) - (V){})); }
INLINE V K(copysign)(V x, V sign) { return (V)((VI)K(vabs)(x) | ((VI)sign & (VI) - (V){})); }
/* One instruction each: the larger (smaller) of a and b, b if either is NaN. */
#if AVX512 && T_BYTES == 4
INLINE V K(max_or_second)(V a, V b) { return (V)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm512_min_ps((__m512)a, (__m512)b); }
#elif AVX512
INLINE V K(max_or_second)(V a, V b) { return (V)_mm512_max_pd((__m512d)a, (__m512d)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm512_min_pd((__m512d)a, (__m512d)b); }
#elif VECTOR_BYTES == 32 && T_BYTES == 4
INLINE V K(max_or_second)(V a, V b) { return (V)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm256_min_ps((__m256)a, (__m256)b); }
#elif VECTOR_BYTES == 32
INLINE V K(max_or_second)(V a, V b) { return (V)_mm256_max_pd((__m256d)a, (__m256d)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm256_min_pd((__m256d)a, (__m256d)b); }
#elif VECTOR_BYTES == 16 && defined(__SSE2__) && T_BYTES == 4
INLINE V K(max_or_second)(V a, V b) { return (V)_mm_max_ps((__m128)a, (__m128)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm_min_ps((__m128)a, (__m128)b); }
#elif VECTOR_BYTES == 16 && defined(__SSE2__)
INLINE V K(max_or_second)(V a, V b) { return (V)_mm_max_pd((__m128d)a, (__m128d)b); }
INLINE V K(min_or_second)(V a, V b) { return (V)_mm_min_pd((__m128d)a, (__m128d)b); }
#else
INLINE V K(max_or_second)(V a, V b) { return K(select)(a > b, a, b); }
INLINE V K(min_or_second)(V a, V b) { return K(select)(a < b, a, b); }
#endif
/* Per lane yes where a > b, no elsewhere. */
#if AVX512 && T_BYTES == 4
INLINE VI K(if_larger)(V a, V b, VI yes, VI no) {
    return (VI)_mm512_mask_mov_epi32((__m512i)no, _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ), (__m512i)yes);
}
#elif AVX512
INLINE VI K(if_larger)(V a, V b, VI yes, VI no) {
    return (VI)_mm512_mask_mov_epi64((__m512i)no, _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_GT_OQ), (__m512i)yes);
}
#else
INLINE VI K(if_larger)(V a, V b, VI yes, VI no) { return (VI)K(select)(a > b, (V)yes, (V)no); }
#endif
INLINE V K(vmax)(V a, V b) { return K(select)(a != a, a, K(max_or_second)(a, b)); } /* NaN if either is */
INLINE V K(vmin)(V a, V b) { return K(select)(a != a, a, K(min_or_second)(a, b)); }
/* max(x, 0) that keeps NaN. */
INLINE V K(vrelu)(V x) { return K(max_or_second)((V){}, x); }
/* What follows a product: relu is 0, 1 or, for a ReLU that ends at 6, 6. */
INLINE V K(activated)(V x, int relu) {
    if (relu) x = K(vrelu)(x);
    return relu == 6 ? K(min_or_second)(K(splat)(6), x) : x;
}
/* Of a deviation from the mean. */
INLINE V K(affine)(V d, V scale, V shift) { return d * scale + shift; }
INLINE V K(clamp)(V x, T low, T high) { return K(min_or_second)(K(splat)(high), K(max_or_second)(K(splat)(low), x)); }

/* Whether a mask holds in any lane. */
#if AVX512
INLINE int K(any)(VI mask) { return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0; }
#elif VECTOR_BYTES == 32
INLINE int K(any)(VI mask) { return !_mm256_testz_si256((__m256i)mask, (__m256i)mask); }
#else
INLINE int K(any)(VI mask) {
    INT all = 0;
    for (int l = 0; l < LANES; l++) all |= mask[l];
    return all != 0;
}
#endif
#if AVX512 && T_BYTES == 4
INLINE int K(any_nan)(V x) { return _mm512_cmp_ps_mask((__m512)x, (__m512)x, _CMP_UNORD_Q) != 0; }
#elif AVX512
INLINE int K(any_nan)(V x) { return _mm512_cmp_pd_mask((__m512d)x, (__m512d)x, _CMP_UNORD_Q) != 0; }
#else
INLINE int K(any_nan)(V x) { return K(any)(x != x); }
#endif

/* The first n < LANES elements at p, zeros behind them; and the reverse. Nothing outside is touched. */
#if AVX512 && T_BYTES == 4
INLINE V K(load_part)(const T* p, int64_t n) { return (V)_mm512_maskz_loadu_ps((1u << n) - 1, p); }
INLINE void K(store_part)(T* p, V v, int64_t n) { _mm512_mask_storeu_ps(p, (1u << n) - 1, (__m512)v); }
#elif AVX512
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

/* exp(r) - 1 for |r| <= ln 2 / 2. */
INLINE V K(series_expm1)(V r) {
    static const double inverse_factorial[] = {
        1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,
        1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
    };
    V sum = K(splat)((T)inverse_factorial[EXP_TERMS - 2]);
#pragma GCC unroll 16
    for (int k = EXP_TERMS - 3; k >= 0; k--) sum = sum * r + (T)inverse_factorial[k];
    return r + r * r * sum;
}

/* x = n ln 2 + r with |r| <= ln 2 / 2; returns exp(r) - 1. */
INLINE V K(reduced_expm1)(V x, VI* n) {
    V rounded = x * (T)0x1.71547652b82fep0 + ROUNDER;
    *n = (VI)rounded - (VI)K(splat)(ROUNDER);
    V whole = rounded - ROUNDER;
    return K(series_expm1)((x - whole * LN2_HIGH) - whole * LN2_LOW);
}

/* x 2^n in two factors, since 2^n itself may be too large, or subnormal. */
INLINE V K(scale)(V x, VI n) {
#if AVX512 && T_BYTES == 4
    return (V)_mm512_scalef_ps((__m512)x, _mm512_cvtepi32_ps((__m512i)n));
#elif AVX512
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

/* exp(x) / 2, which overflows later than exp(x). */
INLINE V K(vexp_half)(V x) {
    VI n;
    V p = K(reduced_expm1)(K(clamp)(x, EXP_LOWEST, EXP_HIGHEST + 1), &n);
    return K(scale)(p + 1, n - 1);
}

INLINE V K(vexp2)(V x) {
    V v = K(clamp)(x, -MANTISSA - BIAS - 2, BIAS + 2), rounded = v + ROUNDER;
    V p = K(series_expm1)((v - (rounded - ROUNDER)) * (T)0x1.62e42fefa39efp-1);
    return K(scale)(p + 1, (VI)rounded - (VI)K(splat)(ROUNDER));
}

/* exp(x) - 1, exact to the last bits near 0; beyond -45 and 45 the value there. */
INLINE V K(vexpm1_clamped)(V x) {
    VI n;
    V p = K(reduced_expm1)(K(clamp)(x, -45, 45), &n), scale = K(power_of_2)(n);
    return p * scale + (scale - 1);
}

/* x = 2^e (1 + f) with 1 + f between sqrt(1/2) and sqrt(2). */
INLINE V K(exponent_of)(V x, V* f) {
    VI tiny = x < SMALLEST_NORMAL;
    VI bits = (VI)K(select)(tiny, x * (T)((int64_t)1 << (MANTISSA + 1)), x) - (INT)SQRT_HALF_BITS;
    *f = (V)((bits & (((INT)1 << MANTISSA) - 1)) + (INT)SQRT_HALF_BITS) - 1;
    return K(from_int)((bits >> MANTISSA) - (tiny & (MANTISSA + 1)));
}

/* log(1 + f) = f - (f^2/2 - s (f^2/2 + z sum)); returns the last product, *half_square = f^2/2. */
INLINE V K(log_series)(V f, V* half_square) {
    V s = f / (f + 2), z = s * s, sum = K(splat)((T)(2.0 / (2 * LOG_TERMS + 1)));
#pragma GCC unroll 16
    for (int k = LOG_TERMS - 1; k >= 1; k--) sum = sum * z + (T)(2.0 / (2 * k + 1));
    *half_square = f * f * (T)0.5;
    return s * (*half_square + z * sum);
}

/* r, but where x is no positive number what a logarithm is there. */
INLINE V K(log_elsewhere)(V x, V r) {
    r = K(select)((x != x) | (x == (T)INFINITY), x, r);
    r = K(select)(x < 0, K(splat)(NAN), r);
    return K(select)(x == 0, K(splat)(-(T)INFINITY), r);
}

INLINE V K(vlog)(V x) {
    V f, half_square, e = K(exponent_of)(x, &f), product = K(log_series)(f, &half_square);
    return K(log_elsewhere)(x, e * LN2_HIGH - ((half_square - (product + e * LN2_LOW)) - f));
}

/* The logarithm to another base, from the base's logarithms of 2 (in two parts) and of e. */
INLINE V K(log_to_base)(V x, T two, T two_low, T one) {
    V f, half_square, e = K(exponent_of)(x, &f), product = K(log_series)(f, &half_square);
    return K(log_elsewhere)(x, e * two + ((f - (half_square - product)) * one + e * two_low));
}
INLINE V K(vlog2)(V x) { return K(log_to_base)(x, 1, 0, (T)0x1.71547652b82fep0); }
INLINE V K(vlog10)(V x) { return K(log_to_base)(x, LOG10_2_HIGH, LOG10_2_LOW, (T)0x1.bcb7b1526e50ep-2); }

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

INLINE V K(vsinh)(V x) {
    V a = K(vabs)(x), t = K(vexpm1_clamped)(a), e = K(vexp_half)(a);
    return K(copysign)(K(select)(a < 1, (T)0.5 * (t + t / (t + 1)), e - (T)0.25 / e), x);
}

INLINE V K(vcosh)(V x) {
    V e = K(vexp_half)(K(vabs)(x));
    return e + (T)0.25 / e;
}

/* Beyond `large` the square root is x itself, and its square might overflow. */
INLINE V K(vasinh)(V x) {
    const T large = T_BYTES == 4 ? 0x1p13f : 0x1p28;
    V a = K(vabs)(x), square = a * a;
    V y = K(vlog1p)(a + square / (1 + K(vsqrt)(square + 1)));
    return K(copysign)(K(select)(a > large, K(vlog)(a) + (T)0x1.62e42fefa39efp-1, y), x);
}

INLINE V K(vacosh)(V x) {
    const T large = T_BYTES == 4 ? 0x1p13f : 0x1p28;
    V t = x - 1, y = K(vlog1p)(t + K(vsqrt)(t * (t + 2)));
    y = K(select)(x > large, K(vlog)(x) + (T)0x1.62e42fefa39efp-1, y);
    return K(select)(x < 1, K(splat)(NAN), y);
}

INLINE V K(vatanh)(V x) {
    V a = K(vabs)(x);
    return K(copysign)((T)0.5 * K(vlog1p)(2 * a / (1 - a)), x);
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

/* Angles and powers: in float from fits and double-width steps, in double by libm. */
#if T_BYTES == 4
#define PI_2_LOW -4.3711388e-8f /* pi/2 less its nearest float */

/* The angle of the slope y / x, both at least 0: of the slope itself, of (y - x) / (y + x), or of -x / y. */
INLINE V K(slope_angle)(V y, V x) {
    VI steep = y > x * 2.4142136f, middle = y > x * 0.41421357f;
    V t = K(select)(steep, -x, K(select)(middle, y - x, y)) / K(select)(steep, y, K(select)(middle, y + x, x));
    V z = t * t, p = K(splat)(-0.0646287351846695f);
    p = p * z + 0.10747671872377396f;
    p = p * z - 0.1426439881324768f;
    p = p * z + 0.19999556243419647f;
    p = p * z - 0.3333333134651184f;
    V turned = (V)((steep | middle) & (VI)K(select)(steep, K(splat)(1), K(splat)(0.5f)));
    return turned * 1.5707964f + (t + (t * z * p + turned * PI_2_LOW));
}
INLINE V K(vatan)(V x) { return K(copysign)(K(slope_angle)(K(vabs)(x), K(splat)(1)), x); }

INLINE V K(vatan2)(V y, V x) {
    V a = K(vabs)(y), b = K(vabs)(x);
    VI huge = (a > 0x1p120f) | (b > 0x1p120f), infinite = (a == INFINITY) & (b == INFINITY);
    V size = K(select)(huge, K(splat)(0x1p-8f), K(splat)(1)); /* a + b may not overflow */
    a = K(select)(infinite, K(splat)(1), a * size), b = K(select)(infinite, K(splat)(1), b * size);
    V r = K(select)((a == 0) & (b == b), K(splat)(0), K(slope_angle)(a, b));
    return K(copysign)(K(select)((VI)x < 0, 3.1415927f - (r - 2 * PI_2_LOW), r), y);
}

/* asin of a number in [0, 1] that is `small` (up to 1/2), else half of its distance from pi/2. */
INLINE V K(arc)(V a, VI small) {
    V z = K(select)(small, a * a, (1 - a) * 0.5f), s = K(select)(small, a, K(vsqrt)(z));
    V p = K(splat)(0.03392115235328674f);
    p = p * z + 0.017005736008286476f;
    p = p * z + 0.031131932511925697f;
    p = p * z + 0.04459662362933159f;
    p = p * z + 0.07500103116035461f;
    p = p * z + 0.1666666567325592f;
    return s + s * z * p;
}
INLINE V K(vasin)(V x) {
    V a = K(vabs)(x);
    VI small = a <= 0.5f;
    V r = K(arc)(a, small);
    return K(copysign)(K(select)(small, r, 1.5707964f - (2 * r - PI_2_LOW)), x);
}
INLINE V K(vacos)(V x) {
    V a = K(vabs)(x);
    VI small = a <= 0.5f;
    V r = K(arc)(a, small), near = K(select)(x < 0, 3.1415927f - (2 * r - 2 * PI_2_LOW), 2 * r);
    return K(select)(small, 1.5707964f - (K(copysign)(r, x) - PI_2_LOW), near);
}

/* What a b is more than its rounded value p, from products of half as many bits, which are exact. */
INLINE V K(product_rest)(V a, V b, V p) {
    V a_high = (V)((VI)a & ~0xfff), b_high = (V)((VI)b & ~0xfff), a_low = a - a_high, b_low = b - b_high;
    return ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
}

/* exp(y log|x|), the logarithm in two parts, its error below 2^-31 of it. Signs follow if y is whole. What
 * overflows, underflows or starts from 0, subnormal numbers or infinities goes to libm. */
INLINE V K(vpow)(V x, V y) {
    V a = K(vabs)(x), f, e = K(exponent_of)(a, &f), d = f + 2, s = f / d;
    V s_low = -(K(product_rest)(s, d, f) + s * (f - (d - 2))) / d; /* what f / (f + 2) is more than s */
    V z = s * s, sum = K(splat)(2.0f / 11);
    sum = sum * z + 2.0f / 9;
    sum = sum * z + 2.0f / 7;
    sum = sum * z + 2.0f / 5;
    sum = sum * z + 2.0f / 3;
    V whole = e * LN2_HIGH, high = whole + 2 * s;
    V low = (2 * s - (high - whole)) + (2 * s_low + (s * z * sum + e * LN2_LOW));
    V log = high + low, p = y * log;
    V rest = K(product_rest)(y, log, p) + y * (low - (log - high));
    V r = K(vexp)(p);
    r += r * rest;
    V rounded = y + ROUNDER;
    VI odd = (VI)rounded << 31, negative = x < 0;
    VI is_whole = rounded - ROUNDER == y;
    r = K(select)(negative, K(select)(is_whole, (V)((VI)r ^ odd), K(splat)(NAN)), r);
    VI rare = ~((a >= SMALLEST_NORMAL) & (a < INFINITY) & (K(vabs)(p) < 87)) | (negative & (K(vabs)(y) > 0x1p22f));
    if (K(any)(rare))
        for (int l = 0; l < LANES; l++)
            if (rare[l]) r[l] = powf(x[l], y[l]);
    return r;
}
#undef PI_2_LOW
#else
#define LIBM(name)                                         \
    INLINE V K(v##name)(V x) {                             \
        for (int l = 0; l < LANES; l++) x[l] = name(x[l]); \
        return x;                                          \
    }
#define LIBM2(name)                                              \
    INLINE V K(v##name)(V x, V y) {                              \
        for (int l = 0; l < LANES; l++) x[l] = name(x[l], y[l]); \
        return x;                                                \
    }
LIBM(atan)
LIBM(asin)
LIBM(acos)
LIBM2(atan2)
LIBM2(pow)
#undef LIBM2
#endif

#undef MANTISSA
#undef BIAS
#undef ROUNDER
#undef SMALLEST_NORMAL
#undef LN2_HIGH
#undef LN2_LOW
#undef LOG10_2_HIGH
#undef LOG10_2_LOW
#undef EXP_LOWEST
#undef EXP_HIGHEST
#undef EXP_TERMS
#undef LOG_TERMS
#undef SQRT_HALF_BITS
