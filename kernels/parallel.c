/* A small pthread team. Workers spin briefly for the next job, then sleep on a condition variable.
 *
 * A job is announced in one atomic word: generation (high half), open bit, count of attached workers.
 * A worker attaches only to an open job, so a worker that overslept is never waited for.
 * After fork the child starts with an empty team and makes its own on first use. */
#define _GNU_SOURCE
#include "parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#define OPEN (1ull << 31)
#define ATTACHED (OPEN - 1)
#define GENERATION (1ull << 32)
enum { INTERVAL = 50000000 };       /* ns between questions whether to stop */
enum { GRAINS = 16 };               /* about so many times each thread goes to a counter of tasks */
enum { SPINS = 4000, YIELD = 128 }; /* polls before sleeping, 25-140 ns each; every YIELD-th lets others run */

/* A thread's share of the tasks, on a cache line of its own: neighbouring tasks, and the same ones in job after job, so
 * that what a thread wrote it reads again. Who is done takes from the others. */
typedef struct {
    _Alignas(64) _Atomic int64_t next;
    int64_t end;
} share;

static struct {
    pthread_mutex_t use;   /* held by the thread that runs a job */
    pthread_mutex_t sleep; /* guards the condition variable */
    pthread_cond_t wake;
    _Atomic uint64_t word;
    _Atomic int sleepers;
    share shares[MAX_THREADS];
    int64_t grain; /* tasks that a thread takes at a time */
    parallel_task run;
    void* context;
    uint64_t mode;       /* the caller's float_mode, which bits may depend on */
    int workers;         /* threads started */
    _Atomic int threads; /* threads wanted, the caller included */
    _Atomic int
        job_threads;   /* of the current job; atomic, since a late worker may look at it while the next one is set up */
    _Atomic int spins; /* polls before a worker sleeps; none if the job has more threads than there are CPUs */
    _Atomic int asking;  /* the main thread waits for the answer of `stop` */
    _Atomic int stopped; /* the job's remaining tasks, and loops within its tasks, are skipped */
    int (*stop)(void);
} team = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .threads = 1};

/* How this thread rounds and whether it flushes subnormal numbers to zero: the control bits of its registers. */
static uint64_t float_mode(void) {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr() & ~0x3fu; /* the others say what has happened */
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
#else
    return 0;
#endif
}

static void set_float_mode(uint64_t mode) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((unsigned)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#endif
}

#if defined(__x86_64__)
enum { FLUSH = 1 << 15 | 1 << 6 }; /* results, and operands */
#elif defined(__aarch64__)
enum { FLUSH = 1 << 24 };
#else
enum { FLUSH = 0 };
#endif

int parallel_flush_subnormals(int on) {
    set_float_mode(on ? float_mode() | FLUSH : float_mode() & ~(uint64_t)FLUSH);
    return FLUSH != 0;
}

static void pause_cpu(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* One round of waiting. Whoever is waited for may need this very CPU, so give it away now and then. */
static void poll(int spin) {
    if (spin % YIELD)
        pause_cpu();
    else
        sched_yield();
}

static _Thread_local struct {
    int watching, stopped, worker;
    int64_t next; /* when to ask again, in ns; 0: not decided yet */
} self;

static int is_main_thread(void) {
#if defined(__linux__)
    return syscall(SYS_gettid) == getpid();
#elif defined(__APPLE__)
    return pthread_main_np();
#else
    return 0;
#endif
}

static int64_t now(void) {
    struct timespec t;
#if defined(__linux__)
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
#else
    clock_gettime(CLOCK_MONOTONIC, &t);
#endif
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int parallel_stopping(void) {
    if (self.worker) return atomic_load_explicit(&team.stopped, memory_order_relaxed);
    if (!self.watching || self.stopped) return self.stopped;
    const int64_t time = now();
    if (self.next && time < self.next) return 0;
    if (self.next && is_main_thread()) {
        const int before = atomic_exchange(&team.asking, 1); /* a handler may run kernels itself */
        self.stopped = team.stop();
        atomic_store(&team.asking, before);
    }
    self.next = time + INTERVAL;
    return self.stopped;
}

static void work(int thread) {
    const int threads = team.job_threads;
    for (int other = 0; other < threads; other++) {
        share* from = &team.shares[(thread + other) % threads];
        int64_t i;
        while ((i = atomic_fetch_add_explicit(&from->next, team.grain, memory_order_relaxed)) < from->end) {
            const int64_t end = i + team.grain < from->end ? i + team.grain : from->end;
            for (; i < end; i++) {
                if (parallel_stopping()) return;
                team.run(team.context, i, thread);
            }
        }
    }
}

static void sleep_until_new(uint64_t seen) {
    pthread_mutex_lock(&team.sleep);
    atomic_fetch_add(&team.sleepers, 1);
    while ((atomic_load(&team.word) & ~ATTACHED) == seen) pthread_cond_wait(&team.wake, &team.sleep);
    atomic_fetch_sub(&team.sleepers, 1);
    pthread_mutex_unlock(&team.sleep);
}

static void* worker(void* argument) {
    int thread = (int)(intptr_t)argument;
    uint64_t seen = 0; /* generation and open bit of the last job looked at */
    self.worker = 1;
    for (;;) {
        uint64_t word = atomic_load(&team.word);
        int spins = atomic_load_explicit(&team.spins, memory_order_relaxed);
        for (int spin = 1; (word & ~ATTACHED) == seen && spin <= spins; spin++) {
            poll(spin);
            word = atomic_load(&team.word);
        }
        if ((word & ~ATTACHED) == seen) {
            sleep_until_new(seen);
            continue;
        }
        if ((word & OPEN) && thread < team.job_threads) {
            if (!atomic_compare_exchange_strong(&team.word, &word, word + 1)) continue;
            if (float_mode() != team.mode) set_float_mode(team.mode);
            work(thread);
            atomic_fetch_sub(&team.word, 1);
        }
        seen = word & ~ATTACHED;
    }
    return NULL;
}

/* CPUs that this process may run on. */
static int cpus(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) return CPU_COUNT(&set);
#endif
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static void grow(int workers) {
    sigset_t all, before; /* signals belong to the threads of the program */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (team.workers < workers) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, (void*)(intptr_t)(team.workers + 1))) break;
        pthread_detach(thread);
        team.workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void parallel_for(int threads, int64_t tasks, parallel_task run, void* context) {
    if (tasks <= 1 || threads <= 1 || pthread_mutex_trylock(&team.use)) {
        for (int64_t i = 0; i < tasks && !parallel_stopping(); i++) run(context, i, 0);
        return;
    }
    if (team.workers < threads - 1) grow(threads - 1);
    if (threads != team.job_threads) {
        atomic_store(&team.spins, threads <= cpus() ? SPINS : 0);
        atomic_store(&team.job_threads, threads);
    }
    for (int i = 0; i < threads; i++) {
        atomic_store_explicit(&team.shares[i].next, tasks * i / threads, memory_order_relaxed);
        team.shares[i].end = tasks * (i + 1) / threads;
    }
    team.grain = tasks / (GRAINS * threads) > 1 ? tasks / (GRAINS * threads) : 1;
    team.run = run;
    team.context = context;
    team.mode = float_mode();
    atomic_store(&team.stopped, 0);
    uint64_t generation = (atomic_load(&team.word) / GENERATION + 1) * GENERATION;
    atomic_store(&team.word, generation | OPEN);
    if (atomic_load(&team.sleepers)) {
        pthread_mutex_lock(&team.sleep);
        pthread_cond_broadcast(&team.wake);
        pthread_mutex_unlock(&team.sleep);
    }
    work(0);
    if (self.stopped) atomic_store(&team.stopped, 1);
    atomic_fetch_and(&team.word, ~OPEN);
    for (int spin = 1; atomic_load(&team.word) & ATTACHED; spin++) poll(spin);
    pthread_mutex_unlock(&team.use);
}

int parallel_threads(void) { return team.threads; }

int64_t parallel_jobs(void) { return (int64_t)(atomic_load(&team.word) / GENERATION); }

void parallel_set_threads(int threads) {
    team.threads = threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
}

void parallel_set_stop(int (*stop)(void)) { team.stop = stop; }

void parallel_watch(void) {
    self.watching = team.stop != NULL;
    self.stopped = 0;
    self.next = 0;
}

int parallel_unwatch(void) {
    const int stopped = self.stopped;
    self.watching = self.stopped = 0;
    return stopped;
}

/* Waits for the end of a job, but not of one whose owner waits for a lock that the forking thread may hold. */
static _Thread_local int locked;
static void before_fork(void) {
    while (!(locked = !pthread_mutex_trylock(&team.use)) && !atomic_load(&team.asking)) sched_yield();
}
static void after_fork_parent(void) {
    if (locked) pthread_mutex_unlock(&team.use);
}
static void after_fork_child(void) {
    pthread_mutex_init(&team.use, NULL);
    pthread_mutex_init(&team.sleep, NULL);
    pthread_cond_init(&team.wake, NULL);
    atomic_store(&team.word, 0);
    atomic_store(&team.sleepers, 0);
    atomic_store(&team.asking, 0);
    team.workers = 0;
}
__attribute__((constructor)) static void register_fork_handlers(void) {
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}
