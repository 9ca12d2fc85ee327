/* One team of threads for the whole library. */
#pragma once
#include <stdint.h>

enum { MAX_THREADS = 256 };

/* Runs task i of [0, tasks). `thread` in [0, threads) names the scratch to use. */
typedef void (*parallel_task)(void* context, int64_t i, int thread);

/* Runs every task once, on at most `threads` threads, and returns when all are done. What a task computes must depend
 * on i alone and never on `thread`; then the result is the same bits for every number of threads. Called while another
 * thread uses the team, or from within a task, it runs in the calling thread alone. */
void parallel_for(int threads, int64_t tasks, parallel_task run, void* context);

/* How many threads may be used: read once per call, to size scratch memory and for parallel_for. */
int parallel_threads(void);
void parallel_set_threads(int threads);
/* How many jobs have been shared out so far. */
int64_t parallel_jobs(void);

/* Whether this thread, and workers while they work for it, take subnormal numbers as zero; returns 0 where the CPU
 * cannot. Workers take on how the calling thread rounds, too, whoever has set it. */
int parallel_flush_subnormals(int on);

/* Ctrl-C. Between parallel_watch and parallel_unwatch the calling thread, if it is the program's main one, asks `stop`
 * between tasks, every 50 ms or later. Once that says yes, tasks are skipped, and parallel_unwatch returns 1: the
 * result is unfinished. `stop` may wait for a lock that a forking thread holds. A task of 100 ms or more asks
 * parallel_stopping, too, and gives up. */
void parallel_set_stop(int (*stop)(void));
void parallel_watch(void);
int parallel_unwatch(void);
int parallel_stopping(void);
