/* Copies between orders of memory: transpositions, from channels first to channels last and back, and blocks. */
#pragma once
#include <stdint.h>

/* y[c][r] = x[r][c] for a block of rows and columns; x_row and y_row: elements from one row to the next. */
#define TRANSPOSE_PARAMETERS (const void* x_, int64_t x_row, void* y_, int64_t y_row, int64_t rows, int64_t cols)
typedef void(*transpose_kernel) TRANSPOSE_PARAMETERS;
#define LAYOUT_KERNELS(X) X(transpose, TRANSPOSE_PARAMETERS)

/* `batch` matrices; x_next and y_next: elements from one to the next. Elements are of `size` bytes, 4 or 8. */
typedef struct {
    int64_t batch, rows, cols, x_row, y_row, x_next, y_next;
    int size;
} matrices;
void layout_transpose(const matrices* m, const void* x, void* y);

/* y[r][c] = x[r][c]. */
void layout_copy(const matrices* m, const void* x, void* y);
