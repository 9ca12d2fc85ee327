/* Scratch memory of drivers. Fresh pages cost more than most kernels, so what a call gives back serves the next one. */
#pragma once
#include <stddef.h>

/* At least `bytes`, aligned to 64, contents undefined; NULL when out of memory. */
void* scratch_take(size_t bytes);
/* Keeps the block for later calls, or frees it where enough is kept. NULL is allowed. */
void scratch_give(void* block);
/* Frees what is kept; returns its bytes. */
size_t scratch_trim(void);
