/* A pool of touched memory for results: fresh pages cost more than most kernels that fill them. */
#pragma once
#include <stdint.h>
#include <stddef.h>

enum { MEMORY_POOLED = 65536 }; /* smaller arrays are left to NumPy */

typedef struct {
    int64_t in_use, cached, peak; /* bytes of blocks; peak: the most that was in use */
    int64_t cap;                  /* bytes that may be cached */
    int64_t hits, misses;         /* blocks that came from the pool, and from the system */
} memory_stats;

/* 64-byte-aligned memory, or NULL. Every call is thread-safe. */
void* memory_allocate(size_t bytes);
void* memory_allocate_zeros(size_t bytes);
void* memory_resize(void* data, size_t bytes);
void memory_release(void* data);

/* A packed weight that outlives a call: `ready` once a driver has filled it. */
typedef struct {
    void* data;
    int ready;
} memory_kept;

/* Where a driver packs a weight of so many bytes: what is kept or, if that is NULL, memory of its own, which
 * memory_unkeep releases. NULL when out of memory. */
static inline void* memory_keep(memory_kept* kept, size_t bytes) {
    if (!kept) return memory_allocate(bytes);
    if (!kept->data) kept->data = memory_allocate(bytes);
    return kept->data;
}

static inline void memory_unkeep(memory_kept* kept, void* data) {
    if (!kept) memory_release(data);
}

void memory_set_cap(int64_t bytes);
void memory_trim(void); /* gives cached blocks back to the system, and forgets the peak */
memory_stats memory_read(void);
