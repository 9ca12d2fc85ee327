/* Transforms of pictures; see picture.h. Tasks are images, parts of their rows, or their channels. */
#include "picture.h"

#include <math.h>
#include <stddef.h>

#include "memory.h"
#include "parallel.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 4")
enum { PART = 64, ROWS = 16, SMALL = 16384 }; /* columns and rows worked on together; pixels that need no team */

typedef struct {
    const picture_shape* s;
    const void* x;
    void* y;
    const double* maps;
    float fill;
} warp_job;

typedef struct {
    const picture_shape* s;
    const void* x;
    void* y;
    const picture_taps *rows, *cols;
    float* scratch;
} resample_job;

typedef struct {
    const picture_shape* s;
    const void* x;
    void* y;
    const float* changes;
    float top;
} adjust_job;

/* A coordinate, moved next to the picture if it is far away, so that it fits an integer; NaN becomes -2. */
INLINE double within(double x, int64_t size) { return x > -2 ? (x < (double)size + 1 ? x : (double)size + 1) : -2; }
INLINE float least(float a, float b) { return a < b ? a : b; } /* one instruction; fminf is a call */
INLINE float most(float a, float b) { return a > b ? a : b; }
INLINE float kept(float v, float top) { return least(most(v, 0), top); }
INLINE float luminance(float r, float g, float b) { return 0.299f * r + 0.587f * g + 0.114f * b; } /* BT.601 */
INLINE uint8_t rounded(float v) { return (uint8_t)lrintf(kept(v, 255)); }

/* The hue of an RGB colour, turned by `turn` (-3..3) of the six sides of the HSV hexagon. */
INLINE void turn_hue(float* v, float turn) {
    float high = most(v[0], most(v[1], v[2])), spread = high - least(v[0], least(v[1], v[2]));
    int red = high == v[0], green = high == v[1]; /* selections, not branches: neighbours differ */
    float from = red ? v[1] - v[2] : green ? v[2] - v[0] : v[0] - v[1];
    float side = from / (spread > 0 ? spread : 1) + turn + (red ? 0.0f : green ? 2.0f : 4.0f);
    side += side < 0 ? 6.0f : 0.0f;
    side -= side >= 6 ? 6.0f : 0.0f;
    UNROLL for (int c = 0; c < 3; c++) {
        float k = side + (float)(5 - 2 * c);
        k -= k >= 6 ? 6.0f : 0.0f;
        v[c] = high - spread * kept(least(k, 4 - k), 1);
    }
}

#define PIXEL uint8_t
#define P(name) name##_u8
#define STORE(v) rounded(v)
#include "picture.inc"
#undef PIXEL
#undef P
#undef STORE
#define PIXEL float
#define P(name) name##_f32
#define STORE(v) (v)
#include "picture.inc"

static int threads_for(const picture_shape* s) {
    return s->N * s->C * (s->P * s->Q + s->H * s->W) < SMALL ? 1 : parallel_threads();
}

void picture_warp(const picture_shape* s, const void* x, const double* maps, float fill, void* y) {
    warp_job j = {s, x, y, maps, fill};
    parallel_for(threads_for(s), s->N * ((s->P + ROWS - 1) / ROWS), s->bytes ? warp_u8 : warp_f32, &j);
}

int picture_resample(const picture_shape* s, const void* x, const picture_taps* rows, const picture_taps* cols,
                     void* y) {
    int threads = threads_for(s);
    resample_job j = {s, x, y, rows, cols, memory_allocate(sizeof(float) * (size_t)(threads * s->W))};
    if (j.scratch == NULL) return -1;
    parallel_for(threads, s->N * s->C, s->bytes ? resample_u8 : resample_f32, &j);
    memory_release(j.scratch);
    return 0;
}

void picture_adjust(const picture_shape* s, const void* x, const float* changes, float top, void* y) {
    adjust_job j = {s, x, y, changes, top};
    parallel_for(threads_for(s), s->N, s->bytes ? adjust_u8 : adjust_f32, &j);
}
