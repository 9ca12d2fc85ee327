/* One parallel loop over blocks of all parameters. */
#include "optim.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "kernels.h"
#include "parallel.h"

enum {
    BLOCK = 16384,
    FEW = 32,       /* tensors */
    LARGE = 1 << 18 /* elements: more than one core's cache holds */
};

typedef struct {
    optim_kernel kernels[2];
    const optim_tensor* tensors;
    const optim_options* options;
    int64_t* first_block; /* count + 1 entries */
    int64_t count;
} job;

static void step_task(void* context, int64_t i, int thread) {
    (void)thread;
    const job* j = context;
    int64_t low = 0, high = j->count; /* the last tensor that starts at or before block i */
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (j->first_block[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    const optim_tensor* t = j->tensors + low;
    int64_t start = (i - j->first_block[low]) * BLOCK, n = t->n - start < BLOCK ? t->n - start : BLOCK;
    j->kernels[t->dtype](t, j->options, start, n);
}

int optim_step(int rule, const optim_tensor* tensors, int64_t count, const optim_options* options) {
    static _Atomic int64_t jobs; /* shared out by the end of the last step */
    job j = {.tensors = tensors, .options = options, .count = count};
    for (int dtype = 0; dtype < 2; dtype++) {
        const kernel_table* k = kernels_active[dtype];
        j.kernels[dtype] = rule == OPTIM_SGD ? k->sgd_step : rule == OPTIM_ADAM ? k->adam_step : k->rmsprop_step;
    }
    int64_t few[FEW + 1];
    j.first_block = count <= FEW ? few : malloc((count + 1) * sizeof *j.first_block);
    if (!j.first_block) return -1;
    int64_t blocks = 0, total = 0;
    for (int64_t i = 0; i < count; i++) {
        j.first_block[i] = blocks;
        blocks += (tensors[i].n + BLOCK - 1) / BLOCK;
        total += tensors[i].n;
    }
    j.first_block[count] = blocks;
    /* Where no other thread has worked since, all gradients lie in this core's cache, and the next forward pass will
     * look for the parameters there. */
    const int64_t least = parallel_jobs() == atomic_load(&jobs) ? LARGE : 2 * BLOCK;
    parallel_for(total < least ? 1 : parallel_threads(), blocks, step_task, &j);
    atomic_store(&jobs, parallel_jobs());
    if (count > FEW) free(j.first_block);
    return 0;
}
