/* Connectionist temporal classification (Graves et al., ICML 2006): sequences in threads, probabilities as logarithms
 * in double.
 *
 * The states of a sequence are its labels with a blank before, between and after them; alpha[t][s] is the log of the
 * probability to be in state s at time t after the classes so far, beta[t][s] that of the classes to come. */
#pragma once
#include <stdint.h>

typedef struct {
    int64_t steps, n, classes, width, blank; /* width: labels of a row, at least as many as any sequence has */
    const void* x;                           /* log-probabilities (steps, n, classes), float or double */
    int size;                                /* bytes of one */
    const int64_t *labels, *times, *sizes;   /* (n, width) from 0 on; how many times and labels every sequence has */
} ctc_problem;

/* loss[i] = -log of the probability that sequence i's classes are its labels; infinite where they do not fit. Both
 * return -1 if scratch memory ran out. */
int ctc_loss(const ctc_problem* p, void* loss);
/* gx = its gradient for x, times g[i]: -g[i] times the probability of each class at each time; 0 where the loss is
 * infinite. */
int ctc_loss_grad(const ctc_problem* p, const void* g, const void* loss, void* gx);
