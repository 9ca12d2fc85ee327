#include "ctc.h"

#include <math.h>
#include <string.h>

#include "memory.h"
#include "norm.h"
#include "parallel.h"

typedef struct {
    const ctc_problem* p;
    const char *g, *known;
    char *loss, *gx, *scratch;
    int64_t room; /* doubles of scratch for a thread: alpha, and two rows of beta */
} ctc_job;

/* A sequence. */
typedef struct {
    const ctc_problem* p;
    int64_t i, states, times;
    const int64_t* labels;
} sequence;

/* log(e^a + e^b); NaN if one is. */
static double log_sum(double a, double b) {
    const double most = a > b ? a : b, least = a > b ? b : a;
    if (least == -INFINITY) return most;
    return most == -INFINITY ? least : most + log(1 + exp(least - most));
}

/* log(e^a + e^b + e^c) */
static double log_sum_of_3(double a, double b, double c) {
    if (c == -INFINITY) return log_sum(a, b);
    const double higher = a > b ? a : b, lower = a > b ? b : a, most = higher > c ? higher : c;
    if (most == -INFINITY) return a + b + c;
    return most + log(exp(lower - most) + (higher > c ? 1 + exp(c - most) : exp(higher - most) + 1));
}

static int64_t class_of(const sequence* q, int64_t s) { return s % 2 ? q->labels[s / 2] : q->p->blank; }
static double emitted(const sequence* q, int64_t t, int64_t s) {
    const ctc_problem* p = q->p;
    return norm_get(p->size, p->x, (t * p->n + q->i) * p->classes + class_of(q, s), 0);
}
/* A label may follow another one without the blank between. */
static int skips(const sequence* q, int64_t s) {
    return s % 2 && s > 1 && s < q->states && q->labels[s / 2] != q->labels[s / 2 - 1];
}

static sequence sequence_at(const ctc_problem* p, int64_t i) {
    return (sequence){p, i, 2 * p->sizes[i] + 1, p->times[i], p->labels + i * p->width};
}

/* Fills alpha (times, states); returns the loss. */
static double forward(const sequence* q, double* alpha) {
    const int64_t states = q->states;
    if (!q->times) return states == 1 ? 0 : INFINITY;
    for (int64_t s = 0; s < states; s++) alpha[s] = s < 2 ? emitted(q, 0, s) : -INFINITY;
    for (int64_t t = 1; t < q->times; t++) {
        const double* last = alpha + (t - 1) * states;
        for (int64_t s = 0; s < states; s++)
            alpha[t * states + s] = emitted(q, t, s) + log_sum_of_3(last[s], s ? last[s - 1] : -INFINITY,
                                                                    skips(q, s) ? last[s - 2] : -INFINITY);
    }
    const double* end = alpha + (q->times - 1) * states + states - 1;
    return -log_sum(end[0], states > 1 ? end[-1] : -INFINITY);
}

static void loss_task(void* context, int64_t i, int thread) {
    const ctc_job* j = context;
    const sequence q = sequence_at(j->p, i);
    norm_put(j->p->size, j->loss, i, forward(&q, (double*)j->scratch + thread * j->room));
}

static void grad_task(void* context, int64_t i, int thread) {
    const ctc_job* j = context;
    const ctc_problem* p = j->p;
    const sequence q = sequence_at(p, i);
    const int64_t states = q.states;
    const double g = norm_get(p->size, j->g, i, 0);
    for (int64_t t = 0; t < p->steps; t++)
        memset(j->gx + (t * p->n + i) * p->classes * p->size, 0, p->classes * p->size);
    if (isinf(norm_get(p->size, j->known, i, 0)) || !q.times) return;
    double *alpha = (double*)j->scratch + thread * j->room, *beta = alpha + q.times * states, *next = beta + states;
    const double loss = forward(&q, alpha);
    for (int64_t t = q.times - 1; t >= 0; t--) {
        for (int64_t s = 0; s < states; s++) {
            if (t == q.times - 1)
                beta[s] = s >= states - 2 ? 0 : -INFINITY;
            else /* next: with what the next time emits */
                beta[s] = log_sum_of_3(next[s], s + 1 < states ? next[s + 1] : -INFINITY,
                                       skips(&q, s + 2) ? next[s + 2] : -INFINITY);
            const int64_t at = (t * p->n + i) * p->classes + class_of(&q, s);
            const double share = exp(alpha[t * states + s] + beta[s] + loss);
            norm_put(p->size, j->gx, at, norm_get(p->size, j->gx, at, 0) - g * share);
        }
        for (int64_t s = 0; s < states; s++) next[s] = beta[s] + emitted(&q, t, s);
    }
}

static int run(ctc_job* j, parallel_task task) {
    const ctc_problem* p = j->p;
    const int threads = p->n > 1 ? parallel_threads() : 1;
    j->room = (p->steps + 2) * (2 * p->width + 1);
    j->scratch = memory_allocate((size_t)(j->room * (int64_t)sizeof(double) * threads));
    if (!j->scratch) return -1;
    parallel_for(threads, p->n, task, j);
    memory_release(j->scratch);
    return 0;
}

int ctc_loss(const ctc_problem* p, void* loss) {
    ctc_job j = {.p = p, .loss = loss};
    return run(&j, loss_task);
}

int ctc_loss_grad(const ctc_problem* p, const void* g, const void* loss, void* gx) {
    ctc_job j = {.p = p, .g = g, .known = loss, .gx = gx};
    return run(&j, grad_task);
}
