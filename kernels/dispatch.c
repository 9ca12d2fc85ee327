/* Chooses the kernel tables by what the CPU can run. */
#include <stddef.h>
#include <string.h>

#include "kernels.h"

extern const kernel_table table_f32_base, table_f64_base;
#if defined(__x86_64__)
extern const kernel_table table_f32_avx2, table_f64_avx2;
extern const kernel_table table_f32_avx512, table_f64_avx512;

static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static int has_avx512(void) {
#ifdef EMULATE_AVX512
    return has_avx2();
#else
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && has_avx2();
#endif
}
#endif
static int always(void) { return 1; }

static const struct {
    const char* name;
    int (*supported)(void);
    const kernel_table* tables[2];
} isas[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, {&table_f32_avx512, &table_f64_avx512}},
    {"avx2", has_avx2, {&table_f32_avx2, &table_f64_avx2}},
#endif
    {"base", always, {&table_f32_base, &table_f64_base}},
};
enum { ISA_COUNT = sizeof isas / sizeof isas[0] };

const kernel_table* kernels_active[2] = {&table_f32_base, &table_f64_base};

const char* kernels_isa(int wanted) {
    for (int i = 0; i < ISA_COUNT; i++)
        if (isas[i].supported() && wanted-- == 0) return isas[i].name;
    return NULL;
}

int kernels_select(const char* name) {
    for (int i = 0; i < ISA_COUNT; i++)
        if (isas[i].supported() && (!name || !strcmp(name, isas[i].name))) {
            kernels_active[F32] = isas[i].tables[F32];
            kernels_active[F64] = isas[i].tables[F64];
            return 0;
        }
    return -1;
}
