/* Matrix multiplication: one batch-reduce panel kernel, which convolution shares, and a packing copy.
 *
 * A panel is `vectors` registers wide (1, 2, 3 or the table's `panel`; in strips not 3); B is read row by row at pitch
 * ldb, so packed panels and plain rows both serve. A is broadcast element by element, from where it lies or from a
 * copy. Every output is a chain of multiply-adds in ascending k, whatever the tile, added to C if wanted: blocking rows
 * or columns changes no bits. gemm_dot has one chain per lane; it is chosen by the shape alone. */
#pragma once
#include <stdint.h>

#include "memory.h"
#include "norm.h"

/* One term of a batch-reduce sum: C += A (m x k) B (k x n). */
typedef struct {
    const void *a, *b;
    int64_t k;
} gemm_segment;

enum {
    GEMM_ADD = 1,           /* C += instead of C = */
    GEMM_RELU = 2,          /* max(0, .) on the way out */
    GEMM_SIX = 16,          /* and at most 6; only with GEMM_RELU */
    GEMM_TRANS_A = 4,       /* A is k x m: element (i, k) at a[i + k lda], else at a[i lda + k] */
    GEMM_STRIPS = 8,        /* A is in strips of gemm_strip_rows rows, each k x rows; one segment */
    GEMM_BIAS_OF_ROWS = 32, /* the bias is of m values */
    GEMM_FAR_APART = 64,    /* with GEMM_TRANS_A: on so long a pitch that A has to be fetched; nothing else is */
    GEMM_ONTO = 128,        /* sums start from C, whole vectors of it: with the bits of one sum */
};

/* What to bring into the cache meanwhile, so many bytes at each step of a tile's sum; `from` may be NULL. */
typedef struct {
    const void* from;
    int64_t step;
} gemm_ahead;

typedef struct {
    int64_t m, n; /* rows, and columns to write */
    int vectors;  /* of a panel; if n takes several, each tile of rows meets all of them in turn */
    int flags;
    const gemm_segment* segments;
    int64_t count;
    int64_t lda, ldb, ldc; /* in elements */
    int64_t panel_step;    /* elements from one panel of B to the next */
    void* c;
    const void* bias; /* n values that C starts from, or NULL for zeros; unused with GEMM_ADD */
    /* The second with GEMM_TRANS_A; or else both begin anew with each tile, 128 bytes on with every other. */
    gemm_ahead ahead[2];
} gemm_panel_args;

/* C = A B and nothing else: B is in panels as gemm_pack lays them out, n whole vectors wide. */
typedef struct {
    int64_t m, n, k;
    const void *a, *b;
    void* c;
    int64_t lda, ldc;    /* in elements */
    gemm_ahead ahead[2]; /* only the first of a single vector of columns */
} gemm_plain_args;

/* Rows of A by rows of B, both contiguous along k and read in place. C is m x n. */
typedef struct {
    int64_t m, n, k;
    const void *a, *b, *bias;
    void* c;
    int64_t lda, ldb, ldc;
    int relu;
} gemm_dot_args;

/* Few rows of A by B, contiguous along n: reads B once, in place, four rows at a time. C is m x n and stays in L1. */
enum { GEMM_FEW = 4 };
typedef struct {
    int64_t m, n, k;
    const void *a, *b, *bias;
    void* c;
    int64_t a_rows, a_columns, ldb, ldc; /* strides */
    int relu;
} gemm_few_args;

/* Short sums, for a C whose rows lie one after another: vectors go on from row to row. b has each row of B once for
 * each of the `repeats` rows of C after which they begin with a vector again, `ldb` apart; then, if `bias`, what sums
 * start with. */
enum { GEMM_SHORT = 8 }; /* terms at most */
typedef struct {
    int64_t m, n, k, repeats; /* n: at least a vector */
    const void *a, *b;
    void* c;
    int64_t a_rows, a_columns, ldb; /* strides */
    int relu, bias;
} gemm_flat_args;

/* dst[i * ld + j] = src[i * row_stride + j * column_stride] for j < columns, and zero up to `width`. */
#define COPY_2D_PARAMETERS                                                                                   \
    (const void* src_, int64_t row_stride, int64_t column_stride, int64_t rows, int64_t columns, void* dst_, \
     int64_t ld, int64_t width)

/* `rows` x `columns` of B into panels of up to `widest` vectors, one after another. */
#define GEMM_PACK_PARAMETERS \
    (const void* src_, int64_t row_stride, int64_t column_stride, int64_t rows, int64_t columns, int widest, void* dst_)

/* A transposed chunk of A, k rows of m, into strips. */
#define GEMM_STRIPS_PARAMETERS (const void* src_, int64_t pitch, int64_t m, int64_t k, void* dst_)

#define GEMM_KERNELS(X)                       \
    X(gemm_panel, (const gemm_panel_args* g)) \
    X(gemm_plain, (const gemm_plain_args* g)) \
    X(gemm_dot, (const gemm_dot_args* d))     \
    X(gemm_few, (const gemm_few_args* f))     \
    X(gemm_flat, (const gemm_flat_args* f))   \
    X(gemm_pack, GEMM_PACK_PARAMETERS)        \
    X(gemm_strips, GEMM_STRIPS_PARAMETERS)    \
    X(copy_2d, COPY_2D_PARAMETERS)

/* The flags of an activation: 0 is none, 6 a ReLU that ends at 6. */
static inline int gemm_activation(int relu) { return relu == 6 ? GEMM_RELU | GEMM_SIX : relu ? GEMM_RELU : 0; }

/* Height of the tallest tile of so many vectors: what the registers hold. */
static inline int gemm_tallest(int vectors, int panel) {
    if (panel == 2) return 12 / vectors;
    return vectors < 3 ? 12 : vectors == 3 ? 8 : 6;
}

/* Height of the tile that starts with `left` rows to go. What is left over is split evenly: low tiles keep FMA units
 * waiting. */
static inline int64_t gemm_tile_rows(int64_t left, int tallest) {
    return left >= 2 * tallest ? tallest : left > tallest ? (left + 1) / 2 : left;
}

/* The same of strips. */
static inline int gemm_strip_rows(int64_t left) {
    return left > 8 || left == 6 ? 6 : left == 5 ? 3 : left >= 4 ? 4 : (int)left;
}

/* Width in vectors of the panel that starts with `left` columns to go: the usual one; with widest = 3, and not 2, three
 * where one would be left alone. */
static inline int gemm_vectors(int64_t left, int lanes, int panel, int widest) {
    const int64_t vectors = (left + lanes - 1) / lanes;
    if (vectors <= 3 && vectors <= widest) return (int)vectors;
    return vectors == panel + 1 && widest == 3 ? 3 : vectors >= panel ? panel : 2;
}

/* The same for a B that is read from afar: so narrow that tiles are high and few, so each panel is passed seldom. */
enum { GEMM_FAR_PANEL = 3 };
static inline int gemm_far_vectors(int64_t left, int lanes) {
    const int64_t vectors = (left + lanes - 1) / lanes;
    return vectors == GEMM_FAR_PANEL + 1 ? 2 : vectors < GEMM_FAR_PANEL ? (int)vectors : GEMM_FAR_PANEL;
}

struct kernel_table;

/* A matrix by strides, in elements; of a batch, by the strides of up to GEMM_MAX_BATCH_DIMS leading axes. */
enum { GEMM_MAX_BATCH_DIMS = 64 };
typedef struct {
    const void* data;
    int64_t rows, columns; /* strides */
    const int64_t* batch;  /* strides */
} gemm_matrix;

typedef struct {
    int64_t m, n, k;
    gemm_matrix a, b;
    void* c; /* batches one after another, m * ldc apart */
    int64_t ldc;
    const void* bias; /* n values, or NULL */
    int relu;
    int packs; /* panels of B serve few rows, too: it is a weight, whose panels may be kept */
    int alone; /* on the calling thread, whatever the size */
    int batch_dims;
    const int64_t* batch_shape;
    memory_kept* kept; /* where to find or leave a packed B; NULL: packed anew. Not for batches */
    norm_tally* tally; /* of C's rows, or NULL; blocks tell of it. Not for batches */
} gemm_problem;

typedef enum { GEMM_DOTS, GEMM_ROWS, GEMM_BLOCKS } gemm_algorithm;

/* Which algorithm runs, and why. Shapes and strides alone decide. */
gemm_algorithm gemm_choose(const struct kernel_table* table, const gemm_problem* problem, const char** reason);
const char* gemm_algorithm_name(gemm_algorithm algorithm);

/* C = act(A B + bias). Returns 0, or -1 when out of memory. */
int gemm(const struct kernel_table* t, const gemm_problem* problem);

/* Packs B into problem->kept ahead of products on several threads; m, a and c do not matter. Returns 0 or -1. */
int gemm_keep(const struct kernel_table* t, const gemm_problem* problem);

enum { GEMM_MAX_PANEL_BYTES = 256 };

/* Width in vectors of the panel that starts with `left` columns to go, three only if that is the usual width. */
int gemm_panel_vectors(const struct kernel_table* t, int64_t left);
