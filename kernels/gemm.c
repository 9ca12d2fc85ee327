/* Matrix multiplication driver: blocks of C, each with its own packed copies, through the panel kernel. */
#include "gemm.h"

#include <stdatomic.h>
#include <string.h>

#include "kernels.h"
#include "memory.h"
#include "parallel.h"

enum {
    K_BLOCK = 640,            /* of the reduction: a panel of B fits in L1, if wide in L2, a chunk of A in L2 */
    K_BLOCK_NARROW = 256,     /* the same of narrow panels and columns of A, of which a cache line serves two tiles */
    N_BLOCK_BYTES = 4096,     /* of a row of B: a packed block (x K_BLOCK) fits in L3, all of A is read per block */
    N_BLOCK_PANELS = 4,       /* at least so wide if work is shared out: each block reads all of A */
    PACK_PANELS = 2,          /* of B at a time if a single chunk of A uses them: they stay in L2 */
    M_CHUNK = 96,             /* rows of A that are used by all panels in turn: they stay in L2 */
    M_CHUNK_WIDE = 288,       /* the same with AVX-512, whose tiles ask twice as often for B, which lies in L3 */
    SMALL = 128,              /* columns and steps of what needs no blocks */
    M_BLOCK = 4096,           /* rows per task: each task packs its block of B for itself */
    M_BLOCK_LEAST = 48,       /* and at least */
    TASKS_PER_THREAD = 4,     /* so that threads finish together */
    IN_PLACE_BYTES = 16384,   /* up to here B is used where it is: it fits in L1 */
    IN_PLACE_ROWS = 24,       /* and for so few rows, which do not repay a copy */
    IN_PLACE_ROWS_WIDE = 160, /* the same with the tiles of AVX-512: twice as fast, a copy takes as long; but with */
    IN_PLACE_ROWS_LONG = 32,  /* a transposed A and longer sums than */
    IN_PLACE_STEPS = 96,      /* this, tiles wait for each row of B */
    FAR_BYTES = 1 << 20,      /* of B in place, which no longer stay in L2: panels of three vectors and */
    K_BLOCK_FAR = 128,        /* so many rows stay in L1, the next one is fetched meanwhile */
    NEAR_BYTES = 24576,       /* of panels that each tile of rows meets in turn: they stay in L1 */
    STACK_BYTES = 16384,      /* packs this small need no memory of the pool */
    PARALLEL_WORK = 1 << 17,  /* multiply-adds below which waking threads costs more than it gains */
    FAR_STEPS = 128,          /* in longer sums A is fetched along a column: hardware does not cross pages */
    TURNED_ROWS = 128,        /* up to here C^T is computed, if that spares transposing the larger matrix */
    TURNED_COLUMNS = 32,      /* the same, for so many columns of a transposed A */
    DOT_ROWS = 12,            /* up to here, dot products beat packing a transposed B */
    DOT_LENGTH = 64,          /* if they are at least so long, for more than GEMM_FEW rows */
    DOT_BLOCK = 64,           /* columns per task of dot products */
    FEW_ROWS = 6,             /* up to here B streams by once, if it has so many columns and elements: */
    FEW_COLUMNS = 64,
    FEW_B = 4096,
    SHORT_SUM = GEMM_SHORT, /* up to here C streams by once, if it has FEW_COLUMNS */
    FLAT_BYTES = 24576,     /* of B, repeated for vectors that go on from row to row: stays in L1 */
    ACROSS_COLUMNS = 256,   /* with so many, rows one at a time repay their calls */
    FEW_BYTES = 16384       /* of C, or of B in short sums, per task of few rows: stays in L1 */
};

/* How A is read. */
enum { ROWS_IN_PLACE, COLUMNS_IN_PLACE, ROWS_COPIED, STRIPS_COPIED };

typedef struct {
    const kernel_table* t;
    const gemm_problem* p;
    const char *a, *b;
    char* c;
    char* scratch; /* per thread: a packed block of B, a chunk of A, a block of C that is turned */
    char* kept;    /* all of B packed, [k_block][panel][k][width], or NULL */
    int64_t packed_bytes, turned_bytes, scratch_bytes;
    int64_t m_block, n_block, k_block, m_chunk, pack_block, n_tasks;
    int64_t in_place; /* leading columns of B that are read where they are */
    int order, size;
    int far;    /* B, in place, is larger than L2 */
    int turned; /* blocks go to C transposed when they are done; the bias is of rows */
} gemm_run;

static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t round_up(int64_t x, int64_t step) { return ceil_div(x, step) * step; }

int gemm_panel_vectors(const kernel_table* t, int64_t left) { return gemm_vectors(left, t->lanes, t->panel, 2); }

/* Strips are as high as the tile of the usual panel. */
static int widest(const gemm_run* r) { return r->order == STRIPS_COPIED ? 2 : 3; }
static int panel_vectors(const gemm_run* r, int64_t left) {
    if (r->far) return gemm_far_vectors(left, r->t->lanes);
    return gemm_vectors(left, r->t->lanes, r->t->panel, widest(r));
}

/* A chunk of A in the order that the panel kernel wants: sets where, its pitch and flags. */
static void place_a(const gemm_run* r, const char* a, int64_t m, int64_t kc, char* copy, gemm_segment* segment,
                    gemm_panel_args* g) {
    const gemm_problem* p = r->p;
    segment->a = r->order < ROWS_COPIED ? a : copy;
    g->lda = r->order == ROWS_IN_PLACE ? p->a.rows : r->order == COLUMNS_IN_PLACE ? p->a.columns : K_BLOCK + 16;
    g->flags = r->order == COLUMNS_IN_PLACE ? GEMM_TRANS_A : r->order == STRIPS_COPIED ? GEMM_STRIPS : 0;
    if (r->order == COLUMNS_IN_PLACE && kc > FAR_STEPS) g->flags |= GEMM_FAR_APART;
    if (r->order == ROWS_COPIED) r->t->copy_2d(a, p->a.rows, p->a.columns, m, kc, copy, g->lda, kc);
    if (r->order == STRIPS_COPIED) r->t->gemm_strips(a, p->a.columns, m, kc, copy);
}

/* From row to row of a block that is turned: not all in one cache set. */
static int64_t turned_pitch(const gemm_run* r) { return r->n_block + 64 / r->size; }

/* How many columns from j on make panels of one width that stay in L1 together; at least one panel. */
static int64_t near_columns(const gemm_run* r, int vectors, int64_t j, int64_t end, int64_t kc) {
    const int64_t width = vectors * r->t->lanes;
    int64_t columns = width;
    while (j + columns < end && (columns + width) * kc * r->size <= NEAR_BYTES &&
           panel_vectors(r, end - j - columns) == vectors && (j < r->in_place) == (j + columns < r->in_place))
        columns += width;
    return min(columns, end - j);
}

/* What these panels bring into the cache: the next rows of A, which lie one after another, or if there are none, and B
 * was kept, its next panels. */
static gemm_ahead what_next(const gemm_run* r, const gemm_panel_args* g, const gemm_segment* segment,
                            const char* next_rows, int packed) {
    if (!next_rows && (!r->kept || !packed)) return (gemm_ahead){0};
    const int64_t width = g->vectors * r->t->lanes, panels = ceil_div(g->n, width);
    const int tallest = gemm_tallest(g->vectors, r->t->panel);
    if (next_rows) return (gemm_ahead){next_rows, ceil_div(tallest * r->size, panels)};
    const char* next = (const char*)segment->b + panels * width * segment->k * r->size;
    return (gemm_ahead){next, ceil_div(width * r->size, ceil_div(g->m, tallest))};
}

/* Rows of C by columns [j0, end) and reduction steps [k, k + kc); g and its segment say where A and C are. */
static void compute_chunk(const gemm_run* r, gemm_panel_args* g, gemm_segment* segment, int64_t j0, int64_t end,
                          int64_t k, const char* packed, const char* next_rows) {
    const gemm_problem* p = r->p;
    char* const c = g->c;
    const char* const bias = g->bias;
    for (int64_t j = j0; j < end; j += g->n) {
        g->vectors = panel_vectors(r, end - j);
        const int64_t width = g->vectors * r->t->lanes;
        g->n = near_columns(r, g->vectors, j, end, segment->k);
        if (j < r->in_place) {
            segment->b = r->b + (k * p->b.rows + j) * r->size;
            g->ldb = p->b.rows;
            g->panel_step = width;
        } else {
            int64_t first = j0 > r->in_place ? j0 : r->in_place;
            segment->b = packed + (j - first) * segment->k * r->size;
            g->ldb = width;
            g->panel_step = width * segment->k;
        }
        g->ahead[0] = what_next(r, g, segment, j == j0 ? next_rows : NULL, j >= r->in_place);
        g->ahead[1] = (gemm_ahead){0};
        if (r->far && j < r->in_place) { /* halves of the next panel's rows, to tiles in turn */
            const char* next = (const char*)segment->b + round_up(g->n, width) * r->size;
            for (int line = 0; line < 2; line++) g->ahead[line] = (gemm_ahead){next + 64 * line, g->ldb * r->size};
        }
        g->c = c + (j - j0) * r->size;
        g->bias = bias && !r->turned ? bias + (j - j0) * r->size : bias;
        r->t->gemm_panel(g);
    }
}

/* Columns [from, end) of B, steps [k, k + kc). */
static void pack(const gemm_run* r, int64_t k, int64_t kc, int64_t from, int64_t end, char* packed) {
    const gemm_problem* p = r->p;
    r->t->gemm_pack(r->b + (k * p->b.rows + from * p->b.columns) * r->size, p->b.rows, p->b.columns, kc, end - from,
                    widest(r), packed);
}

/* Where column `from` of the block of steps at k lies in what is kept. */
static char* place_of(const gemm_run* r, int64_t k, int64_t kc, int64_t from) {
    const int64_t columns = round_up(r->p->n - r->in_place, r->t->lanes);
    return r->kept + (k * columns + (from - r->in_place) * kc) * r->size;
}

/* Packs a block of steps and columns of what is kept. */
static void keep_task(void* context, int64_t task, int thread) {
    (void)thread;
    const gemm_run* r = context;
    const int64_t k = task / r->n_tasks * r->k_block, kc = min(r->k_block, r->p->k - k);
    const int64_t j = task % r->n_tasks * r->n_block, from = j > r->in_place ? j : r->in_place;
    const int64_t end = min(r->p->n, j + r->n_block);
    if (from < end) pack(r, k, kc, from, end, place_of(r, k, kc, from));
}

/* A block of C, complete: tasks share nothing, so there is one start and one end for the team. */
static void block_task(void* context, int64_t task, int thread) {
    const gemm_run* r = context;
    const gemm_problem* p = r->p;
    const int64_t i0 = task / r->n_tasks * r->m_block, i1 = min(p->m, i0 + r->m_block);
    const int64_t j0 = task % r->n_tasks * r->n_block, j1 = min(p->n, j0 + r->n_block);
    char *packed = r->scratch + thread * r->scratch_bytes, *copy = packed + r->packed_bytes;
    char* const c = r->turned ? packed + r->scratch_bytes - r->turned_bytes : r->c + (i0 * p->ldc + j0) * r->size;
    const int64_t ldc = r->turned ? turned_pitch(r) : p->ldc;
    int64_t k = 0;
    do {
        const int64_t kc = min(r->k_block, p->k - k);
        gemm_segment segment = {.k = kc};
        gemm_panel_args g = {.segments = &segment, .count = 1, .ldc = ldc};
        for (int64_t j = j0, end; j < j1; j = end) {
            end = min(j1, j + r->pack_block);
            const int64_t from = j > r->in_place ? j : r->in_place;
            if (r->kept)
                packed = place_of(r, k, kc, from);
            else if (from < end)
                pack(r, k, kc, from, end, packed);
            for (int64_t i = i0; i < i1; i += r->m_chunk) {
                if (j == j0 || i1 - i0 > r->m_chunk) { /* else it is there */
                    g.m = min(r->m_chunk, i1 - i);
                    place_a(r, r->a + (i * p->a.rows + k * p->a.columns) * r->size, g.m, kc, copy, &segment, &g);
                    g.flags |= r->turned && p->bias ? GEMM_BIAS_OF_ROWS : 0;
                    g.flags |= (k ? GEMM_ADD : 0) | (k + kc == p->k ? gemm_activation(p->relu) : 0);
                }
                const int64_t next = i + r->m_chunk;
                const int dense =
                    r->order == ROWS_IN_PLACE && p->a.rows == kc && !r->far; /* chunks follow each other */
                const char* next_rows = dense && j == j0 && next < i1 ? r->a + next * kc * r->size : NULL;
                g.c = c + ((i - i0) * ldc + j - j0) * r->size;
                g.bias = p->bias ? (const char*)p->bias + (r->turned ? i : j) * r->size : NULL;
                compute_chunk(r, &g, &segment, j, end, k, packed, next_rows);
                if (p->tally && !r->turned && k + kc == p->k)
                    norm_tally_written(p->tally, i, min(r->m_chunk, i1 - i), end - j);
            }
        }
        k += kc;
    } while (k < p->k && !parallel_stopping());
    if (r->turned) r->t->copy_2d(c, 1, ldc, j1 - j0, i1 - i0, r->c + (j0 * p->ldc + i0) * r->size, p->ldc, i1 - i0);
}

/* A is copied where broadcasting from it in place would miss the cache: neither stride 1; transposed, on a pitch that
 * crowds it in a few cache sets, or where tiles are too small to wait for it. */
static int order_of_a(const kernel_table* t, const gemm_problem* p) {
    const int64_t size = t->lane_bytes / t->lanes;
    const int repaid = p->n >= 128 && p->m > 4, wide = t->panel > 2;
    if (p->a.columns == 1 || p->k <= 1) return ROWS_IN_PLACE;
    if (p->a.rows != 1) return ROWS_COPIED;
    const int64_t pitch = p->a.columns * size;
    const int crowded = (p->n >= 256 && pitch % 2048 == 0) || (p->n >= 512 && pitch % 1024 == 0);
    return repaid && (crowded || !wide) ? STRIPS_COPIED : COLUMNS_IN_PLACE;
}

static int few_rows(const gemm_run* r) {
    const int waits = r->p->a.columns != 1 && r->p->k > IN_PLACE_STEPS;
    return r->p->m <= (r->t->panel == 2 ? IN_PLACE_ROWS : waits ? IN_PLACE_ROWS_LONG : IN_PLACE_ROWS_WIDE);
}

/* A weight has one result for any number of rows. */
static int is_far(const gemm_run* r) {
    const gemm_problem* p = r->p;
    return r->t->panel > 2 && !p->kept && !p->packs && few_rows(r) && p->a.columns == 1 && p->b.columns == 1 &&
           p->k * p->n * r->size > FAR_BYTES;
}

/* How many columns of B need no packing: all, if B fits in L1 or few rows use it (but what is kept serves any number);
 * but a partial panel would read past the rows of B. */
static int64_t columns_in_place(const gemm_run* r) {
    const gemm_problem* p = r->p;
    const int few = few_rows(r) && !p->kept;
    if (p->b.columns != 1 || (!few && p->k * p->n * r->size > IN_PLACE_BYTES)) return 0;
    int64_t j = 0, width;
    while (j < p->n && j + (width = panel_vectors(r, p->n - j) * r->t->lanes) <= p->n) j += width;
    return j;
}

/* Sizes of tasks may depend on the number of threads: they do not change the bits of the result. */
static int64_t partition(gemm_run* r, int threads) {
    const gemm_problem* p = r->p;
    if (threads == 1 && p->m <= M_CHUNK && p->k <= SMALL && p->n <= SMALL) { /* is one task, without divisions */
        r->n_block = p->n, r->m_block = p->m, r->k_block = p->k, r->m_chunk = M_CHUNK, r->pack_block = p->n;
        return r->n_tasks = 1;
    }
    const int64_t panel = (r->far ? GEMM_FAR_PANEL : r->t->panel) * r->t->lanes,
                  wanted = threads > 1 ? TASKS_PER_THREAD * threads : 1;
    const int64_t n_tasks = ceil_div(p->n * r->size, N_BLOCK_BYTES), m_tasks = ceil_div(p->m, M_BLOCK);
    int64_t m_parts = m_tasks, n_parts = n_tasks;
    while (m_parts * n_parts < wanted) { /* the longer side: the other operand is packed once more */
        const int64_t m = p->m / (2 * m_parts), n = p->n / (2 * n_parts);
        const int idle = m_parts * n_parts < threads; /* then even small blocks are better than none */
        const int64_t least_n = (idle ? 2 : N_BLOCK_PANELS) * panel, least_m = idle ? M_BLOCK_LEAST / 2 : M_BLOCK_LEAST;
        if (n >= least_n && (n >= m || m < least_m))
            n_parts *= 2;
        else if (m >= least_m)
            m_parts *= 2;
        else
            break;
    }
    r->n_block = round_up(ceil_div(p->n, n_parts), panel);
    r->m_block = round_up(ceil_div(p->m, m_parts), 12);
    const int64_t longest = r->order == COLUMNS_IN_PLACE && p->n <= r->t->lanes ? K_BLOCK_NARROW
                            : r->far                                            ? K_BLOCK_FAR
                                                                                : K_BLOCK;
    r->k_block = p->k ? ceil_div(p->k, ceil_div(p->k, longest)) : 0;
    r->m_chunk = r->t->panel > 2 ? M_CHUNK_WIDE : M_CHUNK;
    r->pack_block = r->m_block <= r->m_chunk ? PACK_PANELS * panel : r->n_block;
    r->n_tasks = ceil_div(p->n, r->n_block);
    return r->n_tasks * ceil_div(p->m, r->m_block);
}

/* Makes sure that B is packed and kept. */
static int keep(gemm_run* r, int threads) {
    memory_kept* kept = r->p->kept;
    const int64_t columns = round_up(r->p->n - r->in_place, r->t->lanes);
    r->kept = memory_keep(kept, (size_t)(r->p->k * columns * r->size));
    if (!r->kept) return -1;
    if (!kept->ready) parallel_for(threads, ceil_div(r->p->k, r->k_block) * r->n_tasks, keep_task, r);
    kept->ready = 1;
    r->pack_block = r->n_block;
    return 0;
}

int gemm_keep(const kernel_table* t, const gemm_problem* p) {
    gemm_run r = {.t = t, .p = p, .b = p->b.data, .size = t->lane_bytes / t->lanes};
    r.order = ROWS_IN_PLACE; /* others keep nothing */
    partition(&r, 1);
    r.in_place = columns_in_place(&r);
    return p->k && r.in_place < p->n ? keep(&r, parallel_threads()) : 0;
}

/* C^T = B^T A^T */
static gemm_problem turn(const gemm_problem* p) {
    gemm_problem turned = *p;
    turned.m = p->n, turned.n = p->m;
    turned.a = (gemm_matrix){.rows = p->b.columns, .columns = p->b.rows};
    turned.b = (gemm_matrix){.rows = p->a.columns, .columns = p->a.rows};
    return turned;
}

/* Whether C^T = B^T A^T is faster: where both matrices lie along the sum, it is the smaller one that is transposed; and
 * where none does, a few columns become rows. */
static int turns(const kernel_table* t, const gemm_problem* p) {
    if ((p->kept && p->a.columns == 1) || p->k <= 1) return 0;
    const int64_t half = t->lanes / 2, idle_rows = round_up(p->m, t->lanes) - p->m;
    const int64_t idle_columns = round_up(p->n, t->lanes) - p->n;
    if (p->a.rows == 1 && p->a.columns != 1 && p->b.columns == 1)
        return p->n <= TURNED_COLUMNS && idle_columns > half && idle_rows <= half && 4 * p->n <= p->m;
    if (p->a.columns != 1 || p->b.rows != 1 || p->b.columns == 1) return 0;
    return p->m <= TURNED_ROWS && idle_rows <= half && 2 * p->m * (p->n + p->k) < p->n * p->k;
}

static int gemm_by_blocks(const gemm_run* run, int threads) {
    gemm_run r = *run;
    const kernel_table* t = r.t;
    const gemm_problem* p = r.p;
    r.order = order_of_a(t, p);
    r.far = is_far(&r);
    const int64_t tasks = partition(&r, threads);
    r.in_place = columns_in_place(&r);
    const int by_rows = r.order == ROWS_IN_PLACE || r.order == ROWS_COPIED; /* others have panels of their own */
    const int keeps = p->kept && by_rows && p->k && r.in_place < p->n;
    if (keeps && keep(&r, threads)) return -1;
    if (!keeps)
        r.packed_bytes = round_up(round_up(min(r.pack_block, p->n - r.in_place), t->lanes) * r.k_block * r.size, 64);
    r.scratch_bytes = r.packed_bytes;
    if (r.order >= ROWS_COPIED) r.scratch_bytes += round_up(min(p->m, r.m_chunk) * (K_BLOCK + 16) * r.size, 64);
    if (r.turned) r.turned_bytes = round_up(min(p->m, r.m_block) * turned_pitch(&r) * r.size, 64);
    r.scratch_bytes += r.turned_bytes;
    if (tasks < threads) threads = (int)tasks;
    char stack[STACK_BYTES] __attribute__((aligned(64))), *heap = NULL;
    const size_t bytes = (size_t)(r.scratch_bytes * threads);
    if (bytes > STACK_BYTES && !(heap = memory_allocate(bytes))) return -1;
    r.scratch = heap ? heap : stack;
    parallel_for(threads, tasks, block_task, &r);
    memory_release(heap);
    return 0;
}

static void dot_task(void* context, int64_t task, int thread) {
    (void)thread;
    const gemm_run* r = context;
    const gemm_problem* p = r->p;
    int64_t j = task * DOT_BLOCK;
    gemm_dot_args d = {.m = p->m, .n = min(DOT_BLOCK, p->n - j), .k = p->k, .relu = p->relu};
    d.a = r->a, d.lda = p->a.rows;
    d.b = r->b + j * p->b.columns * r->size, d.ldb = p->b.columns;
    d.c = r->c + j * r->size, d.ldc = p->ldc;
    if (p->bias) d.bias = (const char*)p->bias + j * r->size;
    r->t->gemm_dot(&d);
}

static void few_task(void* context, int64_t task, int thread) {
    (void)thread;
    const gemm_run* r = context;
    const gemm_problem* p = r->p;
    const int64_t i0 = task / r->n_tasks * r->m_block, i1 = min(p->m, i0 + r->m_block);
    /* Vectors as long as a cache line, each across two: those of four rows at once are written half as fast. */
    const int across = r->t->lane_bytes == 64 && p->n >= ACROSS_COLUMNS && p->ldc * r->size % 64;
    const int64_t j = task % r->n_tasks * r->n_block, rows = p->m <= FEW_ROWS ? FEW_ROWS : across ? 1 : GEMM_FEW;
    gemm_few_args f = {.n = min(r->n_block, p->n - j), .k = p->k, .relu = p->relu};
    f.a_rows = p->a.rows, f.a_columns = p->a.columns;
    f.b = r->b + j * r->size, f.ldb = p->b.rows, f.ldc = p->ldc;
    if (p->bias) f.bias = (const char*)p->bias + j * r->size;
    for (int64_t i = i0; i < i1; i += rows) {
        f.m = min(rows, i1 - i);
        f.a = r->a + i * p->a.rows * r->size;
        f.c = r->c + (i * p->ldc + j) * r->size;
        r->t->gemm_few(&f);
    }
}

/* Room for one vector more than is used. */
static int64_t flat_pitch(const kernel_table* t, const gemm_problem* p, int64_t repeats) {
    return round_up(repeats * p->n, t->lanes) + t->lanes;
}

/* After how many rows of C, which lie one after another, one begins with a vector again; 0 if vectors do not go on from
 * row to row. It repays B's copies where B would be transposed anyway, or vectors of a cache line lie across two. */
static int64_t flat_repeats(const kernel_table* t, const gemm_problem* p) {
    if (p->k < 1 || p->k > SHORT_SUM || p->n < FEW_COLUMNS || p->ldc != p->n) return 0;
    const int64_t lanes = t->lanes, size = t->lane_bytes / lanes;
    int64_t repeats = lanes;
    while (repeats > 1 && repeats / 2 * p->n % lanes == 0) repeats /= 2;
    if (p->m < 4 * repeats || (p->b.columns == 1 && (t->lane_bytes < 64 || repeats == 1))) return 0;
    return (p->k + 1) * flat_pitch(t, p, repeats) * size <= FLAT_BYTES ? repeats : 0;
}

static void flat_task(void* context, int64_t task, int thread) {
    (void)thread;
    const gemm_run* r = context;
    const gemm_problem* p = r->p;
    const int64_t i = task * r->m_block, row = p->n * r->size;
    gemm_flat_args f = {.m = min(r->m_block, p->m - i), .n = p->n, .k = p->k, .relu = p->relu};
    char copies[FLAT_BYTES] __attribute__((aligned(64)));
    f.repeats = flat_repeats(r->t, p), f.ldb = flat_pitch(r->t, p, f.repeats);
    r->t->copy_2d(r->b, p->b.rows, p->b.columns, p->k, p->n, copies, f.ldb, p->n);
    if (p->bias) memcpy(copies + p->k * f.ldb * r->size, p->bias, (size_t)row);
    for (int64_t k = 0; k < p->k + !!p->bias; k++)
        for (int64_t n = 1; n < f.repeats; n++)
            memcpy(copies + k * f.ldb * r->size + n * row, copies + k * f.ldb * r->size, (size_t)row);
    f.a = r->a + i * p->a.rows * r->size, f.a_rows = p->a.rows, f.a_columns = p->a.columns;
    f.b = copies, f.bias = !!p->bias, f.c = r->c + i * row;
    r->t->gemm_flat(&f);
}

/* Few rows share each row of B; in short sums B stays in L1, and rows of C pass by in fours. */
static void gemm_by_rows(gemm_run* r, int threads) {
    const gemm_problem* p = r->p;
    const int64_t repeats = flat_repeats(r->t, p);
    if (repeats) {
        r->m_block = round_up(ceil_div(p->m, threads), repeats);
        parallel_for(threads, ceil_div(p->m, r->m_block), flat_task, r);
        return;
    }
    const int few = p->m <= FEW_ROWS;
    const int64_t held = FEW_BYTES / r->size / (few ? p->m : p->k > GEMM_FEW ? p->k : GEMM_FEW);
    r->n_block = round_up(min(few ? ceil_div(p->n, threads) : p->n, held), r->t->lanes);
    r->m_block = few ? p->m : round_up(ceil_div(p->m, threads), GEMM_FEW);
    r->n_tasks = ceil_div(p->n, r->n_block);
    parallel_for(threads, r->n_tasks * ceil_div(p->m, r->m_block), few_task, r);
}

/* One product. Which way is decided by the shape alone. */
static int is_column(const gemm_problem* p) { return p->n == 1 && p->m > 1 && p->ldc == 1 && !p->bias; }

/* The same for a C of one column, which lies in memory as a row. */
static gemm_problem as_row(const gemm_problem* p) {
    gemm_problem row = turn(p);
    row.ldc = p->m, row.kept = NULL;
    row.a.rows = 1;
    return row;
}

gemm_algorithm gemm_choose(const kernel_table* t, const gemm_problem* p, const char** reason) {
    if (is_column(p)) {
        const gemm_problem row = as_row(p);
        return gemm_choose(t, &row, reason);
    }
    const int dots = p->m <= GEMM_FEW || (p->m <= DOT_ROWS && p->k >= DOT_LENGTH && !p->packs);
    if (dots && p->k > 1 && p->a.columns == 1 && p->b.rows == 1) {
        *reason = "few rows, both operands contiguous along the sum";
        return GEMM_DOTS;
    }
    const int packs = p->n >= FEW_COLUMNS && p->k * p->n >= FEW_B; /* as blocks */
    if (p->b.columns == 1 && (p->m <= GEMM_FEW || (p->m <= FEW_ROWS && packs))) {
        *reason = "so few rows that the other operand streams by once";
        return GEMM_ROWS;
    }
    if ((p->b.columns == 1 && p->k <= SHORT_SUM && p->n >= FEW_COLUMNS) || flat_repeats(t, p)) {
        *reason = "sums so short that the result streams by once";
        return GEMM_ROWS;
    }
    *reason = "enough rows for packed panels";
    return GEMM_BLOCKS;
}

const char* gemm_algorithm_name(gemm_algorithm algorithm) {
    static const char* const names[] = {[GEMM_DOTS] = "dots", [GEMM_ROWS] = "rows", [GEMM_BLOCKS] = "blocks"};
    return names[algorithm];
}

static int gemm_2d(const kernel_table* t, const gemm_problem* p, const void* a, const void* b, void* c, int threads) {
    if (is_column(p)) {
        const gemm_problem row = as_row(p);
        return gemm_2d(t, &row, b, a, c, threads);
    }
    gemm_run r = {.t = t, .p = p, .a = a, .b = b, .c = c, .size = t->lane_bytes / t->lanes};
    const char* reason;
    switch (gemm_choose(t, p, &reason)) {
        case GEMM_DOTS:
            parallel_for(threads, ceil_div(p->n, DOT_BLOCK), dot_task, &r);
            return 0;
        case GEMM_ROWS:
            gemm_by_rows(&r, threads);
            return 0;
        case GEMM_BLOCKS:
            break;
    }
    if (!turns(t, p)) return gemm_by_blocks(&r, threads);
    const gemm_problem other = turn(p);
    r = (gemm_run){.t = t, .p = &other, .a = b, .b = a, .c = c, .size = r.size, .turned = 1};
    return gemm_by_blocks(&r, threads);
}

typedef struct {
    const kernel_table* t;
    const gemm_problem* p;
    int threads;
    _Atomic int failed;
} batch_run;

static void batch_task(void* context, int64_t task, int thread) {
    (void)thread;
    batch_run* r = context;
    const gemm_problem* p = r->p;
    int64_t size = r->t->lane_bytes / r->t->lanes, a = 0, b = 0, rest = task;
    for (int d = p->batch_dims - 1; d >= 0; d--) {
        int64_t index = rest % p->batch_shape[d];
        rest /= p->batch_shape[d];
        a += index * p->a.batch[d];
        b += index * p->b.batch[d];
    }
    if (gemm_2d(r->t, p, (const char*)p->a.data + a * size, (const char*)p->b.data + b * size,
                (char*)p->c + task * p->m * p->ldc * size, r->threads))
        atomic_store(&r->failed, 1);
}

int gemm(const kernel_table* t, const gemm_problem* p) {
    int64_t batches = 1;
    for (int d = 0; d < p->batch_dims; d++) batches *= p->batch_shape[d];
    if (!batches || !p->m || !p->n) return 0;
    double work = (double)p->m * (double)p->n * (double)(p->k ? p->k : 1);
    int threads = p->alone || work * (double)batches < PARALLEL_WORK ? 1 : parallel_threads();
    batch_run r = {t, p, threads, 0};
    if (batches >= 8) { /* each product on one thread */
        r.threads = 1;
        parallel_for(threads, batches, batch_task, &r);
    } else {
        for (int64_t i = 0; i < batches; i++) batch_task(&r, i, 0);
    }
    return r.failed ? -1 : 0;
}
