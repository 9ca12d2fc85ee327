/* A few blocks, each in one atomic slot: taking one is an exchange, so no lock can be held across a fork. */
#include "scratch.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { SLOTS = 8, ALIGNMENT = 64 };
static const size_t MOST_KEPT = (size_t)96 << 20; /* in all slots together */

typedef struct {
    size_t bytes;
} block_header; /* in the ALIGNMENT bytes before the block */

static _Atomic(block_header*) slots[SLOTS];
static _Atomic size_t kept;

static block_header* empty_slot(int i) {
    block_header* block = atomic_exchange(&slots[i], NULL);
    if (block) atomic_fetch_sub(&kept, block->bytes);
    return block;
}

static void keep(block_header* block) {
    if (atomic_fetch_add(&kept, block->bytes) + block->bytes <= MOST_KEPT)
        for (int i = 0; i < SLOTS; i++) {
            block_header* none = NULL;
            if (atomic_compare_exchange_strong(&slots[i], &none, block)) return;
        }
    atomic_fetch_sub(&kept, block->bytes);
    free(block);
}

void* scratch_take(size_t bytes) {
    for (int i = 0; i < SLOTS; i++) {
        block_header* block = empty_slot(i);
        if (!block) continue;
        if (block->bytes >= bytes) return (char*)block + ALIGNMENT;
        /* Too small: one larger block will do for both. */
        free(block);
    }
    if (bytes > SIZE_MAX / 2) return NULL;
    bytes += bytes / 8; /* so that slowly growing sizes do not allocate each time */
    bytes = (bytes + 2 * ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    block_header* block = aligned_alloc(ALIGNMENT, bytes);
    if (!block) return NULL;
    block->bytes = bytes - ALIGNMENT;
    return (char*)block + ALIGNMENT;
}

void scratch_give(void* block) {
    if (block) keep((block_header*)((char*)block - ALIGNMENT));
}

size_t scratch_trim(void) {
    size_t freed = 0;
    for (int i = 0; i < SLOTS; i++) {
        block_header* block = empty_slot(i);
        if (block) freed += block->bytes;
        free(block);
    }
    return freed;
}
