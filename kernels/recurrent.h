/* One step of LSTM and GRU, between two matrix products. Rows of H units; gates lie in blocks of H along a row. */
#pragma once
#include <stdint.h>

/* gates = x + u (4 H: input, forget, cell, output) become activations; c = f c0 + i g, h = o tanh(c). */
#define LSTM_STEP_PARAMETERS \
    (const void* x_, const void* u_, const void* c0_, void* gates_, void* c_, void* h_, int64_t rows, int64_t H)
/* dgates from the gradients gh + next of h and gc + dc of c; dc becomes the gradient of c0. */
#define LSTM_STEP_GRAD_PARAMETERS                                                                              \
    (const void* gh_, const void* next_, const void* gc_, const void* gates_, const void* c0_, const void* c_, \
     void* dgates_, void* dc_, int64_t rows, int64_t H)
/* gates: r = s(x + u), z = s(x + u), n = tanh(x + r u), and u's last block; h = z h0 + (1 - z) n. */
#define GRU_STEP_PARAMETERS \
    (const void* x_, const void* u_, const void* h0_, void* gates_, void* h_, int64_t rows, int64_t H)
/* dx and du (3 H each) from the gradient gh + next of h; dh is the part of h0's that goes past the gates. */
#define GRU_STEP_GRAD_PARAMETERS                                                                               \
    (const void* gh_, const void* next_, const void* gates_, const void* h0_, void* dx_, void* du_, void* dh_, \
     int64_t rows, int64_t H)

#define RECURRENT_KERNELS(X)                     \
    X(lstm_step, LSTM_STEP_PARAMETERS)           \
    X(lstm_step_grad, LSTM_STEP_GRAD_PARAMETERS) \
    X(gru_step, GRU_STEP_PARAMETERS)             \
    X(gru_step_grad, GRU_STEP_GRAD_PARAMETERS)
