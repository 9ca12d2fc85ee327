/* Optimizer steps in place, over all parameters in one call. */
#pragma once
#include <stdint.h>

typedef struct {
    double lr, weight_decay, eps;
    double momentum, dampening; /* SGD; RMSprop has momentum too */
    double beta1, beta2;        /* Adam; RMSprop's alpha is beta2 */
    int nesterov, decoupled;
} optim_options;

/* arrays: the parameter, its gradient, then states or null: SGD momentum; Adam m, v, largest v; RMSprop v, momentum,
 * mean gradient. */
typedef struct {
    void* arrays[5];
    int64_t n;
    int dtype, first;                /* first: SGD's momentum starts as the gradient */
    double correction1, correction2; /* Adam's bias corrections */
} optim_tensor;

#define OPTIM_PARAMETERS (const optim_tensor* t, const optim_options* o, int64_t start, int64_t n)
#define OPTIM_KERNELS(X)           \
    X(sgd_step, OPTIM_PARAMETERS)  \
    X(adam_step, OPTIM_PARAMETERS) \
    X(rmsprop_step, OPTIM_PARAMETERS)
typedef void(*optim_kernel) OPTIM_PARAMETERS;

enum { OPTIM_SGD, OPTIM_ADAM, OPTIM_RMSPROP };

/* Returns -1 if scratch memory ran out. */
int optim_step(int rule, const optim_tensor* tensors, int64_t count, const optim_options* options);
