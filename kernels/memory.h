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

void memory_set_cap(int64_t bytes);
void memory_trim(void); /* gives cached blocks back to the system, and forgets the peak */
memory_stats memory_read(void);
