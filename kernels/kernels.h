/* The kernel table: one row per kernel, one table per (ISA, dtype).
 *
 * Kernels are leaves: they never allocate, start threads, or touch Python.
 * A body is written once in a *.inc file and compiled for every row of ISAS x {float, double};
 * drivers (*.c) split the work by index, run it through parallel_for and own the scratch memory. */
#pragma once
#include <stdint.h>

#include "along.h"
#include "blend.h"
#include "conv.h"
#include "conv_pooled.h"
#include "depthwise.h"
#include "elementwise.h"
#include "gemm.h"
#include "layout.h"
#include "loss.h"
#include "machine.h"
#include "norm.h"
#include "optim.h"
#include "pair.h"
#include "pool.h"
#include "recurrent.h"
#include "reduce.h"
#include "winograd.h"

/* name, parameters */
#define KERNELS(X)         \
    ALONG_KERNELS(X)       \
    BLEND_KERNELS(X)       \
    CONV_KERNELS(X)        \
    CONV_POOLED_KERNELS(X) \
    DEPTHWISE_KERNELS(X)   \
    ELEMENTWISE_KERNELS(X) \
    GEMM_KERNELS(X)        \
    LAYOUT_KERNELS(X)      \
    LOSS_KERNELS(X)        \
    MACHINE_KERNELS(X)     \
    NORM_KERNELS(X)        \
    OPTIM_KERNELS(X)       \
    PAIR_KERNELS(X)        \
    POOL_KERNELS(X)        \
    RECURRENT_KERNELS(X)   \
    REDUCE_KERNELS(X)      \
    WINOGRAD_KERNELS(X)

typedef struct kernel_table {
    const char* isa;
    int lanes;                           /* elements per vector register */
    int lane_bytes;                      /* bytes per vector register */
    int panel;                           /* vectors in the widest GEMM panel */
    const struct kernel_table* narrower; /* of the same dtype with shorter vectors and the same operations, or NULL */
#define X(name, parameters) void(*name) parameters;
    KERNELS(X)
#undef X
} kernel_table;

enum { F32 = 0, F64 = 1 };

/* The tables in use, indexed by dtype. */
extern const kernel_table* kernels_active[2];

/* Selects an ISA by name (NULL: the best that this CPU has). Returns 0, or -1 if unknown or unsupported. */
int kernels_select(const char* isa);

/* The i-th ISA that this CPU can run, best first, or NULL past the end. */
const char* kernels_isa(int i);
