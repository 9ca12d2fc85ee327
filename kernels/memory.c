/* Blocks come in size classes, eight to a power of two, so at most an eighth of a block is wasted. A released block
 * is cached; a request takes the block of its class that was released last and so is likeliest to be in a cache.
 * In use and cached together stay below a little more than the most that was ever in use: shapes that change cannot
 * pile up blocks. What must go went unused for longest.
 *
 * Data begin on a page, of 2 MB and more on a huge page; the header lies before them, on a page of its own. Were it to
 * push the data off the page's start, kernels would load from NumPy's arrays what seems, by its address's low 12 bits,
 * to be a result on its way to memory, and wait. */
#define _GNU_SOURCE
#include "memory.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEADER = 64, HUGE_PAGE = 2 << 20, CLASSES = 8 * 48, LARGER = 16, SLACK = 32 << 20 };

typedef struct node {
    struct node *next, *before;
} node;

typedef struct {
    node by_class, by_age; /* while cached: neighbours in the class and among all, the last released first */
    size_t bytes;          /* of data */
    int class, fresh;      /* fresh: never handed out, so still zero */
} block;
_Static_assert(sizeof(block) <= HEADER, "the header's place");

static struct {
    pthread_mutex_t lock;
    node classes[CLASSES], ages; /* rings */
    memory_stats stats;
    size_t page;
} pool = {PTHREAD_MUTEX_INITIALIZER};

static void insert(node* ring, node* l) {
    l->next = ring->next;
    l->before = ring;
    ring->next->before = l;
    ring->next = l;
}
static void detach(node* l) {
    l->next->before = l->before;
    l->before->next = l->next;
}

static block* header(void* data) { return (block*)((char*)data - HEADER); }
static void* data_of(block* b) { return (char*)b + HEADER; }

/* Rounds bytes up to their class. */
static int class_of(size_t* bytes) {
    if (*bytes < MEMORY_POOLED) *bytes = MEMORY_POOLED;
    int bit = 63 - __builtin_clzll(*bytes - 1); /* 2^bit < bytes <= 2^(bit + 1) */
    size_t step = (size_t)1 << (bit - 3);
    size_t steps = (*bytes + step - 1) / step; /* 9 to 16 */
    *bytes = steps * step;
    return (bit - 15) * 8 + (int)steps - 9;
}

static size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

static block* map_block(size_t bytes, int class) {
    size_t length = pool.page + round_up(bytes, pool.page), spare = bytes >= HUGE_PAGE ? HUGE_PAGE : 0;
    char* start = mmap(NULL, length + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    char* data = start + pool.page;
    if (spare) {
        data = (char*)round_up((size_t)data, HUGE_PAGE);
        char *first = data - pool.page, *end = first + length;
        if (first > start) munmap(start, first - start);
        if (end < start + length + spare) munmap(end, start + length + spare - end);
#ifdef MADV_HUGEPAGE
        madvise(data, bytes, MADV_HUGEPAGE);
#endif
    }
    block* b = header(data);
    b->bytes = bytes;
    b->class = class;
    b->fresh = 1;
    return b;
}

static void unmap(block* b) { munmap((char*)data_of(b) - pool.page, pool.page + round_up(b->bytes, pool.page)); }

static void take(block* b) {
    detach(&b->by_class);
    detach(&b->by_age);
    pool.stats.cached -= (int64_t)b->bytes;
}

/* What may be in use and cached together when `coming` more bytes are in use. */
static int64_t most_bytes(int64_t coming) {
    const memory_stats* s = &pool.stats;
    int64_t peak = s->in_use + coming > s->peak ? s->in_use + coming : s->peak;
    return peak + peak * 3 / 8 + SLACK;
}

/* A cached block for a request of this class, or NULL. Where a new block would push others out, one of up to four times
 * the size will do: a network's layers are of many sizes, and all their fresh pages would cost a quarter of a step. */
static block* find(int class, int64_t bytes) {
    const memory_stats* s = &pool.stats;
    const int full = s->in_use + s->cached + bytes > most_bytes(bytes);
    for (int larger = 0; larger <= (full ? LARGER : 0) && class + larger < CLASSES; larger++) {
        node* ring = &pool.classes[class + larger];
        if (ring->next != ring) return (block*)ring->next; /* by_class comes first */
    }
    return NULL;
}

/* Unmaps the oldest cached blocks until `coming` more bytes are within the limits. */
static void make_room(int64_t coming) {
    memory_stats* s = &pool.stats;
    const int64_t most = most_bytes(coming);
    while (s->cached && (s->cached > s->cap || s->in_use + s->cached + coming > most)) {
        block* oldest = (block*)((char*)pool.ages.before - offsetof(block, by_age));
        take(oldest);
        unmap(oldest);
    }
}

void* memory_allocate(size_t bytes) {
    if (bytes > (size_t)1 << 46) return NULL;
    int class = class_of(&bytes);
    pthread_mutex_lock(&pool.lock);
    block* b = find(class, (int64_t)bytes);
    if (b) {
        take(b);
        b->fresh = 0;
        pool.stats.hits++;
    } else {
        make_room((int64_t)bytes);
        b = map_block(bytes, class);
        if (!b) { /* what is cached may be what is missing */
            int64_t cap = pool.stats.cap;
            pool.stats.cap = 0;
            make_room(0);
            pool.stats.cap = cap;
            b = map_block(bytes, class);
        }
        pool.stats.misses++;
    }
    if (b) {
        pool.stats.in_use += (int64_t)b->bytes;
        if (pool.stats.in_use > pool.stats.peak) pool.stats.peak = pool.stats.in_use;
    }
    pthread_mutex_unlock(&pool.lock);
    return b ? data_of(b) : NULL;
}

void* memory_allocate_zeros(size_t bytes) {
    void* data = memory_allocate(bytes);
    if (data && !header(data)->fresh) memset(data, 0, bytes);
    return data;
}

void memory_release(void* data) {
    if (!data) return;
    block* b = header(data);
    pthread_mutex_lock(&pool.lock);
    pool.stats.in_use -= (int64_t)b->bytes;
    pool.stats.cached += (int64_t)b->bytes;
    insert(&pool.classes[b->class], &b->by_class);
    insert(&pool.ages, &b->by_age);
    make_room(0);
    pthread_mutex_unlock(&pool.lock);
}

void* memory_resize(void* data, size_t bytes) {
    if (!data) return memory_allocate(bytes);
    size_t have = header(data)->bytes, want = bytes;
    if (bytes <= (size_t)1 << 46 && class_of(&want) == header(data)->class) return data;
    void* moved = memory_allocate(bytes);
    if (!moved) return NULL;
    memcpy(moved, data, bytes < have ? bytes : have);
    memory_release(data);
    return moved;
}

void memory_set_cap(int64_t bytes) {
    pthread_mutex_lock(&pool.lock);
    pool.stats.cap = bytes;
    make_room(0);
    pthread_mutex_unlock(&pool.lock);
}

void memory_trim(void) {
    pthread_mutex_lock(&pool.lock);
    int64_t cap = pool.stats.cap;
    pool.stats.cap = 0;
    make_room(0);
    pool.stats.cap = cap;
    pool.stats.peak = pool.stats.in_use;
    pthread_mutex_unlock(&pool.lock);
}

memory_stats memory_read(void) {
    pthread_mutex_lock(&pool.lock);
    memory_stats stats = pool.stats;
    pthread_mutex_unlock(&pool.lock);
    return stats;
}

static void lock_pool(void) { pthread_mutex_lock(&pool.lock); }
static void unlock_pool(void) { pthread_mutex_unlock(&pool.lock); }
static void new_lock(void) { pthread_mutex_init(&pool.lock, NULL); }
__attribute__((constructor)) static void make_pool(void) {
    for (int i = 0; i < CLASSES; i++) pool.classes[i].next = pool.classes[i].before = &pool.classes[i];
    pool.ages.next = pool.ages.before = &pool.ages;
    pool.page = (size_t)sysconf(_SC_PAGESIZE);
    pool.stats.cap = (int64_t)sysconf(_SC_PHYS_PAGES) / 4 * (int64_t)pool.page;
    pthread_atfork(lock_pool, unlock_pool, new_lock);
}
