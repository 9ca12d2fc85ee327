# Written by `python docs/stubs.py` from the declarations in autograd/ops.

from typing import Any

from autograd.tensor import Tensor

def abs(x: Any, **names: Any) -> Tensor:
    """|x|; the gradient at 0 is 0."""

def absolute(x: Any, **names: Any) -> Tensor:
    """|x|; the gradient at 0 is 0."""

def acos(x: Any, **names: Any) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""

def acosh(x: Any, **names: Any) -> Tensor:
    """log(x + sqrt(x^2 - 1)), for x >= 1."""

def adaptive_avg_pool1d(x: Any, output_size: Any, **names: Any) -> Tensor:
    """Means over windows of x (N, C, L) that give `output_size` of them; see adaptive_avg_pool2d."""

def adaptive_avg_pool2d(x: Any, output_size: Any, **names: Any) -> Tensor:
    """y[n, c, p, q] = mean of x[n, c, h, w] over floor(p H / P) <= h < ceil((p + 1) H / P), and likewise w"""

def adaptive_avg_pool3d(x: Any, output_size: Any, **names: Any) -> Tensor:
    """Means over windows of x (N, C, D, H, W) that give `output_size` of them; see adaptive_avg_pool2d."""

def adaptive_max_pool1d(x: Any, output_size: Any, return_indices: Any = ..., **names: Any) -> Tensor:
    """Maxima over windows of x (N, C, L) that give `output_size` of them; see adaptive_max_pool2d."""

def adaptive_max_pool2d(x: Any, output_size: Any, return_indices: Any = ..., **names: Any) -> Tensor:
    """y[n, c, p, q] = max of x[n, c, h, w] over floor(p H / P) <= h < ceil((p + 1) H / P), and likewise w"""

def adaptive_max_pool3d(x: Any, output_size: Any, return_indices: Any = ..., **names: Any) -> Tensor:
    """Maxima over windows of x (N, C, D, H, W) that give `output_size` of them; see adaptive_max_pool2d."""

def add(x: Any, y: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """x + alpha * y, broadcast."""

def add_along_axis(x: Any, index: Any, y: Any, axis: Any = ..., **names: Any) -> Tensor:
    """A copy of x with y[i, j, k] added to x[i, index[i, j, k], k] (axis 1), repeated indices adding up."""

def addbmm(x: Any, batch1: Any, batch2: Any, beta: Any = ..., alpha: Any = ..., **names: Any) -> Tensor:
    """beta * x + alpha * the sum of all products batch1[b] @ batch2[b]"""

def addcdiv(x: Any, tensor1: Any, tensor2: Any, value: Any = ..., **names: Any) -> Tensor:
    """x + value * tensor1 / tensor2"""

def addcmul(x: Any, tensor1: Any, tensor2: Any, value: Any = ..., **names: Any) -> Tensor:
    """x + value * tensor1 * tensor2"""

def addmm(x: Any, mat1: Any, mat2: Any, beta: Any = ..., alpha: Any = ..., **names: Any) -> Tensor:
    """beta * x + alpha * (mat1 @ mat2)"""

def addmv(x: Any, mat: Any, vec: Any, beta: Any = ..., alpha: Any = ..., **names: Any) -> Tensor:
    """beta * x + alpha * (mat @ vec)"""

def addr(x: Any, vec1: Any, vec2: Any, beta: Any = ..., alpha: Any = ..., **names: Any) -> Tensor:
    """beta * x + alpha * outer(vec1, vec2)"""

def adjoint(x: Any, **names: Any) -> Tensor:
    """x with its last two axes exchanged."""

def affine_grid(theta: Any, size: Any, align_corners: Any = ..., **names: Any) -> Tensor:
    """The grid for grid_sample that the affine maps theta (N, 2, 3) or (N, 3, 4) give images of this size."""

def alias_copy(x: Any, **names: Any) -> Tensor:
    """A copy of x."""

def all(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """Whether all elements are nonzero, over axes."""

def allclose(x: Any, y: Any, rtol: Any = ..., atol: Any = ..., equal_nan: Any = ..., **names: Any) -> Any:
    """Whether isclose holds everywhere, as a Python bool."""

def alpha_dropout(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Dropout for SELU networks: mean and variance stay. Source: Klambauer et al., arXiv:1706.02515."""

def amax(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """The largest value over axes; NaN if there is one. Ties share the gradient evenly."""

def amin(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """The smallest value over axes; NaN if there is one. Ties share the gradient evenly."""

def aminmax(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(amin(x, axis), amax(x, axis))"""

def angle(x: Any, **names: Any) -> Tensor:
    """0 for x >= 0, pi below: the angle of a real number."""

def any(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """Whether any element is nonzero, over axes."""

def arccos(x: Any, **names: Any) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""

def arccosh(x: Any, **names: Any) -> Tensor:
    """log(x + sqrt(x^2 - 1)), for x >= 1."""

def arcsin(x: Any, **names: Any) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""

def arcsinh(x: Any, **names: Any) -> Tensor:
    """log(x + sqrt(x^2 + 1))"""

def arctan(x: Any, **names: Any) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""

def arctan2(x: Any, y: Any, **names: Any) -> Tensor:
    """The angle of the point (y, x), in (-pi, pi]: arctan(x / y) in the right quadrant."""

def arctanh(x: Any, **names: Any) -> Tensor:
    """log((1 + x) / (1 - x)) / 2, for |x| < 1."""

def argmax(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """Where the largest value stands along an axis (None: in the flattened x), int64; the first one of ties."""

def argmin(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """Where the smallest value stands along an axis (None: in the flattened x), int64; the first one of ties."""

def argsort(x: Any, axis: Any = ..., descending: Any = ..., stable: Any = ..., **names: Any) -> Tensor:
    """The indices that sort x along an axis, int64; ties keep their order, NaN counts as largest."""

def argwhere(x: Any, **names: Any) -> Tensor:
    """The indices of the nonzero elements, one row each: (count, ndim), int64."""

def as_strided(x: Any, shape: Any = ..., stride: Any = ..., storage_offset: Any = ..., **names: Any) -> Tensor:
    """y[i, j, ...] = x.flat[storage_offset + i stride[0] + j stride[1] + ...], counted in row-major order; a copy."""

def as_strided_scatter(x: Any, y: Any, shape: Any = ..., stride: Any = ..., storage_offset: Any = ..., **names: Any) -> Tensor:
    """A copy of x with y written to what as_strided would show."""

def asin(x: Any, **names: Any) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""

def asinh(x: Any, **names: Any) -> Tensor:
    """log(x + sqrt(x^2 + 1))"""

def astype(x: Any, dtype: Any = ..., **names: Any) -> Tensor:
    """x in another dtype, always a copy."""

def atan(x: Any, **names: Any) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""

def atan2(x: Any, y: Any, **names: Any) -> Tensor:
    """The angle of the point (y, x), in (-pi, pi]: arctan(x / y) in the right quadrant."""

def atanh(x: Any, **names: Any) -> Tensor:
    """log((1 + x) / (1 - x)) / 2, for |x| < 1."""

def atleast_1d(*xs: Any, **names: Any) -> tuple[Tensor, ...]:
    """Numbers as vectors of one element; of several tensors, a tuple."""

def atleast_2d(*xs: Any, **names: Any) -> tuple[Tensor, ...]:
    """Vectors as one row; of several tensors, a tuple."""

def atleast_3d(*xs: Any, **names: Any) -> tuple[Tensor, ...]:
    """Vectors as (1, n, 1), matrices as (m, n, 1); of several tensors, a tuple."""

def avg_pool1d(x: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., ceil_mode: Any = ..., count_include_pad: Any = ..., **names: Any) -> Tensor:
    """avg_pool2d of x (N, C, L) -> (N, C, Q), along the one axis."""

def avg_pool2d(x: Any, kernel_size: Any = ..., stride: Any = ..., padding: Any = ..., ceil_mode: Any = ..., count_include_pad: Any = ..., divisor_override: Any = ..., **names: Any) -> Tensor:
    """y[n, c, p, q] = mean over (r, s) of x[n, c, p*stride + r - padding, q*stride + s - padding]"""

def avg_pool2d_grad(u: Any, x_shape: Any = ..., kernel_size: Any = ..., stride: Any = ..., padding: Any = ..., ceil_mode: Any = ..., count_include_pad: Any = ..., divisor_override: Any = ..., **names: Any) -> Tensor:
    """Shares every u among the pixels of its window: the adjoint of avg_pool2d."""

def avg_pool3d(x: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., ceil_mode: Any = ..., count_include_pad: Any = ..., divisor_override: Any = ..., **names: Any) -> Tensor:
    """The mean of every window of x (N, C, D, H, W); padding counts or not, or divisor_override replaces the count."""

def baddbmm(x: Any, batch1: Any, batch2: Any, beta: Any = ..., alpha: Any = ..., **names: Any) -> Tensor:
    """beta * x[b] + alpha * (batch1[b] @ batch2[b])"""

def batch_norm(x: Any, running_mean: Any, running_var: Any, weight: Any = ..., bias: Any = ..., training: Any = ..., momentum: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """y[n, c, ...] = (x[n, c, ...] - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c]"""

def batch_norm_add_relu_train(x: Any, residual: Any, w: Any = ..., b: Any = ..., eps: Any = ..., running_mean: Any = ..., running_var: Any = ..., momentum: Any = ..., **names: Any) -> Tensor:
    """max(batch_norm_train(x, w, b) + residual, 0); the gradient takes ReLU's mask from the result."""

def batch_norm_eval(x: Any, mean: Any, var: Any, w: Any = ..., b: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """y[n, c, ...] = (x[n, c, ...] - mean[c]) * (var[c] + eps) ** -0.5 * w[c] + b[c]; mean and var are constants."""

def batch_norm_relu(x: Any, running_mean: Any, running_var: Any, weight: Any = ..., bias: Any = ..., residual: Any = ..., training: Any = ..., momentum: Any = ..., eps: Any = ..., six: Any = ..., **names: Any) -> Tensor:
    """max(batch_norm(x, ...) + residual, 0), in one pass over memory each way"""

def batch_norm_relu_eval(x: Any, mean: Any, var: Any, w: Any = ..., b: Any = ..., residual: Any = ..., eps: Any = ..., six: Any = ..., **names: Any) -> Tensor:
    """max(batch_norm_eval(x, mean, var, w, b) + residual, 0), in one pass; mean and var are constants."""

def batch_norm_relu_train(x: Any, w: Any = ..., b: Any = ..., eps: Any = ..., running_mean: Any = ..., running_var: Any = ..., momentum: Any = ..., six: Any = ..., **names: Any) -> Tensor:
    """max(batch_norm_train(x, w, b), 0), at most 6 with `six`; the gradient finds the mask again from x."""

def batch_norm_train(x: Any, w: Any = ..., b: Any = ..., eps: Any = ..., running_mean: Any = ..., running_var: Any = ..., momentum: Any = ..., **names: Any) -> Tensor:
    """y[n, c, ...] = (x[n, c, ...] - mean[c]) * rstd[c] * w[c] + b[c], rstd = (var + eps) ** -0.5 of the batch"""

def bernoulli(x: Any, generator: Any = ..., **names: Any) -> Tensor:
    """1 with probability x, else 0, in x's dtype."""

def bernoulli_loss(x: Any, y: Any, reduction: Any = ..., **names: Any) -> Tensor:
    """-y log(x) - (1 - y) log(1 - x) for 0 <= x <= 1, each logarithm at least -100; its mean or its sum."""

def bessel_j0(x: Any, **names: Any) -> Tensor:
    """The Bessel function of the first kind of order 0."""

def bessel_j1(x: Any, **names: Any) -> Tensor:
    """The Bessel function of the first kind of order 1."""

def bilinear(x: Any, y: Any, w: Any, b: Any = ..., **names: Any) -> Tensor:
    """z[..., k] = b[k] + sum_cd x[..., c] * w[k, c, d] * y[..., d]"""

def binary_cross_entropy(x: Any, y: Any, weight: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """-weight * (y log(x) + (1 - y) log(1 - x)); probabilities x and targets y of one shape, logarithms at least -100."""

def binary_cross_entropy_with_logits(x: Any, y: Any, weight: Any = ..., reduction: Any = ..., pos_weight: Any = ..., **names: Any) -> Tensor:
    """-weight * (pos_weight * y * log(p) + (1 - y) * log(1 - p)) with p = sigmoid(x), without overflow"""

def bincount(x: Any, weights: Any = ..., minlength: Any = ..., **names: Any) -> Tensor:
    """How often each int occurs, or the sum of its weights; at least `minlength` numbers."""

def binomial(count: Any, prob: Any, generator: Any = ..., **names: Any) -> Tensor:
    """How many of `count` trials of probability `prob` succeed, in count's dtype; both broadcast."""

def bitwise_and(x: Any, y: Any, **names: Any) -> Tensor:
    """x & y of ints or bools, broadcast."""

def bitwise_invert(x: Any, **names: Any) -> Tensor:
    """~x of ints or bools."""

def bitwise_left_shift(x: Any, y: Any, **names: Any) -> Tensor:
    """x * 2 ** y of ints, broadcast."""

def bitwise_not(x: Any, **names: Any) -> Tensor:
    """~x of ints or bools."""

def bitwise_or(x: Any, y: Any, **names: Any) -> Tensor:
    """x | y of ints or bools, broadcast."""

def bitwise_right_shift(x: Any, y: Any, **names: Any) -> Tensor:
    """floor(x / 2 ** y) of ints, broadcast."""

def bitwise_xor(x: Any, y: Any, **names: Any) -> Tensor:
    """x ^ y of ints or bools, broadcast."""

def blend(x: Any, weights: Any, places: Any = ..., **names: Any) -> Tensor:
    """y[n, p] = sum over t of weights[t, n, p] * x[n, places[t, n, p]]"""

def blend_dots(u: Any, x: Any, places: Any = ..., **names: Any) -> Tensor:
    """The gradient of blend for its weights: the dot products of u[n, p] and x[n, places[t, n, p]]."""

def blend_grad(u: Any, weights: Any, places: Any = ..., rows: Any = ..., **names: Any) -> Tensor:
    """The gradient of blend for an x of so many rows: weighted rows of u, added up at the places."""

def block_diag(*xs: Any, **names: Any) -> Tensor:
    """One matrix with the given ones along its diagonal, zeros elsewhere."""

def bmm(x: Any, y: Any, **names: Any) -> Tensor:
    """z[b, m, n] = sum_k x[b, m, k] * y[b, k, n] of two stacks of matrices, of one length."""

def broadcast_arrays(*xs: Any, **names: Any) -> tuple[Tensor, ...]:
    """All tensors at the shape that they broadcast to."""

def broadcast_tensors(*xs: Any, **names: Any) -> tuple[Tensor, ...]:
    """All tensors at the shape that they broadcast to."""

def broadcast_to(x: Any, shape: Any = ..., **names: Any) -> Tensor:
    """x repeated along axes of size 1 and along new leading axes, without copying; -1 keeps a size. Read-only."""

def bucketize(x: Any, edges: Any, right: Any = ..., out_int32: Any = ..., **names: Any) -> Tensor:
    """The bin of each x between sorted edges; an x on an edge is in the lower bin, or (right) the upper one."""

def cartesian_prod(*xs: Any, **names: Any) -> Tensor:
    """All combinations of elements of several vectors, one row each."""

def cat(*xs: Any, axis: Any = ..., **names: Any) -> Tensor:
    """The tensors one after another along an axis; the other sizes must be equal."""

def cauchy(x: Any, median: Any = ..., sigma: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Cauchy numbers, of density sigma / (pi (sigma^2 + (v - median)^2)), for every element of x."""

def cdist(x: Any, y: Any, p: Any = ..., compute_mode: Any = ..., **names: Any) -> Tensor:
    """d[..., i, j] = ||x[..., i, :] - y[..., j, :]||_p"""

def ceil(x: Any, **names: Any) -> Tensor:
    """The smallest integer >= x. The gradient is 0."""

def celu(x: Any, alpha: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """max(x, 0) + min(0, alpha * (e ** (x / alpha) - 1)). Source: Barron, arXiv:1704.07483."""

def chain_matmul(*xs: Any, **names: Any) -> Tensor:
    """The product of several matrices, in the order that needs the fewest multiplications; the ends may be vectors."""

def channel_shuffle(x: Any, groups: Any, **names: Any) -> Tensor:
    """Channels dealt out: (N, groups * k, ...) read as k * groups. Source: ShuffleNet, arXiv:1707.01083."""

def cholesky(x: Any, upper: Any = ..., **names: Any) -> Tensor:
    """The lower triangle L with L L^T = x, or (upper) its transpose, for symmetric positive definite matrices x."""

def cholesky_ex(x: Any, upper: Any = ..., check_errors: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(L, info); a matrix that is not positive definite is an error here, so info is 0."""

def cholesky_factor(x: Any, **names: Any) -> Tensor:
    """The lower triangle L with L L^T = (x + x^T) / 2."""

def cholesky_inverse(factor: Any, upper: Any = ..., **names: Any) -> Tensor:
    """The inverse of x, given the Cholesky factor of x."""

def cholesky_solve(y: Any, factor: Any, upper: Any = ..., **names: Any) -> Tensor:
    """z with x z = y, given the Cholesky factor of x."""

def chunk(x: Any, chunks: Any = ..., axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """At most this many pieces of one size (the last may be smaller). Views."""

def clamp(x: Any, low: Any = ..., high: Any = ..., **names: Any) -> Tensor:
    """min(max(x, low), high); a bound may be None, a number or a tensor. The gradient passes within the bounds."""

def clamp_max(x: Any, high: Any = ..., **names: Any) -> Tensor:
    """min(x, high)"""

def clamp_min(x: Any, low: Any = ..., **names: Any) -> Tensor:
    """max(x, low)"""

def clip(x: Any, low: Any = ..., high: Any = ..., **names: Any) -> Tensor:
    """min(max(x, low), high); a bound may be None, a number or a tensor. The gradient passes within the bounds."""

def clip_grad(u: Any, x: Any, low: Any = ..., high: Any = ..., **names: Any) -> Tensor:
    """u where low <= x <= high, else 0: the gradient of clip, whose bounds are numbers or None."""

def column_stack(*xs: Any, **names: Any) -> Tensor:
    """Joins along the second axis; vectors are columns."""

def combinations(x: Any, r: Any = ..., with_replacement: Any = ..., **names: Any) -> Tensor:
    """All choices (n, r) of r elements of a vector, in the order of their places."""

def concat(*xs: Any, axis: Any = ..., **names: Any) -> Tensor:
    """The tensors one after another along an axis; the other sizes must be equal."""

def concatenate(*xs: Any, axis: Any = ..., **names: Any) -> Tensor:
    """The tensors one after another along an axis; the other sizes must be equal."""

def cond(x: Any, p: Any = ..., **names: Any) -> Tensor:
    """The condition number: largest over smallest singular value, or (p) ||x||_p ||x^-1||_p."""

def constant_pad(x: Any, pad: Any = ..., value: Any = ..., **names: Any) -> Tensor:
    """x with a border of one value; negative widths cut off instead."""

def constant_pad_nd(x: Any, pad: Any = ..., value: Any = ..., **names: Any) -> Tensor:
    """x with a border of one value; negative widths cut off instead."""

def contract(x: Any, y: Any, equation: Any = ..., **names: Any) -> Tensor:
    """The Einstein sum of two operands, e.g. equation 'abc,cd->abd': the step that einsum is made of."""

def conv1d(x: Any, w: Any, b: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., **names: Any) -> Tensor:
    """y[n, k, q] = b[k] + sum_cs x[n, c, q*stride + s*dilation - padding] * w[k, c, s]"""

def conv2d(x: Any, w: Any, b: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., **names: Any) -> Tensor:
    """y[n, k, p, q] = b[k] + sum_crs x[n, c, h(p, r), w(q, s)] * w[k, c, r, s], h(p, r) = p*stride + r*dilation - pad"""

def conv2d_grad_b(u: Any, **names: Any) -> Tensor:
    """gb[k] = sum_npq u[n, k, p, q]: the adjoint of conv2d in b."""

def conv2d_grad_w(u: Any, x: Any, w_shape: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., **names: Any) -> Tensor:
    """gw[k, c, r, s] = sum_npq u[n, k, p, q] * x[n, c, h(p, r), w(q, s)], h(p, r) = p*stride + r*dilation - padding"""

def conv2d_grad_x(u: Any, w: Any, x_shape: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., **names: Any) -> Tensor:
    """gx[n, c, h, w] = sum of u[n, k, p, q] * w[k, c, r, s] over all (k, p, q, r, s) where conv2d meets x[n, c, h, w]"""

def conv2d_relu(x: Any, w: Any, b: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., **names: Any) -> Tensor:
    """max(conv2d(x, w, b, ...), 0) in one pass, with the same bits."""

def conv2d_relu6(x: Any, w: Any, b: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., **names: Any) -> Tensor:
    """min(max(conv2d(x, w, b, ...), 0), 6) in one pass, with the same bits."""

def conv3d(x: Any, w: Any, b: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., **names: Any) -> Tensor:
    """conv2d of volumes: y[n, k, o] = b[k] + sum over c and kernel positions of x times w"""

def conv_chain(x: Any, w: Any, layers: Any = ..., **names: Any) -> Tensor:
    """x through 1x1 and depthwise 3x3 convolutions, with the bits of one after the other: MobileNetV2's blocks."""

def conv_transpose1d(x: Any, w: Any, b: Any = ..., stride: Any = ..., padding: Any = ..., output_padding: Any = ..., groups: Any = ..., dilation: Any = ..., **names: Any) -> Tensor:
    """The adjoint of conv1d applied to x (N, C, L), w (C, K/groups, S); see conv_transpose2d."""

def conv_transpose2d(x: Any, w: Any, b: Any = ..., stride: Any = ..., padding: Any = ..., output_padding: Any = ..., groups: Any = ..., dilation: Any = ..., **names: Any) -> Tensor:
    """y = b + the adjoint of conv2d applied to x: each x[n, c, h, w] adds its multiple of w[c] to a window of y"""

def conv_transpose3d(x: Any, w: Any, b: Any = ..., stride: Any = ..., padding: Any = ..., output_padding: Any = ..., groups: Any = ..., dilation: Any = ..., **names: Any) -> Tensor:
    """The adjoint of conv3d applied to x (N, C, D, H, W), w (C, K/groups, T, R, S); see conv_transpose2d."""

def copysign(x: Any, y: Any, **names: Any) -> Tensor:
    """|x| with the sign of y, broadcast; no gradient reaches y, none x at 0."""

def corrcoef(x: Any, **names: Any) -> Tensor:
    """The correlation of variables (rows) from observations (columns)."""

def cos(x: Any, **names: Any) -> Tensor:
    """The cosine of x (radians)."""

def cosh(x: Any, **names: Any) -> Tensor:
    """(e^x + e^-x) / 2"""

def cosine_embedding_loss(x: Any, y: Any, target: Any, margin: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """1 - cos(x, y) where target is 1, max(0, cos(x, y) - margin) where it is -1; x, y (N, C) or (C,)."""

def cosine_similarity(x: Any, y: Any, axis: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """sum(x * y) / (max(||x||, eps) * max(||y||, eps)) along axis (or dim); x and y broadcast."""

def count_nonzero(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """How many elements are nonzero, over axes; int64."""

def cov(x: Any, correction: Any = ..., fweights: Any = ..., aweights: Any = ..., **names: Any) -> Tensor:
    """The covariance of variables (rows) from observations (columns); weights are repeats (ints) and importances."""

def cross(x: Any, y: Any, axis: Any = ..., **names: Any) -> Tensor:
    """The vector product along an axis of size 3 (None: the first such axis)."""

def cross_entropy(x: Any, target: Any, weight: Any = ..., ignore_index: Any = ..., reduction: Any = ..., label_smoothing: Any = ..., **names: Any) -> Tensor:
    """-sum_c weight[c] * q[n, c] * log(softmax(x)[n, c]), q[n] = (1 - s) * onehot(target[n]) + s / C"""

def cross_entropy_grad(u: Any, logp: Any, target: Any, weight: Any = ..., ignore_index: Any = ..., reduction: Any = ..., label_smoothing: Any = ..., **names: Any) -> Tensor:
    """u times the gradient of cross_entropy, given the log-probabilities; has no gradient: cross_entropy has a twin."""

def ctc_loss(x: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: Any = ..., reduction: Any = ..., zero_infinity: Any = ..., **names: Any) -> Tensor:
    """-log of the probability that the classes of each time, repeats joined and blanks dropped, are the targets"""

def ctc_losses(x: Any, labels: Any = ..., times: Any = ..., sizes: Any = ..., blank: Any = ..., **names: Any) -> Tensor:
    """ctc_loss of each sequence: x log-probabilities (T, N, C), labels (N, S); infinite where they do not fit"""

def cummax(x: Any, axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(values, indices) of the largest element so far along an axis."""

def cummin(x: Any, axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(values, indices) of the smallest element so far along an axis."""

def cumprod(x: Any, axis: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """y[i] = x[0] * ... * x[i] along an axis; its gradient is right where factors are 0 too."""

def cumsum(x: Any, axis: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """y[i] = x[0] + ... + x[i] along an axis; ints and bools add up as int64."""

def cumsum_grad(u: Any, axis: Any = ..., **names: Any) -> Tensor:
    """y[i] = u[i] + ... + the last along an axis: the gradient of cumsum, and cumsum's that of it."""

def cumulative_sum(x: Any, axis: Any = ..., dtype: Any = ..., include_initial: Any = ..., **names: Any) -> Tensor:
    """cumsum(x), after a 0 if include_initial; a vector needs no axis."""

def cumulative_trapezoid(y: Any, x: Any = ..., dx: Any = ..., axis: Any = ..., **names: Any) -> Tensor:
    """The area under y up to each point."""

def deg2rad(x: Any, **names: Any) -> Tensor:
    """An angle in radians from degrees."""

def det(x: Any, **names: Any) -> Tensor:
    """The determinant of square matrices."""

def diag(x: Any, diagonal: Any = ..., **names: Any) -> Tensor:
    """A vector as a diagonal of a square matrix, or a diagonal of a matrix as a vector."""

def diag_embed(x: Any, offset: Any = ..., dim1: Any = ..., dim2: Any = ..., **names: Any) -> Tensor:
    """y[..., i, i + offset] = x[..., i]: the last axis as diagonals of matrices in the axes dim1 and dim2."""

def diagflat(x: Any, offset: Any = ..., **names: Any) -> Tensor:
    """All elements on a diagonal of a square matrix."""

def diagonal(x: Any, offset: Any = ..., dim1: Any = ..., dim2: Any = ..., **names: Any) -> Tensor:
    """y[..., i] = x[..., i, i + offset] of the axes dim1 and dim2, which disappear. A read-only view."""

def diagonal_copy(x: Any, offset: Any = ..., dim1: Any = ..., dim2: Any = ..., **names: Any) -> Tensor:
    """y[..., i] = x[..., i, i + offset] of the axes dim1 and dim2, which disappear. A read-only view."""

def diagonal_scatter(x: Any, y: Any, offset: Any = ..., dim1: Any = ..., dim2: Any = ..., **names: Any) -> Tensor:
    """A copy of x with y on a diagonal."""

def diff(x: Any, n: Any = ..., axis: Any = ..., prepend: Any = ..., append: Any = ..., **names: Any) -> Tensor:
    """x[i + 1] - x[i] along an axis, n times; bools: whether they differ."""

def digamma(x: Any, **names: Any) -> Tensor:
    """The derivative of lgamma."""

def dist(x: Any, y: Any, p: Any = ..., **names: Any) -> Tensor:
    """||x - y||_p over all elements; x and y broadcast."""

def div(x: Any, y: Any, rounding_mode: Any = ..., **names: Any) -> Tensor:
    """x / y, broadcast; ints give floats. rounding_mode 'floor' or 'trunc': whole quotients, without gradient."""

def divide(x: Any, y: Any, rounding_mode: Any = ..., **names: Any) -> Tensor:
    """x / y, broadcast; ints give floats. rounding_mode 'floor' or 'trunc': whole quotients, without gradient."""

def dot(x: Any, y: Any, **names: Any) -> Tensor:
    """sum_k x[k] * y[k] of two vectors, as torch.dot."""

def dropout(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """y = x * mask / (1 - p), mask being 0 with probability p; x itself outside training."""

def dropout1d(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Dropout of whole channels of x (N, C, L)."""

def dropout2d(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Dropout of whole channels x[n, c]: all elements of a channel are kept or dropped together."""

def dropout3d(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Dropout of whole channels of x (N, C, D, H, W)."""

def dsplit(x: Any, sections: Any, **names: Any) -> tuple[Tensor, ...]:
    """Splits along the third axis into equal pieces, or at indices. Views."""

def dstack(*xs: Any, **names: Any) -> Tensor:
    """Joins along the third axis; what has fewer gets them."""

def eigh(x: Any, UPLO: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(eigenvalues, eigenvectors) of symmetric matrices, ascending; vectors are columns of either sign."""

def eigh_packed(x: Any, **names: Any) -> Tensor:
    """The eigenvectors (columns) and ascending eigenvalues of (x + x^T) / 2, packed."""

def eigvalsh(x: Any, UPLO: Any = ..., **names: Any) -> Tensor:
    """The ascending eigenvalues of symmetric matrices."""

def einsum(equation: Any, *operands: Any, **names: Any) -> Tensor:
    """The sum over all letters that the right side lacks: einsum('ij,jk->ik', x, y) is x @ y."""

def elu(x: Any, alpha: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """x where x > 0, else alpha * (e ** x - 1). Source: Clevert et al., arXiv:1511.07289."""

def elu_grad(u: Any, x: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """u where x > 0, else u * alpha * e ** x: the gradient of elu."""

def embedding(x: Any, w: Any, padding_idx: Any = ..., **names: Any) -> Tensor:
    """y[..., :] = w[x[...], :]: rows of a table (V, C) by ids in [0, V). The row padding_idx gets no gradient."""

def embedding_bag(x: Any, w: Any, offsets: Any = ..., mode: Any = ..., per_sample_weights: Any = ..., include_last_offset: Any = ..., padding_idx: Any = ..., **names: Any) -> Tensor:
    """The sum, mean or maximum of the rows w[x] of each bag: x (N, L), or all bags in a row and their offsets (N,)."""

def entr(x: Any, **names: Any) -> Tensor:
    """-x * log(x); 0 at 0, -inf below."""

def eq(x: Any, y: Any, **names: Any) -> Tensor:
    """x == y, broadcast; bools."""

def equal(x: Any, y: Any, **names: Any) -> Any:
    """Whether x and y have the same shape and elements, as a Python bool."""

def erf(x: Any, **names: Any) -> Tensor:
    """2 / sqrt(pi) * the integral of e^(-t^2) from 0 to x"""

def erfc(x: Any, **names: Any) -> Tensor:
    """1 - erf(x), precise for large x."""

def erfinv(x: Any, **names: Any) -> Tensor:
    """The number whose erf is x."""

def exp(x: Any, **names: Any) -> Tensor:
    """e ** x"""

def exp2(x: Any, **names: Any) -> Tensor:
    """2 ** x"""

def expand(x: Any, shape: Any = ..., **names: Any) -> Tensor:
    """x repeated along axes of size 1 and along new leading axes, without copying; -1 keeps a size. Read-only."""

def expand_as(x: Any, y: Any, **names: Any) -> Tensor:
    """x broadcast to the shape of y."""

def expand_copy(x: Any, shape: Any = ..., **names: Any) -> Tensor:
    """x repeated along axes of size 1 and along new leading axes, without copying; -1 keeps a size. Read-only."""

def expand_dims(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """Inserts an axis of size 1 at this place of the result."""

def expit(x: Any, **names: Any) -> Tensor:
    """1 / (1 + e ** -x)"""

def expm1(x: Any, **names: Any) -> Tensor:
    """e ** x - 1, precise near 0."""

def exponential(x: Any, lambd: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Exponential numbers, of density lambd e^(-lambd v), for every element of x."""

def feature_alpha_dropout(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """As alpha_dropout, for whole channels of x (N, C, ...)."""

def fill(x: Any, value: Any, **names: Any) -> Tensor:
    """One value, a number or a tensor without axes, in x's shape and dtype."""

def fix(x: Any, **names: Any) -> Tensor:
    """x without its fraction. The gradient is 0."""

def flatten(x: Any, start_dim: Any = ..., end_dim: Any = ..., **names: Any) -> Tensor:
    """Joins the axes from start_dim to end_dim into one."""

def flip(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """The elements in reverse order along axes (None: all). A view."""

def fliplr(x: Any, **names: Any) -> Tensor:
    """The columns in reverse order."""

def flipud(x: Any, **names: Any) -> Tensor:
    """The rows in reverse order."""

def float_power(x: Any, y: Any, dtype: Any = ..., **names: Any) -> Tensor:
    """x ** y, computed in float64."""

def floor(x: Any, **names: Any) -> Tensor:
    """The largest integer <= x. The gradient is 0."""

def floor_divide(x: Any, y: Any, **names: Any) -> Tensor:
    """floor(x / y), broadcast."""

def fmax(x: Any, y: Any, **names: Any) -> Tensor:
    """The larger of x and y; of a number and NaN, the number."""

def fmin(x: Any, y: Any, **names: Any) -> Tensor:
    """The smaller of x and y; of a number and NaN, the number."""

def fmod(x: Any, y: Any, **names: Any) -> Tensor:
    """x - trunc(x / y) * y: the sign is that of x, as C's fmod."""

def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = ..., padding: Any = ..., stride: Any = ..., **names: Any) -> Tensor:
    """The adjoint of unfold: columns (N, C R S, windows) added up into images (N, C, *output_size), known as col2im."""

def frac(x: Any, **names: Any) -> Tensor:
    """x - trunc(x): the fraction, with the sign of x."""

def fractional_max_pool2d(x: Any, kernel_size: Any, output_size: Any = ..., output_ratio: Any = ..., return_indices: Any = ..., _random_samples: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """The largest element of each of output_size windows of x (N, C, H, W), placed pseudo-randomly for each n and c."""

def fractional_max_pool3d(x: Any, kernel_size: Any, output_size: Any = ..., output_ratio: Any = ..., return_indices: Any = ..., _random_samples: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """fractional_max_pool2d of volumes (N, C, D, H, W)."""

def frexp(x: Any, **names: Any) -> tuple[Tensor, ...]:
    """(mantissa, exponent): x = mantissa * 2 ** exponent with the mantissa in [0.5, 1)."""

def gammaln(x: Any, **names: Any) -> Tensor:
    """log |gamma(x)|"""

def gather(x: Any, axis: Any = ..., index: Any = ..., **names: Any) -> Tensor:
    """y[i, j] = x[i, index[i, j]] (axis 1), for as many i as index has."""

def gaussian_nll_loss(x: Any, y: Any, var: Any, full: Any = ..., eps: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """(log(var) + (x - y) ** 2 / var) / 2, var held at least eps; var has x's shape, or 1 for (or lacks) its last axis"""

def gcd(x: Any, y: Any, **names: Any) -> Tensor:
    """The greatest common divisor of ints, broadcast."""

def ge(x: Any, y: Any, **names: Any) -> Tensor:
    """x >= y, broadcast; bools."""

def gelu(x: Any, approximate: Any = ..., **names: Any) -> Tensor:
    """x * Phi(x) with the normal distribution Phi(x) = (1 + erf(x / sqrt 2)) / 2"""

def geometric(x: Any, p: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """How many trials of probability p it takes until one succeeds, 1 or more, for every element of x."""

def getitem(x: Any, index: Any = ..., **names: Any) -> Tensor:
    """x[index], as NumPy: ints, slices, None, ... give views; int and bool arrays or tensors give copies."""

def glu(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """a * sigmoid(b), where a and b are the halves of x along axis. Source: Dauphin et al., arXiv:1612.08083."""

def greater(x: Any, y: Any, **names: Any) -> Tensor:
    """x > y, broadcast; bools."""

def greater_equal(x: Any, y: Any, **names: Any) -> Tensor:
    """x >= y, broadcast; bools."""

def grid_sample(x: Any, grid: Any, mode: Any = ..., padding_mode: Any = ..., align_corners: Any = ..., **names: Any) -> Tensor:
    """y[n, c, ...] = x at the place grid[n, ..., :] = (x, y) or (x, y, z), where -1 and 1 are the image's edges"""

def group_norm(x: Any, num_groups: Any, weight: Any = ..., bias: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """y = (x - mean) / sqrt(var + eps) * weight[c] + bias[c], statistics per image and group of C / num_groups channels"""

def group_norm_train(x: Any, w: Any = ..., b: Any = ..., groups: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """group_norm; extras mean and (var + eps) ** -0.5 of each image and group."""

def gru(gates: Any, h: Any, u: Any, b: Any = ..., **names: Any) -> Tensor:
    """All steps of a layer: gates (L, N, 3 H) of the input, h (N, H), u (3 H, H), b (3 H,) -> every h (L, N, H)"""

def gt(x: Any, y: Any, **names: Any) -> Tensor:
    """x > y, broadcast; bools."""

def gumbel_softmax(x: Any, tau: Any = ..., hard: Any = ..., eps: Any = ..., axis: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """softmax((x + noise) / tau), a differentiable draw from the classes x; hard: one-hot forward. arXiv:1611.01144."""

def hardshrink(x: Any, lambd: Any = ..., **names: Any) -> Tensor:
    """x where |x| > lambd, else 0."""

def hardsigmoid(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """min(max(x + 3, 0), 6) / 6. Source: Courbariaux et al., arXiv:1511.00363."""

def hardswish(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x * hardsigmoid(x). Source: Howard et al., Searching for MobileNetV3, arXiv:1905.02244."""

def hardtanh(x: Any, min_val: Any = ..., max_val: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """min(max(x, min_val), max_val); the slope at the bounds is 0, which the result alone tells."""

def hardtanh_grad(u: Any, y: Any, min_val: Any = ..., max_val: Any = ..., **names: Any) -> Tensor:
    """u where min_val < y < max_val, else 0: the gradient of hardtanh, given its result y."""

def heaviside(x: Any, y: Any, **names: Any) -> Tensor:
    """0 where x < 0, y where x = 0, 1 where x > 0; broadcast."""

def hinge_embedding_loss(x: Any, y: Any, margin: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """x where y = 1, max(0, margin - x) where y = -1."""

def histc(x: Any, bins: Any = ..., low: Any = ..., high: Any = ..., **names: Any) -> Tensor:
    """How many elements fall into each of equal bins between low and high (both 0: the data's own), in x's dtype."""

def histogram(x: Any, bins: Any, range: Any = ..., weight: Any = ..., density: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(hist, bin_edges): how many elements, or how much weight, fall into each bin; density: per width and of sum 1."""

def householder_product(x: Any, tau: Any, **names: Any) -> Tensor:
    """The first columns of the product of I - tau[i] v v^T over the columns v of x, below a diagonal of 1."""

def hsplit(x: Any, sections: Any, **names: Any) -> tuple[Tensor, ...]:
    """Splits along the second axis (the first one of vectors) into equal pieces, or at indices. Views."""

def hstack(*xs: Any, **names: Any) -> Tensor:
    """Joins along the second axis (the first one of vectors)."""

def huber_loss(x: Any, y: Any, reduction: Any = ..., delta: Any = ..., **names: Any) -> Tensor:
    """d ** 2 / 2 where d = |x - y| < delta, else delta * (d - delta / 2). Source: Huber, Ann. Math. Stat. 35 (1964)."""

def hypot(x: Any, y: Any, **names: Any) -> Tensor:
    """sqrt(x^2 + y^2), without overflow in between."""

def i0(x: Any, **names: Any) -> Tensor:
    """The modified Bessel function of the first kind of order 0."""

def i0e(x: Any, **names: Any) -> Tensor:
    """e^-|x| times the modified Bessel function of order 0."""

def i1(x: Any, **names: Any) -> Tensor:
    """The modified Bessel function of the first kind of order 1."""

def i1e(x: Any, **names: Any) -> Tensor:
    """e^-|x| times the modified Bessel function of order 1."""

def identity(x: Any, **names: Any) -> Tensor:
    """A copy of x."""

def index_add(x: Any, axis: Any = ..., index: Any = ..., source: Any = ..., alpha: Any = ..., **names: Any) -> Tensor:
    """A copy of x to whose slices index[i] along an axis source's slices i are added, alpha times."""

def index_copy(x: Any, axis: Any, index: Any, source: Any, **names: Any) -> Tensor:
    """A copy of x whose slices index[i] along an axis are source's slices i."""

def index_fill(x: Any, axis: Any, index: Any, value: Any, **names: Any) -> Tensor:
    """A copy of x whose slices index[i] along an axis are one value."""

def index_put(x: Any, index: Any, values: Any, accumulate: Any = ..., **names: Any) -> Tensor:
    """A copy of x with x[index] replaced by values, or (accumulate) values added, repeated indices adding up."""

def index_reduce(x: Any, axis: Any, index: Any, source: Any, reduce: Any, include_self: Any = ..., **names: Any) -> Tensor:
    """scatter_reduce of whole slices: x[index[i]] is reduced with source[i] along an axis."""

def index_select(x: Any, axis: Any = ..., index: Any = ..., **names: Any) -> Tensor:
    """Slices of x along an axis, in the order of the 1-d index."""

def inner(x: Any, y: Any, **names: Any) -> Tensor:
    """z[..., m] = sum_k x[..., k] * y[m, ..., k]; with a number, its product."""

def instance_norm(x: Any, running_mean: Any = ..., running_var: Any = ..., weight: Any = ..., bias: Any = ..., use_input_stats: Any = ..., momentum: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """group_norm with one channel per group; use_input_stats=False takes the running statistics, as batch_norm"""

def interpolate(x: Any, size: Any = ..., scale_factor: Any = ..., mode: Any = ..., align_corners: Any = ..., recompute_scale_factor: Any = ..., antialias: Any = ..., **names: Any) -> Tensor:
    """x (N, C, ...) at another size, axis by axis"""

def inv(x: Any, **names: Any) -> Tensor:
    """The inverse of square matrices."""

def inv_ex(x: Any, check_errors: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(inverse, info); a singular matrix is an error here, so info is 0."""

def inverse(x: Any, **names: Any) -> Tensor:
    """The inverse of square matrices."""

def isclose(x: Any, y: Any, rtol: Any = ..., atol: Any = ..., equal_nan: Any = ..., **names: Any) -> Tensor:
    """|x - y| <= atol + rtol |y|, broadcast; equal infinities are close."""

def isfinite(x: Any, **names: Any) -> Tensor:
    """Whether x is neither NaN nor infinite."""

def isin(x: Any, y: Any, assume_unique: Any = ..., invert: Any = ..., **names: Any) -> Tensor:
    """Whether each element of x is among those of y."""

def isinf(x: Any, **names: Any) -> Tensor:
    """Whether x is inf or -inf."""

def isnan(x: Any, **names: Any) -> Tensor:
    """Whether x is NaN."""

def isneginf(x: Any, **names: Any) -> Tensor:
    """Whether x is -inf."""

def isposinf(x: Any, **names: Any) -> Tensor:
    """Whether x is inf."""

def isreal(x: Any, **names: Any) -> Tensor:
    """True everywhere: there are no complex tensors."""

def kl_div(x: Any, y: Any, reduction: Any = ..., log_target: Any = ..., **names: Any) -> Tensor:
    """y * (log(y) - x) for log-probabilities x and probabilities y (log-probabilities if log_target); 0 where y = 0"""

def kron(x: Any, y: Any, **names: Any) -> Tensor:
    """The Kronecker product: every element of x times the whole of y, as one matrix of blocks."""

def kthvalue(x: Any, k: Any = ..., axis: Any = ..., keepdims: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(values, indices) of the k-th smallest along an axis, k from 1."""

def l1_loss(x: Any, y: Any, reduction: Any = ..., **names: Any) -> Tensor:
    """|x - y|, its mean or its sum; x and y (the target) of one shape."""

def layer_norm(x: Any, normalized_shape: Any, weight: Any = ..., bias: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and (biased) variance over the last axes"""

def layer_norm_rows(x: Any, w: Any = ..., b: Any = ..., size: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """layer_norm over the last axes of x, which hold `size` values; extras mean and (var + eps) ** -0.5 of each row."""

def lcm(x: Any, y: Any, **names: Any) -> Tensor:
    """The least common multiple of ints, broadcast."""

def ldexp(x: Any, y: Any, **names: Any) -> Tensor:
    """x * 2 ** y"""

def le(x: Any, y: Any, **names: Any) -> Tensor:
    """x <= y, broadcast; bools."""

def leaky_relu(x: Any, negative_slope: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """x where x > 0, else negative_slope * x. Source: Maas et al., ICML 2013."""

def leaky_relu_grad(u: Any, x: Any, negative_slope: Any = ..., **names: Any) -> Tensor:
    """u where x > 0, else negative_slope * u: the gradient of leaky_relu."""

def lerp(x: Any, end: Any, w: Any, **names: Any) -> Tensor:
    """x + w * (end - x): linear interpolation."""

def less(x: Any, y: Any, **names: Any) -> Tensor:
    """x < y, broadcast; bools."""

def less_equal(x: Any, y: Any, **names: Any) -> Tensor:
    """x <= y, broadcast; bools."""

def lgamma(x: Any, **names: Any) -> Tensor:
    """log |gamma(x)|"""

def linalg_diagonal(x: Any, offset: Any = ..., dim1: Any = ..., dim2: Any = ..., **names: Any) -> Tensor:
    """The diagonals of matrices in the last two axes."""

def linalg_lu(x: Any, pivot: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(P, L, U) with P L U = x: a permutation, a lower triangle with 1 on its diagonal, an upper triangle."""

def linalg_lu_solve(packed: Any, pivots: Any, y: Any, left: Any = ..., adjoint: Any = ..., **names: Any) -> Tensor:
    """z with x z = y, given lu_factor of x; left=False: z x = y; adjoint: x^T."""

def linalg_norm(x: Any, ord: Any = ..., axis: Any = ..., keepdims: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """A vector norm over one axis, a matrix norm over two; ord None: the 2-norm of all (or the given) elements."""

def linalg_qr(x: Any, mode: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(Q, R): orthonormal columns and an upper triangle with Q R = x; mode 'complete': Q square, 'r': Q empty."""

def linalg_svd(x: Any, full_matrices: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(U, S, V^T) with (U * S) V^T = x: orthonormal columns, descending singular values, orthonormal rows."""

def linear(x: Any, w: Any, b: Any = ..., **names: Any) -> Tensor:
    """y[..., k] = b[k] + sum_c x[..., c] * w[k, c]"""

def linear_cross_entropy(x: Any, w: Any, target: Any, linear_bias: Any = ..., weight: Any = ..., reduction: Any = ..., ignore_index: Any = ..., label_smoothing: Any = ..., options: Any = ..., **names: Any) -> Tensor:
    """cross_entropy(x w^T + linear_bias, target, ...); w (K, C), or (K, d1, ..., C) for targets (N, d1, ...)."""

def linear_grad_w(u: Any, x: Any, **names: Any) -> Tensor:
    """gw[k, c] = sum over ... of u[..., k] * x[..., c]: the adjoint of linear in w."""

def linear_relu(x: Any, w: Any, b: Any = ..., **names: Any) -> Tensor:
    """max(linear(x, w, b), 0) in one pass, with the same bits."""

def local_response_norm(x: Any, size: Any, alpha: Any = ..., beta: Any = ..., k: Any = ..., **names: Any) -> Tensor:
    """y[n, c, ...] = x[n, c, ...] / (k + alpha / size * sum of x[n, i, ...] ** 2) ** beta, i from c - size//2"""

def log(x: Any, **names: Any) -> Tensor:
    """The natural logarithm of x; -inf at 0, NaN below."""

def log10(x: Any, **names: Any) -> Tensor:
    """The logarithm of x to base 10."""

def log1p(x: Any, **names: Any) -> Tensor:
    """log(1 + x), precise near 0."""

def log2(x: Any, **names: Any) -> Tensor:
    """The logarithm of x to base 2."""

def log_ndtr(x: Any, **names: Any) -> Tensor:
    """log(ndtr(x)), also where ndtr underflows."""

def log_normal(x: Any, mean: Any = ..., std: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """e to the power of normal numbers of this mean and standard deviation, for every element of x."""

def log_softmax(x: Any, axis: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """y = x - log(sum(e ** x)) along axis, without overflow; axis (or dim) is required; dtype casts x first."""

def log_softmax_grad(u: Any, y: Any, axis: Any = ..., **names: Any) -> Tensor:
    """u - e ** y * sum(u) along axis: the gradient of log_softmax, given its result y."""

def logabsdet(x: Any, **names: Any) -> Tensor:
    """log |det(x)| of square matrices; -inf for singular ones."""

def logaddexp(x: Any, y: Any, **names: Any) -> Tensor:
    """log(e^x + e^y), without overflow in between."""

def logaddexp2(x: Any, y: Any, **names: Any) -> Tensor:
    """log2(2^x + 2^y), without overflow in between."""

def logcumsumexp(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """log(e^x[0] + ... + e^x[i]) along an axis, without overflow in between."""

def logdet(x: Any, **names: Any) -> Tensor:
    """log(det(x)); NaN where the determinant is negative."""

def logical_and(x: Any, y: Any, **names: Any) -> Tensor:
    """Whether x and y are both nonzero, broadcast."""

def logical_not(x: Any, **names: Any) -> Tensor:
    """Whether x is zero."""

def logical_or(x: Any, y: Any, **names: Any) -> Tensor:
    """Whether x or y is nonzero, broadcast."""

def logical_xor(x: Any, y: Any, **names: Any) -> Tensor:
    """Whether exactly one of x and y is nonzero, broadcast."""

def logistic_loss(x: Any, y: Any, reduction: Any = ..., **names: Any) -> Tensor:
    """(1 - y) x + log(1 + e^-x): bernoulli_loss of sigmoid(x), without overflow; its mean or its sum."""

def logit(x: Any, eps: Any = ..., **names: Any) -> Tensor:
    """log(x / (1 - x)); with eps, x is held within [eps, 1 - eps]."""

def logsigmoid(x: Any, **names: Any) -> Tensor:
    """log(1 / (1 + e ** -x)) = -log(1 + e ** -x), without overflow."""

def logsumexp(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """log(sum(e^x)) over axes, without overflow in between; nothing gives -inf."""

def lp_pool1d(x: Any, norm_type: Any, kernel_size: Any, stride: Any = ..., ceil_mode: Any = ..., **names: Any) -> Tensor:
    """(sum of |x| ** p over every window) ** (1 / p) of x (N, C, L)."""

def lp_pool2d(x: Any, norm_type: Any, kernel_size: Any, stride: Any = ..., ceil_mode: Any = ..., **names: Any) -> Tensor:
    """(sum of |x| ** p over every window) ** (1 / p) of x (N, C, H, W)."""

def lp_pool3d(x: Any, norm_type: Any, kernel_size: Any, stride: Any = ..., ceil_mode: Any = ..., **names: Any) -> Tensor:
    """(sum of |x| ** p over every window) ** (1 / p) of x (N, C, D, H, W)."""

def lstm(gates: Any, h: Any, c: Any, u: Any, b: Any = ..., **names: Any) -> Tensor:
    """All steps of a layer: gates (L, N, 4 H) of the input, h and c (N, H), u (4 H, H), b (4 H,) -> (2 L, N, H)"""

def lstsq(x: Any, y: Any, rcond: Any = ..., driver: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(solution, residuals, rank, singular_values): z that minimises ||x z - y||, the shortest of them."""

def lt(x: Any, y: Any, **names: Any) -> Tensor:
    """x < y, broadcast; bools."""

def lu_factor(x: Any, pivot: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(LU, pivots): both triangles in one matrix, and the row that each row was exchanged with, 1-based, int32."""

def lu_factor_ex(x: Any, pivot: Any = ..., check_errors: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(LU, pivots, info)."""

def lu_solve(y: Any, packed: Any, pivots: Any, **names: Any) -> Tensor:
    """z with x z = y, given lu_factor of x: torch.lu_solve's order of arguments."""

def lu_unpack(x: Any, pivots: Any, unpack_data: Any = ..., unpack_pivots: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(P, L, U) of what lu_factor gives."""

def margin_ranking_loss(x: Any, y: Any, target: Any, margin: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """max(0, margin - target * (x - y)): x should rank above y where target is 1, below where it is -1."""

def masked_fill(x: Any, mask: Any, value: Any, **names: Any) -> Tensor:
    """x with the value (a number or a tensor of one element) where the mask holds."""

def masked_scatter(x: Any, mask: Any, source: Any, **names: Any) -> Tensor:
    """A copy of x with the elements of source, in order, where the mask holds; x and the mask broadcast."""

def masked_select(x: Any, mask: Any, **names: Any) -> Tensor:
    """The elements of x where the mask holds, as a vector; both broadcast."""

def matmul(x: Any, y: Any, **names: Any) -> Tensor:
    """z[..., m, n] = sum_k x[..., m, k] * y[..., k, n]; the axes before the last two broadcast."""

def matrix_exp(x: Any, **names: Any) -> Tensor:
    """The sum of x^k / k!: a Taylor series of x / 2^s, squared s times."""

def matrix_norm(x: Any, ord: Any = ..., axis: Any = ..., keepdims: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """A norm of matrices in two axes: 'fro', 'nuc' (sum of singular values), 2 (the largest), 1 (of columns), inf"""

def matrix_power(x: Any, n: Any, **names: Any) -> Tensor:
    """x multiplied with itself n times; a negative n takes the inverse."""

def matrix_rank(x: Any, tol: Any = ..., hermitian: Any = ..., atol: Any = ..., rtol: Any = ..., **names: Any) -> Tensor:
    """How many singular values exceed max(atol, rtol * the largest); rtol defaults to max(M, N) eps."""

def matrix_transpose(x: Any, **names: Any) -> Tensor:
    """x with its last two axes exchanged."""

def max(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """max(x): the largest value; max(x, axis): (values, indices), gradient to the index; max(x, y): elementwise."""

def max_pool1d(x: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., **names: Any) -> Tensor:
    """max_pool2d of x (N, C, L) -> (N, C, Q), along the one axis; indices count from the start of it."""

def max_pool2d(x: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., **names: Any) -> Tensor:
    """y[n, c, p, q] = max over (r, s) of x[n, c, p*stride + r*dilation - padding, q*stride + s*dilation - padding]"""

def max_pool2d_relu(x: Any, kernel_size: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., **names: Any) -> Tensor:
    """relu(max_pool2d(x)), undilated also max_pool2d(relu(x)), and the places of maxima, -1 for those not above 0."""

def max_pool2d_with_index(x: Any, kernel_size: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., **names: Any) -> Tensor:
    """max_pool2d, and for every maximum its place h * W + w in x, the first of equals (an extra)."""

def max_pool3d(x: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., **names: Any) -> Tensor:
    """The largest element of every window of x (N, C, D, H, W); return_indices: also its place in the flat volume."""

def max_regions_with_index(x: Any, output_size: Any = ..., **names: Any) -> Tensor:
    """Maxima over windows of unequal sizes, and for each its place h * W + w, the first of equals (an extra)."""

def max_unpool1d(x: Any, index: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., output_size: Any = ..., **names: Any) -> Tensor:
    """Zeros (N, C, L) with x at the places that max_pool1d found; output_size chooses among the sizes that fit."""

def max_unpool2d(x: Any, index: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., output_size: Any = ..., **names: Any) -> Tensor:
    """Zeros (N, C, H, W) with x at the places that max_pool2d found."""

def max_unpool3d(x: Any, index: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., output_size: Any = ..., **names: Any) -> Tensor:
    """Zeros (N, C, D, H, W) with x at the places that max_pool3d found."""

def maximum(x: Any, y: Any, **names: Any) -> Tensor:
    """The larger of x and y, broadcast; NaN if either is. Ties give half of the gradient to each."""

def mean(x: Any, axis: Any = ..., keepdims: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """sum(x) / count over axes, of x as dtype if given; ints and bools give floats, nothing gives NaN."""

def median(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """The middle value, the lower one of two: of all elements, or (values, indices) along an axis. NaN wins."""

def meshgrid(*xs: Any, indexing: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """The coordinates of a grid from those of its axes: one tensor for each; indexing 'xy' swaps the first two axes."""

def min(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """min(x): the smallest value; min(x, axis): (values, indices), gradient to the index; min(x, y): elementwise."""

def minimum(x: Any, y: Any, **names: Any) -> Tensor:
    """The smaller of x and y, broadcast; NaN if either is. Ties give half of the gradient to each."""

def mish(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x * tanh(softplus(x)). Source: Misra, arXiv:1908.08681."""

def mm(x: Any, y: Any, **names: Any) -> Tensor:
    """z[m, n] = sum_k x[m, k] * y[k, n] of two matrices."""

def mod(x: Any, y: Any, **names: Any) -> Tensor:
    """x - floor(x / y) * y: the sign is that of y, as Python's %."""

def mode(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(values, indices) of the most frequent value along an axis: of several the smallest, its last place."""

def moveaxis(x: Any, source: Any = ..., destination: Any = ..., **names: Any) -> Tensor:
    """Moves axes to other places; the rest keep their order."""

def movedim(x: Any, source: Any = ..., destination: Any = ..., **names: Any) -> Tensor:
    """Moves axes to other places; the rest keep their order."""

def mse_loss(x: Any, y: Any, reduction: Any = ..., **names: Any) -> Tensor:
    """(x - y) ** 2, its mean or its sum; x and y (the target) of one shape."""

def msort(x: Any, **names: Any) -> Tensor:
    """x sorted along its first axis."""

def mul(x: Any, y: Any, **names: Any) -> Tensor:
    """x * y, broadcast."""

def multi_dot(*xs: Any, **names: Any) -> Tensor:
    """The product of several matrices, in the order that needs the fewest multiplications; the ends may be vectors."""

def multi_head_attention_forward(query: Any, key: Any, value: Any, embed_dim_to_check: Any, num_heads: Any, in_proj_weight: Any, in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: Any, dropout_p: Any, out_proj_weight: Any, out_proj_bias: Any, training: Any = ..., key_padding_mask: Any = ..., need_weights: Any = ..., attn_mask: Any = ..., use_separate_proj_weight: Any = ..., q_proj_weight: Any = ..., k_proj_weight: Any = ..., v_proj_weight: Any = ..., static_k: Any = ..., static_v: Any = ..., average_attn_weights: Any = ..., is_causal: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(output, weights or None) of attention with several heads: projected query, key and value (L, N, E), (S, N, E)"""

def multi_margin_loss(x: Any, target: Any, p: Any = ..., margin: Any = ..., weight: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """sum over j != t of w[t] max(0, margin - x[t] + x[j]) ** p / C, for scores x (N, C) and classes t (N,)."""

def multilabel_margin_loss(x: Any, target: Any, reduction: Any = ..., **names: Any) -> Tensor:
    """sum over wanted j and unwanted k of max(0, 1 - x[j] + x[k]) / C; rows of target list wanted classes, then -1."""

def multilabel_soft_margin_loss(x: Any, target: Any, weight: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """The mean over classes of the binary cross-entropy with logits x (..., C) and targets of 0 and 1."""

def multinomial(x: Any, num_samples: Any = ..., replacement: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Draws of indices with probabilities in proportion to each row of x (C,) or (N, C), int64."""

def multiply(x: Any, y: Any, **names: Any) -> Tensor:
    """x * y, broadcast."""

def mv(x: Any, y: Any, **names: Any) -> Tensor:
    """z[m] = sum_k x[m, k] * y[k]"""

def mvlgamma(x: Any, p: Any = ..., **names: Any) -> Tensor:
    """The logarithm of the multivariate gamma function: sum over j < p of lgamma(x - j / 2), plus p(p-1)/4 log pi."""

def nan_to_num(x: Any, nan: Any = ..., posinf: Any = ..., neginf: Any = ..., **names: Any) -> Tensor:
    """x with NaN and the infinities replaced; None: the largest finite numbers. No gradient flows where replaced."""

def nanmean(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """The mean over axes of what is not NaN."""

def nanmedian(x: Any, axis: Any = ..., keepdims: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """The median of what is not NaN, the lower one of two; with an axis (values, indices)."""

def nanquantile(x: Any, q: Any, axis: Any = ..., keepdims: Any = ..., interpolation: Any = ..., **names: Any) -> Tensor:
    """As quantile, of what is not NaN."""

def nansum(x: Any, axis: Any = ..., keepdims: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """The sum over axes, NaN counting as 0."""

def narrow(x: Any, axis: Any = ..., start: Any = ..., length: Any = ..., **names: Any) -> Tensor:
    """`length` slices along an axis, from `start` on. A view."""

def narrow_copy(x: Any, axis: Any = ..., start: Any = ..., length: Any = ..., **names: Any) -> Tensor:
    """`length` slices along an axis, from `start` on. A view."""

def ndtr(x: Any, **names: Any) -> Tensor:
    """The normal distribution's probability of values below x."""

def ndtri(x: Any, **names: Any) -> Tensor:
    """The inverse of ndtr: the number below which normal values stay with probability x."""

def ne(x: Any, y: Any, **names: Any) -> Tensor:
    """x != y, broadcast; bools."""

def neg(x: Any, **names: Any) -> Tensor:
    """-x; bools are refused, as in PyTorch and NumPy."""

def negative(x: Any, **names: Any) -> Tensor:
    """-x; bools are refused, as in PyTorch and NumPy."""

def nextafter(x: Any, y: Any, **names: Any) -> Tensor:
    """The next floating-point number after x towards y, broadcast; its gradient is that of x."""

def nll_loss(x: Any, target: Any, weight: Any = ..., ignore_index: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """-weight[t] * x[n, t, ...] with t = target[n, ...]; the mean divides by the sum of the weights used"""

def nll_loss_grad(u: Any, target: Any, weight: Any = ..., x_shape: Any = ..., ignore_index: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """Zeros of x_shape, and -u * weight[t] (over the sum of weights for the mean) at every target: its adjoint."""

def nonzero(x: Any, as_tuple: Any = ..., **names: Any) -> Tensor:
    """The indices of the nonzero elements: one row each, or (as_tuple) one vector for each axis."""

def norm(x: Any, p: Any = ..., axis: Any = ..., keepdims: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """The p-norm over axes; 'fro' is 2, 'nuc' the sum of the singular values: torch.norm."""

def normal(mean: Any = ..., std: Any = ..., shape: Any = ..., generator: Any = ..., dtype: Any = ..., device: Any = ..., layout: Any = ..., **names: Any) -> Tensor:
    """Normal numbers of a mean and a standard deviation, each a number or a tensor (whose shape is the default)."""

def normalize(x: Any, p: Any = ..., axis: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """x / max(||x||_p, eps) along axis (or dim); any p, inf too. Source: torch.nn.functional.normalize."""

def not_equal(x: Any, y: Any, **names: Any) -> Tensor:
    """x != y, broadcast; bools."""

def one_hot(x: Any, num_classes: Any = ..., **names: Any) -> Tensor:
    """y[..., k] = 1 if x[...] = k else 0, int64; num_classes -1: one more than the largest label."""

def outer(x: Any, y: Any, **names: Any) -> Tensor:
    """z[m, n] = x[m] * y[n] of two vectors."""

def pad(x: Any, pad: Any = ..., mode: Any = ..., value: Any = ..., **names: Any) -> Tensor:
    """x with a border; pad = (last axis before, after, second last before, after, ...), as PyTorch's F.pad."""

def pairwise_distance(x: Any, y: Any, p: Any = ..., eps: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """||x - y + eps||_p along the last axis; x and y broadcast."""

def pdist(x: Any, p: Any = ..., **names: Any) -> Tensor:
    """The distances of all pairs of rows of a matrix, those of row 0 first."""

def permute(x: Any, axes: Any = ..., **names: Any) -> Tensor:
    """y.shape[i] = x.shape[axes[i]]: the axes in another order. A view."""

def permute_copy(x: Any, axes: Any = ..., **names: Any) -> Tensor:
    """y.shape[i] = x.shape[axes[i]]: the axes in another order. A view."""

def permute_dims(x: Any, axes: Any = ..., **names: Any) -> Tensor:
    """y.shape[i] = x.shape[axes[i]]: the axes in another order. A view."""

def pinv(x: Any, rcond: Any = ..., hermitian: Any = ..., atol: Any = ..., rtol: Any = ..., **names: Any) -> Tensor:
    """The Moore-Penrose inverse of matrices; its gradient holds where the rank stays the same."""

def pinv_cut(x: Any, atol: Any = ..., rtol: Any = ..., **names: Any) -> Tensor:
    """The Moore-Penrose inverse; singular values up to max(atol, rtol * largest) count as 0."""

def pinverse(x: Any, rcond: Any = ..., hermitian: Any = ..., atol: Any = ..., rtol: Any = ..., **names: Any) -> Tensor:
    """The Moore-Penrose inverse of matrices; its gradient holds where the rank stays the same."""

def pixel_shuffle(x: Any, upscale_factor: Any, **names: Any) -> Tensor:
    """(..., C r r, H, W) to (..., C, H r, W r): groups of r r channels become squares of pixels. arXiv:1609.05158."""

def pixel_unshuffle(x: Any, downscale_factor: Any, **names: Any) -> Tensor:
    """The reverse of pixel_shuffle: squares of r r pixels become channels."""

def poisson(x: Any, generator: Any = ..., **names: Any) -> Tensor:
    """How many events there are where x is their mean number, in x's dtype."""

def poisson_nll_loss(x: Any, y: Any, log_input: Any = ..., full: Any = ..., size_average: Any = ..., eps: Any = ..., reduce: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """e ** x - y x for the logarithm x of a Poisson rate (log_input=False: x - y log(x + eps) for the rate itself)"""

def polygamma(n: Any, x: Any, **names: Any) -> Tensor:
    """The n-th derivative of digamma; polygamma(0, x) is digamma(x)."""

def polygamma_of(x: Any, n: Any = ..., **names: Any) -> Tensor:
    """The n-th derivative of digamma, n >= 1: (-1) ** (n + 1) n! zeta(n + 1, x)."""

def positive(x: Any, **names: Any) -> Tensor:
    """x itself; bools are refused."""

def pow(x: Any, y: Any, **names: Any) -> Tensor:
    """x ** y, broadcast; 0 ** 0 = 1. The gradient at x = 0 is that of the polynomial: 0 for x ** 2 and x ** 0."""

def power(x: Any, y: Any, **names: Any) -> Tensor:
    """x ** y, broadcast; 0 ** 0 = 1. The gradient at x = 0 is that of the polynomial: 0 for x ** 2 and x ** 0."""

def prelu(x: Any, w: Any, **names: Any) -> Tensor:
    """x where x > 0, else w[c] * x; w holds one value, or one per channel (axis 1). Source: arXiv:1502.01852."""

def prod(x: Any, axis: Any = ..., keepdims: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """The product over axes; its gradient is right where factors are 0 too. Ints and bools multiply as int64."""

def psi(x: Any, **names: Any) -> Tensor:
    """The derivative of lgamma."""

def put(x: Any, index: Any, source: Any, accumulate: Any = ..., **names: Any) -> Tensor:
    """A copy of x with source written (or added) to the flat places index."""

def put_along_axis(x: Any, index: Any, y: Any, axis: Any = ..., **names: Any) -> Tensor:
    """A copy of x with y[i, j, k] written to x[i, index[i, j, k], k] (axis 1)."""

def put_at(x: Any, shape: Any = ..., index: Any = ..., **names: Any) -> Tensor:
    """y = zeros(shape); y[index] += x, repeated indices adding up: the adjoint of getitem."""

def put_diagonal(x: Any, shape: Any = ..., offset: Any = ..., dim1: Any = ..., dim2: Any = ..., **names: Any) -> Tensor:
    """Zeros of this shape with x on the diagonal of the axes dim1 and dim2: the adjoint of diagonal."""

def qr(x: Any, some: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(Q, R) as torch.qr: some=False gives a square Q."""

def qr_packed(x: Any, **names: Any) -> Tensor:
    """Q (... M N) and R (... N N) of matrices with M >= N, packed."""

def quantile(x: Any, q: Any, axis: Any = ..., keepdims: Any = ..., interpolation: Any = ..., **names: Any) -> Tensor:
    """The values below which a share q of the elements lies, over all or along an axis; q a number or a vector."""

def rad2deg(x: Any, **names: Any) -> Tensor:
    """An angle in degrees from radians."""

def random_like(x: Any, low: Any = ..., high: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Ints in [low, high) for every element of x; random_like(x, high) starts at 0; without both: all that x can hold."""

def ravel(x: Any, start_dim: Any = ..., end_dim: Any = ..., **names: Any) -> Tensor:
    """Joins the axes from start_dim to end_dim into one."""

def reciprocal(x: Any, **names: Any) -> Tensor:
    """1 / x"""

def relu(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """max(x, 0); NaN stays NaN, the slope at 0 is 0."""

def relu6(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """min(max(x, 0), 6). Source: Howard et al., MobileNets, arXiv:1704.04861."""

def relu_grad(u: Any, y: Any, **names: Any) -> Tensor:
    """u where y > 0, else 0: the gradient of relu, given its result y."""

def remainder(x: Any, y: Any, **names: Any) -> Tensor:
    """x - floor(x / y) * y: the sign is that of y, as Python's %."""

def renorm(x: Any, p: Any, axis: Any, maxnorm: Any, **names: Any) -> Tensor:
    """x scaled so that no slice s of an axis (or dim) is longer than maxnorm: s maxnorm / (||s||_p + 1e-7) if it is."""

def repeat(x: Any, repeats: Any = ..., **names: Any) -> Tensor:
    """As tile, but each axis of x needs a number (PyTorch's repeat)."""

def repeat_interleave(x: Any, repeats: Any = ..., axis: Any = ..., output_size: Any = ..., **names: Any) -> Tensor:
    """Each element (axis None) or slice along an axis, `repeats` times in a row, or as often as a vector says."""

def resample(x: Any, axis: Any = ..., sizes: Any = ..., places: Any = ..., weights: Any = ..., **names: Any) -> Tensor:
    """y[.., p, ..] = sum over t of weights[p, t] * x[.., places[p, t], ..]; no weights: one place each"""

def resample_grad(u: Any, axis: Any = ..., sizes: Any = ..., places: Any = ..., weights: Any = ..., **names: Any) -> Tensor:
    """The gradient of resample for an x with these sizes: u's elements, weighted, added up at the places."""

def reshape(x: Any, shape: Any = ..., **names: Any) -> Tensor:
    """The same elements in row-major order under another shape; one size may be -1. A view where memory allows."""

def reshape_as(x: Any, y: Any, **names: Any) -> Tensor:
    """x in the shape of y."""

def rint(x: Any, decimals: Any = ..., **names: Any) -> Tensor:
    """x to the nearest multiple of 10 ** -decimals, halves to even. The gradient is 0."""

def rms_norm(x: Any, normalized_shape: Any, weight: Any = ..., eps: Any = ..., **names: Any) -> Tensor:
    """x / sqrt(mean(x ** 2) + eps) * weight over the last axes, whose sizes are normalized_shape. arXiv:1910.07467."""

def roll(x: Any, shifts: Any = ..., axis: Any = ..., **names: Any) -> Tensor:
    """Moves the elements along axes by `shifts`; those that leave come in at the other end. None: flattened."""

def rot90(x: Any, turns: Any = ..., dims: Any = ..., **names: Any) -> Tensor:
    """Turns the plane of two axes by 90 degrees, `turns` times, from the first axis towards the second."""

def round(x: Any, decimals: Any = ..., **names: Any) -> Tensor:
    """x to the nearest multiple of 10 ** -decimals, halves to even. The gradient is 0."""

def row_stack(*xs: Any, **names: Any) -> Tensor:
    """Joins along the first axis; vectors are rows."""

def rrelu(x: Any, lower: Any = ..., upper: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """x above 0, else x times a slope: random in [lower, upper] in training, else their mean. arXiv:1505.00853."""

def rsqrt(x: Any, **names: Any) -> Tensor:
    """1 / sqrt(x)"""

def rsub(x: Any, y: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """y - alpha * x"""

def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = ..., dropout_p: Any = ..., is_causal: Any = ..., scale: Any = ..., enable_gqa: Any = ..., **names: Any) -> Tensor:
    """softmax(scale * query key^T + mask) value: query (..., L, E), key (..., S, E), value (..., S, V) -> (..., L, V)"""

def scatter(x: Any, axis: Any = ..., index: Any = ..., src: Any = ..., value: Any = ..., **names: Any) -> Tensor:
    """A copy of x with src[i, j] (or one value) written to x[index[i, j], j] (axis 0)."""

def scatter_add(x: Any, axis: Any = ..., index: Any = ..., src: Any = ..., **names: Any) -> Tensor:
    """A copy of x with src[i, j] added to x[index[i, j], j] (axis 0), repeated indices adding up."""

def scatter_pixels(u: Any, index: Any = ..., x_shape: Any = ..., kernel_size: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., **names: Any) -> Tensor:
    """Adds u[n, c, p, q] to pixel index[n, c, p, q] = h * W + w of zeros of x_shape: the adjoint of select_pixels."""

def scatter_reduce(x: Any, axis: Any, index: Any, src: Any, reduce: Any, include_self: Any = ..., **names: Any) -> Tensor:
    """A copy of x where x[.., index[i, j], ..] is reduced with src[i, j]: sum, prod, mean, amax or amin"""

def searchsorted(edges: Any, x: Any, right: Any = ..., side: Any = ..., out_int32: Any = ..., sorter: Any = ..., **names: Any) -> Tensor:
    """Where x would be put into sorted edges (..., n): before equal ones, or (right, side='right') after them; int64."""

def select(x: Any, axis: Any = ..., index: Any = ..., **names: Any) -> Tensor:
    """One slice along an axis, which disappears. A view."""

def select_pixels(x: Any, index: Any = ..., **names: Any) -> Tensor:
    """y[n, c, p, q] = x[n, c, h, w] with index[n, c, p, q] = h * W + w; 0 where the index is -1 (padding)."""

def select_scatter(x: Any, y: Any, axis: Any = ..., index: Any = ..., **names: Any) -> Tensor:
    """A copy of x with y written to one slice along an axis."""

def selu(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """1.0507 * elu(x, 1.6733), the self-normalising constants. Source: Klambauer et al., arXiv:1706.02515."""

def setitem(x: Any, y: Any, index: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """A copy of x with x[index] replaced by y, which broadcasts. inplace: x itself, for Tensor's `x[index] = y`."""

def sgn(x: Any, **names: Any) -> Tensor:
    """-1, 0 or 1; NaN stays. The gradient is 0."""

def sigmoid(x: Any, **names: Any) -> Tensor:
    """1 / (1 + e ** -x)"""

def sigmoid_focal_loss(x: Any, y: Any, alpha: Any = ..., gamma: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """-share (1 - p) ** gamma log(p), p the probability of the right answer, share alpha for y = 1, else 1 - alpha"""

def sigmoid_grad(u: Any, y: Any, **names: Any) -> Tensor:
    """u * y * (1 - y): the gradient of sigmoid, given its result y."""

def sign(x: Any, **names: Any) -> Tensor:
    """-1, 0 or 1; NaN stays. The gradient is 0."""

def signbit(x: Any, **names: Any) -> Tensor:
    """Whether the sign is negative, that of -0.0 too."""

def silu(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x * sigmoid(x), also known as swish. Source: Ramachandran et al., arXiv:1710.05941; arXiv:1702.03118."""

def sin(x: Any, **names: Any) -> Tensor:
    """The sine of x (radians)."""

def sinc(x: Any, **names: Any) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""

def sinh(x: Any, **names: Any) -> Tensor:
    """(e^x - e^-x) / 2"""

def slice_scatter(x: Any, y: Any, axis: Any = ..., start: Any = ..., end: Any = ..., step: Any = ..., **names: Any) -> Tensor:
    """A copy of x with y written to x[..., start:end:step, ...] along an axis."""

def slogdet(x: Any, **names: Any) -> tuple[Tensor, ...]:
    """(sign, log |det|) of square matrices."""

def smooth_l1_loss(x: Any, y: Any, reduction: Any = ..., beta: Any = ..., **names: Any) -> Tensor:
    """d ** 2 / (2 beta) where d = |x - y| < beta, else d - beta / 2. Source: Girshick, Fast R-CNN, arXiv:1504.08083."""

def soft_margin_loss(x: Any, target: Any, reduction: Any = ..., **names: Any) -> Tensor:
    """log(1 + e ** (-target * x)) with targets of 1 and -1."""

def softmax(x: Any, axis: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """y = e ** x / sum(e ** x) along axis, without overflow."""

def softmax_grad(u: Any, y: Any, axis: Any = ..., **names: Any) -> Tensor:
    """y * (u - sum(u * y)) along axis: the gradient of softmax, given its result y."""

def softmin(x: Any, axis: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """softmax(-x) along an axis."""

def softplus(x: Any, beta: Any = ..., threshold: Any = ..., **names: Any) -> Tensor:
    """log(1 + e ** (beta * x)) / beta; x itself where beta * x > threshold. Source: Dugas et al., NIPS 2000."""

def softshrink(x: Any, lambd: Any = ..., **names: Any) -> Tensor:
    """x - lambd above lambd, x + lambd below -lambd, 0 between."""

def softsign(x: Any, **names: Any) -> Tensor:
    """x / (1 + |x|)"""

def solve(x: Any, y: Any, left: Any = ..., **names: Any) -> Tensor:
    """z with x z = y (left=False: z x = y); y holds matrices, or vectors with one axis less. Batches broadcast."""

def solve_ex(x: Any, y: Any, left: Any = ..., check_errors: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(z, info) with x z = y; a singular matrix is an error here, so info is 0."""

def solve_matrices(x: Any, y: Any, **names: Any) -> Tensor:
    """The matrices z with x z = y, of one batch shape."""

def solve_triangular(x: Any, y: Any, upper: Any = ..., left: Any = ..., unitriangular: Any = ..., **names: Any) -> Tensor:
    """z with t z = y (left=False: z t = y), t a triangle of x; unitriangular: its diagonal counts as 1."""

def sort(x: Any, axis: Any = ..., descending: Any = ..., stable: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(values, indices): x sorted along an axis and where each value was; ties keep their order."""

def split(x: Any, split_size_or_sections: Any = ..., axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """Pieces of one size (the last may be smaller), or of the sizes given. Views."""

def split_with_sizes(x: Any, split_size_or_sections: Any = ..., axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """Pieces of one size (the last may be smaller), or of the sizes given. Views."""

def split_with_sizes_copy(x: Any, split_size_or_sections: Any = ..., axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """Pieces of one size (the last may be smaller), or of the sizes given. Views."""

def sqrt(x: Any, **names: Any) -> Tensor:
    """The square root of x; NaN below 0."""

def square(x: Any, **names: Any) -> Tensor:
    """x * x"""

def squeeze(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """Drops axes of size 1: all, or those given (others are left, as in PyTorch)."""

def squeeze_copy(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """Drops axes of size 1: all, or those given (others are left, as in PyTorch)."""

def stack(*xs: Any, axis: Any = ..., **names: Any) -> Tensor:
    """Tensors of one shape, joined along a new axis."""

def std(x: Any, axis: Any = ..., unbiased: Any = ..., keepdims: Any = ..., correction: Any = ..., **names: Any) -> Tensor:
    """sqrt(var(x)); its gradient is 0 where all values are equal."""

def std_mean(x: Any, axis: Any = ..., unbiased: Any = ..., keepdims: Any = ..., correction: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(std(x), mean(x)) over axes."""

def sub(x: Any, y: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """x - alpha * y, broadcast."""

def subtract(x: Any, y: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """x - alpha * y, broadcast."""

def sum(x: Any, axis: Any = ..., keepdims: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """The sum over axes; ints and bools add up as int64."""

def sum_to(x: Any, shape: Any = ..., **names: Any) -> Tensor:
    """Sums over the axes along which an array of this shape was broadcast to x's: the reverse of expand."""

def sum_to_size(x: Any, shape: Any = ..., **names: Any) -> Tensor:
    """Sums over the axes along which a tensor of this shape was broadcast to x's: the reverse of expand."""

def svd(x: Any, some: Any = ..., compute_uv: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(U, S, V) as torch.svd, V not transposed; compute_uv=False: zeros for U and V."""

def svd_packed(x: Any, **names: Any) -> Tensor:
    """U (... M K), S (... 1 K) and V^T (... K N), packed; K = min(M, N)."""

def svdvals(x: Any, **names: Any) -> Tensor:
    """The singular values, descending."""

def swapaxes(x: Any, dim0: Any = ..., dim1: Any = ..., **names: Any) -> Tensor:
    """Swaps two axes (PyTorch); with none or a tuple of all axes: permutes, by default reversed (NumPy)."""

def swapdims(x: Any, dim0: Any = ..., dim1: Any = ..., **names: Any) -> Tensor:
    """Swaps two axes (PyTorch); with none or a tuple of all axes: permutes, by default reversed (NumPy)."""

def swish(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x * sigmoid(x), also known as swish. Source: Ramachandran et al., arXiv:1710.05941; arXiv:1702.03118."""

def t(x: Any, **names: Any) -> Tensor:
    """The transpose of a matrix; vectors and numbers stay."""

def t_copy(x: Any, **names: Any) -> Tensor:
    """The transpose of a matrix; vectors and numbers stay."""

def take(x: Any, index: Any, axis: Any = ..., **names: Any) -> Tensor:
    """x[..., index, ...] along an axis; None: of the flattened x."""

def take_along_axis(x: Any, index: Any, axis: Any = ..., **names: Any) -> Tensor:
    """y[i, j, k] = x[i, index[i, j, k], k] (axis 1); index has x's sizes on the other axes, or fewer."""

def take_along_dim(x: Any, index: Any, axis: Any = ..., **names: Any) -> Tensor:
    """As take_along_axis, with x and the index broadcast against each other; None: of the flattened x."""

def tan(x: Any, **names: Any) -> Tensor:
    """The tangent of x (radians)."""

def tanh(x: Any, **names: Any) -> Tensor:
    """(e ** x - e ** -x) / (e ** x + e ** -x)"""

def tanh_grad(u: Any, y: Any, **names: Any) -> Tensor:
    """u * (1 - y ** 2): the gradient of tanh, given its result y."""

def tanhshrink(x: Any, **names: Any) -> Tensor:
    """x - tanh(x)"""

def tensor_split(x: Any, sections: Any, axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """As many pieces of sizes that differ by at most 1, or cuts at the given indices. Views."""

def tensordot(x: Any, y: Any, dims: Any = ..., **names: Any) -> Tensor:
    """Sums over pairs of axes: the last `dims` of x with the first of y, or the listed ones ((of x), (of y))."""

def tensorinv(x: Any, ind: Any = ..., **names: Any) -> Tensor:
    """The inverse under tensordot over `ind` axes: the first `ind` axes are the rows, the rest the columns."""

def tensorsolve(x: Any, y: Any, dims: Any = ..., **names: Any) -> Tensor:
    """z with tensordot(x, z, z.ndim) = y; dims: axes of x that are moved to its end first."""

def threshold(x: Any, threshold: Any, value: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x above the threshold, else the value."""

def tile(x: Any, repeats: Any = ..., **names: Any) -> Tensor:
    """x repeated as a whole along each axis; missing repeats are 1."""

def topk(x: Any, k: Any = ..., axis: Any = ..., largest: Any = ..., sorted: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(values, indices) of the k largest (or smallest) along an axis, in order."""

def topk_places(x: Any, k: Any = ..., axis: Any = ..., largest: Any = ..., **names: Any) -> Tensor:
    """Where the k largest (or smallest) stand along an axis, in order, int64; ties keep their order."""

def trace(x: Any, **names: Any) -> Tensor:
    """The sum of the diagonal of a matrix."""

def transpose(x: Any, dim0: Any = ..., dim1: Any = ..., **names: Any) -> Tensor:
    """Swaps two axes (PyTorch); with none or a tuple of all axes: permutes, by default reversed (NumPy)."""

def transpose_copy(x: Any, dim0: Any = ..., dim1: Any = ..., **names: Any) -> Tensor:
    """Swaps two axes (PyTorch); with none or a tuple of all axes: permutes, by default reversed (NumPy)."""

def trapezoid(y: Any, x: Any = ..., dx: Any = ..., axis: Any = ..., **names: Any) -> Tensor:
    """The area under y along an axis by the trapezoidal rule, at points x or `dx` apart."""

def trapz(y: Any, x: Any = ..., dx: Any = ..., axis: Any = ..., **names: Any) -> Tensor:
    """The area under y along an axis by the trapezoidal rule, at points x or `dx` apart."""

def triangular_solve(y: Any, x: Any, upper: Any = ..., transpose: Any = ..., unitriangular: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(z, x) with t z = y, t the triangle of x, or (transpose) its transpose: torch.triangular_solve."""

def tril(x: Any, diagonal: Any = ..., **names: Any) -> Tensor:
    """The matrices x[..., i, j] with zeros where j - i > diagonal."""

def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: Any = ..., p: Any = ..., eps: Any = ..., swap: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with p-norm distances along the last axis"""

def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, distance_function: Any = ..., margin: Any = ..., swap: Any = ..., reduction: Any = ..., **names: Any) -> Tensor:
    """triplet_margin_loss with any distance of two tensors."""

def triu(x: Any, diagonal: Any = ..., **names: Any) -> Tensor:
    """The matrices x[..., i, j] with zeros where j - i < diagonal."""

def true_divide(x: Any, y: Any, rounding_mode: Any = ..., **names: Any) -> Tensor:
    """x / y, broadcast; ints give floats. rounding_mode 'floor' or 'trunc': whole quotients, without gradient."""

def trunc(x: Any, **names: Any) -> Tensor:
    """x without its fraction. The gradient is 0."""

def unbind(x: Any, axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """All slices along an axis, which disappears. Views."""

def unbind_copy(x: Any, axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """All slices along an axis, which disappears. Views."""

def unflatten(x: Any, axis: Any = ..., sizes: Any = ..., **names: Any) -> Tensor:
    """Splits one axis into several; one of the sizes may be -1."""

def unfold(x: Any, kernel_size: Any, dilation: Any = ..., padding: Any = ..., stride: Any = ..., **names: Any) -> Tensor:
    """The windows of x (N, C, H, W) as columns (N, C R S, windows), known as im2col."""

def unfold_copy(x: Any, axis: Any = ..., size: Any = ..., step: Any = ..., **names: Any) -> Tensor:
    """Windows of `size` elements along an axis, `step` apart, as a new last axis: torch's x.unfold(...)."""

def uniform(low: Any = ..., high: Any = ..., shape: Any = ..., generator: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """Uniform numbers in [low, high), bounds being numbers or tensors (whose shape is the default)."""

def unique(x: Any, sorted: Any = ..., return_inverse: Any = ..., return_counts: Any = ..., axis: Any = ..., **names: Any) -> Any:
    """The distinct values (along an axis: slices), ascending; also where each element's value stands, and how often."""

def unique_all(x: Any, **names: Any) -> tuple[Tensor, ...]:
    """(the distinct values, where each occurs first, where each element's value stands, how often each occurs)"""

def unique_consecutive(x: Any, return_inverse: Any = ..., return_counts: Any = ..., axis: Any = ..., **names: Any) -> Any:
    """One of each run of equal values (along an axis: slices); also the run of each element, and the runs' lengths."""

def unique_counts(x: Any, **names: Any) -> tuple[Tensor, ...]:
    """(the distinct values, how often each occurs)"""

def unique_inverse(x: Any, **names: Any) -> tuple[Tensor, ...]:
    """(the distinct values, where each element's value stands among them)"""

def unique_values(x: Any, **names: Any) -> Tensor:
    """The distinct values, ascending."""

def unravel_index(x: Any, shape: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """Flat indices as one tensor of indices for each axis of the shape."""

def unsafe_chunk(x: Any, chunks: Any = ..., axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """At most this many pieces of one size (the last may be smaller). Views."""

def unsafe_split(x: Any, split_size_or_sections: Any = ..., axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """Pieces of one size (the last may be smaller), or of the sizes given. Views."""

def unsqueeze(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """Inserts an axis of size 1 at this place of the result."""

def unsqueeze_copy(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """Inserts an axis of size 1 at this place of the result."""

def unstack(x: Any, axis: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """All slices along an axis, which disappears. Views."""

def upsample(x: Any, size: Any = ..., scale_factor: Any = ..., mode: Any = ..., align_corners: Any = ..., recompute_scale_factor: Any = ..., antialias: Any = ..., **names: Any) -> Tensor:
    """x (N, C, ...) at another size, axis by axis"""

def upsample_bilinear(x: Any, size: Any = ..., scale_factor: Any = ..., **names: Any) -> Tensor:
    """interpolate with mode bilinear and align_corners."""

def upsample_nearest(x: Any, size: Any = ..., scale_factor: Any = ..., **names: Any) -> Tensor:
    """interpolate with mode nearest."""

def vander(x: Any, N: Any = ..., **names: Any) -> Tensor:
    """Powers of x: y[..., i, j] = x[..., i] ** j, for N columns."""

def var(x: Any, axis: Any = ..., unbiased: Any = ..., keepdims: Any = ..., correction: Any = ..., **names: Any) -> Tensor:
    """sum((x - mean(x))^2) / (count - correction) over axes; unbiased=False means correction=0."""

def var_mean(x: Any, axis: Any = ..., unbiased: Any = ..., keepdims: Any = ..., correction: Any = ..., **names: Any) -> tuple[Tensor, ...]:
    """(var(x), mean(x)) over axes."""

def vdot(x: Any, y: Any, **names: Any) -> Tensor:
    """sum_k x[k] * y[k] of two vectors."""

def vecdot(x: Any, y: Any, axis: Any = ..., **names: Any) -> Tensor:
    """sum(x * y) along an axis."""

def vector_norm(x: Any, ord: Any = ..., axis: Any = ..., keepdims: Any = ..., **names: Any) -> Tensor:
    """(sum |x|^ord)^(1/ord) over axes; ord inf: max |x|, -inf: min |x|, 0: how many are not 0."""

def view(x: Any, shape: Any = ..., **names: Any) -> Tensor:
    """The same elements in row-major order under another shape; one size may be -1. A view where memory allows."""

def view_as(x: Any, y: Any, **names: Any) -> Tensor:
    """x in the shape of y."""

def view_copy(x: Any, shape: Any = ..., **names: Any) -> Tensor:
    """The same elements in row-major order under another shape; one size may be -1. A view where memory allows."""

def vsplit(x: Any, sections: Any, **names: Any) -> tuple[Tensor, ...]:
    """Splits along the first axis into equal pieces, or at indices. Views."""

def vstack(*xs: Any, **names: Any) -> Tensor:
    """Joins along the first axis; vectors are rows."""

def where(condition: Any, x: Any, y: Any, **names: Any) -> Tensor:
    """x where the condition holds, else y; all broadcast."""

def window_cells(x: Any, kernel: Any = ..., count: Any = ..., dilation: Any = ..., stride: Any = ..., **names: Any) -> Tensor:
    """y[n, c, i, j, p, q] = x[n, c, p stride + i dilation, q stride + j dilation]: windows by position in the kernel"""

def window_cells_added(x: Any, size: Any = ..., dilation: Any = ..., stride: Any = ..., **names: Any) -> Tensor:
    """The adjoint of window_cells: every x[n, c, i, j, p, q] added to its pixel of images (N, C, *size)."""

def window_sum(x: Any, before: Any = ..., after: Any = ..., **names: Any) -> Tensor:
    """y[n, c, ...] = sum of x[n, c - before, ...] to x[n, c + after, ...], as far as these channels exist."""

def windows_along(x: Any, axis: Any = ..., size: Any = ..., step: Any = ..., **names: Any) -> Tensor:
    """Windows of `size` elements along an axis, `step` apart, as a new last axis: torch's x.unfold(...)."""

def xlog1py(x: Any, y: Any, **names: Any) -> Tensor:
    """x * log(1 + y); 0 where x = 0, whatever y is (except NaN)."""

def xlogy(x: Any, y: Any, **names: Any) -> Tensor:
    """x * log(y); 0 where x = 0, whatever y is (except NaN)."""

def zeta(s: Any, x: Any, **names: Any) -> Tensor:
    """The Hurwitz zeta function: sum over k >= 0 of (x + k) ** -s, for s > 1."""

def relu_(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """max(x, 0); NaN stays NaN, the slope at 0 is 0."""

def relu_grad_(u: Any, y: Any, **names: Any) -> Tensor:
    """u where y > 0, else 0: the gradient of relu, given its result y."""

def leaky_relu_(x: Any, negative_slope: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """x where x > 0, else negative_slope * x. Source: Maas et al., ICML 2013."""

def leaky_relu_grad_(u: Any, x: Any, negative_slope: Any = ..., **names: Any) -> Tensor:
    """u where x > 0, else negative_slope * u: the gradient of leaky_relu."""

def elu_(x: Any, alpha: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """x where x > 0, else alpha * (e ** x - 1). Source: Clevert et al., arXiv:1511.07289."""

def elu_grad_(u: Any, x: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """u where x > 0, else u * alpha * e ** x: the gradient of elu."""

def selu_(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """1.0507 * elu(x, 1.6733), the self-normalising constants. Source: Klambauer et al., arXiv:1706.02515."""

def celu_(x: Any, alpha: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """max(x, 0) + min(0, alpha * (e ** (x / alpha) - 1)). Source: Barron, arXiv:1704.07483."""

def prelu_(x: Any, w: Any, **names: Any) -> Tensor:
    """x where x > 0, else w[c] * x; w holds one value, or one per channel (axis 1). Source: arXiv:1502.01852."""

def sigmoid_(x: Any, **names: Any) -> Tensor:
    """1 / (1 + e ** -x)"""

def sigmoid_grad_(u: Any, y: Any, **names: Any) -> Tensor:
    """u * y * (1 - y): the gradient of sigmoid, given its result y."""

def tanh_(x: Any, **names: Any) -> Tensor:
    """(e ** x - e ** -x) / (e ** x + e ** -x)"""

def tanh_grad_(u: Any, y: Any, **names: Any) -> Tensor:
    """u * (1 - y ** 2): the gradient of tanh, given its result y."""

def softplus_(x: Any, beta: Any = ..., threshold: Any = ..., **names: Any) -> Tensor:
    """log(1 + e ** (beta * x)) / beta; x itself where beta * x > threshold. Source: Dugas et al., NIPS 2000."""

def logsigmoid_(x: Any, **names: Any) -> Tensor:
    """log(1 / (1 + e ** -x)) = -log(1 + e ** -x), without overflow."""

def gelu_(x: Any, approximate: Any = ..., **names: Any) -> Tensor:
    """x * Phi(x) with the normal distribution Phi(x) = (1 + erf(x / sqrt 2)) / 2"""

def silu_(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x * sigmoid(x), also known as swish. Source: Ramachandran et al., arXiv:1710.05941; arXiv:1702.03118."""

def mish_(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x * tanh(softplus(x)). Source: Misra, arXiv:1908.08681."""

def softsign_(x: Any, **names: Any) -> Tensor:
    """x / (1 + |x|)"""

def glu_(x: Any, axis: Any = ..., **names: Any) -> Tensor:
    """a * sigmoid(b), where a and b are the halves of x along axis. Source: Dauphin et al., arXiv:1612.08083."""

def add_(x: Any, y: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """x + alpha * y, broadcast."""

def sub_(x: Any, y: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """x - alpha * y, broadcast."""

def mul_(x: Any, y: Any, **names: Any) -> Tensor:
    """x * y, broadcast."""

def div_(x: Any, y: Any, rounding_mode: Any = ..., **names: Any) -> Tensor:
    """x / y, broadcast; ints give floats. rounding_mode 'floor' or 'trunc': whole quotients, without gradient."""

def neg_(x: Any, **names: Any) -> Tensor:
    """-x; bools are refused, as in PyTorch and NumPy."""

def pow_(x: Any, y: Any, **names: Any) -> Tensor:
    """x ** y, broadcast; 0 ** 0 = 1. The gradient at x = 0 is that of the polynomial: 0 for x ** 2 and x ** 0."""

def where_(condition: Any, x: Any, y: Any, **names: Any) -> Tensor:
    """x where the condition holds, else y; all broadcast."""

def maximum_(x: Any, y: Any, **names: Any) -> Tensor:
    """The larger of x and y, broadcast; NaN if either is. Ties give half of the gradient to each."""

def minimum_(x: Any, y: Any, **names: Any) -> Tensor:
    """The smaller of x and y, broadcast; NaN if either is. Ties give half of the gradient to each."""

def lerp_(x: Any, end: Any, w: Any, **names: Any) -> Tensor:
    """x + w * (end - x): linear interpolation."""

def addcmul_(x: Any, tensor1: Any, tensor2: Any, value: Any = ..., **names: Any) -> Tensor:
    """x + value * tensor1 * tensor2"""

def addcdiv_(x: Any, tensor1: Any, tensor2: Any, value: Any = ..., **names: Any) -> Tensor:
    """x + value * tensor1 / tensor2"""

def setitem_(x: Any, y: Any, index: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """A copy of x with x[index] replaced by y, which broadcasts. inplace: x itself, for Tensor's `x[index] = y`."""

def dropout_(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """y = x * mask / (1 - p), mask being 0 with probability p; x itself outside training."""

def dropout2d_(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Dropout of whole channels x[n, c]: all elements of a channel are kept or dropped together."""

def remainder_(x: Any, y: Any, **names: Any) -> Tensor:
    """x - floor(x / y) * y: the sign is that of y, as Python's %."""

def fmod_(x: Any, y: Any, **names: Any) -> Tensor:
    """x - trunc(x / y) * y: the sign is that of x, as C's fmod."""

def floor_divide_(x: Any, y: Any, **names: Any) -> Tensor:
    """floor(x / y), broadcast."""

def atan2_(x: Any, y: Any, **names: Any) -> Tensor:
    """The angle of the point (y, x), in (-pi, pi]: arctan(x / y) in the right quadrant."""

def hypot_(x: Any, y: Any, **names: Any) -> Tensor:
    """sqrt(x^2 + y^2), without overflow in between."""

def logaddexp_(x: Any, y: Any, **names: Any) -> Tensor:
    """log(e^x + e^y), without overflow in between."""

def eq_(x: Any, y: Any, **names: Any) -> Tensor:
    """x == y, broadcast; bools."""

def ne_(x: Any, y: Any, **names: Any) -> Tensor:
    """x != y, broadcast; bools."""

def lt_(x: Any, y: Any, **names: Any) -> Tensor:
    """x < y, broadcast; bools."""

def le_(x: Any, y: Any, **names: Any) -> Tensor:
    """x <= y, broadcast; bools."""

def gt_(x: Any, y: Any, **names: Any) -> Tensor:
    """x > y, broadcast; bools."""

def ge_(x: Any, y: Any, **names: Any) -> Tensor:
    """x >= y, broadcast; bools."""

def logical_and_(x: Any, y: Any, **names: Any) -> Tensor:
    """Whether x and y are both nonzero, broadcast."""

def logical_or_(x: Any, y: Any, **names: Any) -> Tensor:
    """Whether x or y is nonzero, broadcast."""

def logical_xor_(x: Any, y: Any, **names: Any) -> Tensor:
    """Whether exactly one of x and y is nonzero, broadcast."""

def exp_(x: Any, **names: Any) -> Tensor:
    """e ** x"""

def exp2_(x: Any, **names: Any) -> Tensor:
    """2 ** x"""

def expm1_(x: Any, **names: Any) -> Tensor:
    """e ** x - 1, precise near 0."""

def log_(x: Any, **names: Any) -> Tensor:
    """The natural logarithm of x; -inf at 0, NaN below."""

def log2_(x: Any, **names: Any) -> Tensor:
    """The logarithm of x to base 2."""

def log10_(x: Any, **names: Any) -> Tensor:
    """The logarithm of x to base 10."""

def log1p_(x: Any, **names: Any) -> Tensor:
    """log(1 + x), precise near 0."""

def sqrt_(x: Any, **names: Any) -> Tensor:
    """The square root of x; NaN below 0."""

def rsqrt_(x: Any, **names: Any) -> Tensor:
    """1 / sqrt(x)"""

def reciprocal_(x: Any, **names: Any) -> Tensor:
    """1 / x"""

def square_(x: Any, **names: Any) -> Tensor:
    """x * x"""

def sin_(x: Any, **names: Any) -> Tensor:
    """The sine of x (radians)."""

def cos_(x: Any, **names: Any) -> Tensor:
    """The cosine of x (radians)."""

def tan_(x: Any, **names: Any) -> Tensor:
    """The tangent of x (radians)."""

def asin_(x: Any, **names: Any) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""

def acos_(x: Any, **names: Any) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""

def atan_(x: Any, **names: Any) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""

def sinh_(x: Any, **names: Any) -> Tensor:
    """(e^x - e^-x) / 2"""

def cosh_(x: Any, **names: Any) -> Tensor:
    """(e^x + e^-x) / 2"""

def asinh_(x: Any, **names: Any) -> Tensor:
    """log(x + sqrt(x^2 + 1))"""

def acosh_(x: Any, **names: Any) -> Tensor:
    """log(x + sqrt(x^2 - 1)), for x >= 1."""

def atanh_(x: Any, **names: Any) -> Tensor:
    """log((1 + x) / (1 - x)) / 2, for |x| < 1."""

def erf_(x: Any, **names: Any) -> Tensor:
    """2 / sqrt(pi) * the integral of e^(-t^2) from 0 to x"""

def abs_(x: Any, **names: Any) -> Tensor:
    """|x|; the gradient at 0 is 0."""

def sign_(x: Any, **names: Any) -> Tensor:
    """-1, 0 or 1; NaN stays. The gradient is 0."""

def floor_(x: Any, **names: Any) -> Tensor:
    """The largest integer <= x. The gradient is 0."""

def ceil_(x: Any, **names: Any) -> Tensor:
    """The smallest integer >= x. The gradient is 0."""

def trunc_(x: Any, **names: Any) -> Tensor:
    """x without its fraction. The gradient is 0."""

def frac_(x: Any, **names: Any) -> Tensor:
    """x - trunc(x): the fraction, with the sign of x."""

def round_(x: Any, decimals: Any = ..., **names: Any) -> Tensor:
    """x to the nearest multiple of 10 ** -decimals, halves to even. The gradient is 0."""

def isnan_(x: Any, **names: Any) -> Tensor:
    """Whether x is NaN."""

def isinf_(x: Any, **names: Any) -> Tensor:
    """Whether x is inf or -inf."""

def isfinite_(x: Any, **names: Any) -> Tensor:
    """Whether x is neither NaN nor infinite."""

def logical_not_(x: Any, **names: Any) -> Tensor:
    """Whether x is zero."""

def nan_to_num_(x: Any, nan: Any = ..., posinf: Any = ..., neginf: Any = ..., **names: Any) -> Tensor:
    """x with NaN and the infinities replaced; None: the largest finite numbers. No gradient flows where replaced."""

def hardtanh_(x: Any, min_val: Any = ..., max_val: Any = ..., inplace: Any = ..., **names: Any) -> Tensor:
    """min(max(x, min_val), max_val); the slope at the bounds is 0, which the result alone tells."""

def hardtanh_grad_(u: Any, y: Any, min_val: Any = ..., max_val: Any = ..., **names: Any) -> Tensor:
    """u where min_val < y < max_val, else 0: the gradient of hardtanh, given its result y."""

def relu6_(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """min(max(x, 0), 6). Source: Howard et al., MobileNets, arXiv:1704.04861."""

def hardsigmoid_(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """min(max(x + 3, 0), 6) / 6. Source: Courbariaux et al., arXiv:1511.00363."""

def hardswish_(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x * hardsigmoid(x). Source: Howard et al., Searching for MobileNetV3, arXiv:1905.02244."""

def bitwise_and_(x: Any, y: Any, **names: Any) -> Tensor:
    """x & y of ints or bools, broadcast."""

def bitwise_or_(x: Any, y: Any, **names: Any) -> Tensor:
    """x | y of ints or bools, broadcast."""

def bitwise_xor_(x: Any, y: Any, **names: Any) -> Tensor:
    """x ^ y of ints or bools, broadcast."""

def bitwise_not_(x: Any, **names: Any) -> Tensor:
    """~x of ints or bools."""

def bitwise_left_shift_(x: Any, y: Any, **names: Any) -> Tensor:
    """x * 2 ** y of ints, broadcast."""

def bitwise_right_shift_(x: Any, y: Any, **names: Any) -> Tensor:
    """floor(x / 2 ** y) of ints, broadcast."""

def gcd_(x: Any, y: Any, **names: Any) -> Tensor:
    """The greatest common divisor of ints, broadcast."""

def lcm_(x: Any, y: Any, **names: Any) -> Tensor:
    """The least common multiple of ints, broadcast."""

def signbit_(x: Any, **names: Any) -> Tensor:
    """Whether the sign is negative, that of -0.0 too."""

def copysign_(x: Any, y: Any, **names: Any) -> Tensor:
    """|x| with the sign of y, broadcast; no gradient reaches y, none x at 0."""

def nextafter_(x: Any, y: Any, **names: Any) -> Tensor:
    """The next floating-point number after x towards y, broadcast; its gradient is that of x."""

def heaviside_(x: Any, y: Any, **names: Any) -> Tensor:
    """0 where x < 0, y where x = 0, 1 where x > 0; broadcast."""

def frexp_(x: Any, **names: Any) -> Tensor:
    """(mantissa, exponent): x = mantissa * 2 ** exponent with the mantissa in [0.5, 1)."""

def ldexp_(x: Any, y: Any, **names: Any) -> Tensor:
    """x * 2 ** y"""

def isposinf_(x: Any, **names: Any) -> Tensor:
    """Whether x is inf."""

def isneginf_(x: Any, **names: Any) -> Tensor:
    """Whether x is -inf."""

def isreal_(x: Any, **names: Any) -> Tensor:
    """True everywhere: there are no complex tensors."""

def isclose_(x: Any, y: Any, rtol: Any = ..., atol: Any = ..., equal_nan: Any = ..., **names: Any) -> Tensor:
    """|x - y| <= atol + rtol |y|, broadcast; equal infinities are close."""

def allclose_(x: Any, y: Any, rtol: Any = ..., atol: Any = ..., equal_nan: Any = ..., **names: Any) -> Tensor:
    """Whether isclose holds everywhere, as a Python bool."""

def equal_(x: Any, y: Any, **names: Any) -> Tensor:
    """Whether x and y have the same shape and elements, as a Python bool."""

def fmax_(x: Any, y: Any, **names: Any) -> Tensor:
    """The larger of x and y; of a number and NaN, the number."""

def fmin_(x: Any, y: Any, **names: Any) -> Tensor:
    """The smaller of x and y; of a number and NaN, the number."""

def logaddexp2_(x: Any, y: Any, **names: Any) -> Tensor:
    """log2(2^x + 2^y), without overflow in between."""

def rsub_(x: Any, y: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """y - alpha * x"""

def float_power_(x: Any, y: Any, dtype: Any = ..., **names: Any) -> Tensor:
    """x ** y, computed in float64."""

def rad2deg_(x: Any, **names: Any) -> Tensor:
    """An angle in degrees from radians."""

def deg2rad_(x: Any, **names: Any) -> Tensor:
    """An angle in radians from degrees."""

def positive_(x: Any, **names: Any) -> Tensor:
    """x itself; bools are refused."""

def clamp_min_(x: Any, low: Any = ..., **names: Any) -> Tensor:
    """max(x, low)"""

def clamp_max_(x: Any, high: Any = ..., **names: Any) -> Tensor:
    """min(x, high)"""

def angle_(x: Any, **names: Any) -> Tensor:
    """0 for x >= 0, pi below: the angle of a real number."""

def clip_(x: Any, low: Any = ..., high: Any = ..., **names: Any) -> Tensor:
    """min(max(x, low), high); a bound may be None, a number or a tensor. The gradient passes within the bounds."""

def clip_grad_(u: Any, x: Any, low: Any = ..., high: Any = ..., **names: Any) -> Tensor:
    """u where low <= x <= high, else 0: the gradient of clip, whose bounds are numbers or None."""

def threshold_(x: Any, threshold: Any, value: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x above the threshold, else the value."""

def rrelu_(x: Any, lower: Any = ..., upper: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """x above 0, else x times a slope: random in [lower, upper] in training, else their mean. arXiv:1505.00853."""

def alpha_dropout_(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Dropout for SELU networks: mean and variance stay. Source: Klambauer et al., arXiv:1706.02515."""

def feature_alpha_dropout_(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """As alpha_dropout, for whole channels of x (N, C, ...)."""

def dropout1d_(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Dropout of whole channels of x (N, C, L)."""

def dropout3d_(x: Any, p: Any = ..., training: Any = ..., inplace: Any = ..., generator: Any = ..., **names: Any) -> Tensor:
    """Dropout of whole channels of x (N, C, D, H, W)."""

def lgamma_(x: Any, **names: Any) -> Tensor:
    """log |gamma(x)|"""

def digamma_(x: Any, **names: Any) -> Tensor:
    """The derivative of lgamma."""

def zeta_(s: Any, x: Any, **names: Any) -> Tensor:
    """The Hurwitz zeta function: sum over k >= 0 of (x + k) ** -s, for s > 1."""

def polygamma_of_(x: Any, n: Any = ..., **names: Any) -> Tensor:
    """The n-th derivative of digamma, n >= 1: (-1) ** (n + 1) n! zeta(n + 1, x)."""

def polygamma_(n: Any, x: Any, **names: Any) -> Tensor:
    """The n-th derivative of digamma; polygamma(0, x) is digamma(x)."""

def mvlgamma_(x: Any, p: Any = ..., **names: Any) -> Tensor:
    """The logarithm of the multivariate gamma function: sum over j < p of lgamma(x - j / 2), plus p(p-1)/4 log pi."""

def erfc_(x: Any, **names: Any) -> Tensor:
    """1 - erf(x), precise for large x."""

def erfinv_(x: Any, **names: Any) -> Tensor:
    """The number whose erf is x."""

def ndtr_(x: Any, **names: Any) -> Tensor:
    """The normal distribution's probability of values below x."""

def ndtri_(x: Any, **names: Any) -> Tensor:
    """The inverse of ndtr: the number below which normal values stay with probability x."""

def log_ndtr_(x: Any, **names: Any) -> Tensor:
    """log(ndtr(x)), also where ndtr underflows."""

def i0e_(x: Any, **names: Any) -> Tensor:
    """e^-|x| times the modified Bessel function of order 0."""

def i1e_(x: Any, **names: Any) -> Tensor:
    """e^-|x| times the modified Bessel function of order 1."""

def i0_(x: Any, **names: Any) -> Tensor:
    """The modified Bessel function of the first kind of order 0."""

def i1_(x: Any, **names: Any) -> Tensor:
    """The modified Bessel function of the first kind of order 1."""

def bessel_j0_(x: Any, **names: Any) -> Tensor:
    """The Bessel function of the first kind of order 0."""

def bessel_j1_(x: Any, **names: Any) -> Tensor:
    """The Bessel function of the first kind of order 1."""

def xlogy_(x: Any, y: Any, **names: Any) -> Tensor:
    """x * log(y); 0 where x = 0, whatever y is (except NaN)."""

def xlog1py_(x: Any, y: Any, **names: Any) -> Tensor:
    """x * log(1 + y); 0 where x = 0, whatever y is (except NaN)."""

def entr_(x: Any, **names: Any) -> Tensor:
    """-x * log(x); 0 at 0, -inf below."""

def logit_(x: Any, eps: Any = ..., **names: Any) -> Tensor:
    """log(x / (1 - x)); with eps, x is held within [eps, 1 - eps]."""

def sinc_(x: Any, **names: Any) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""

def absolute_(x: Any, **names: Any) -> Tensor:
    """|x|; the gradient at 0 is 0."""

def arccos_(x: Any, **names: Any) -> Tensor:
    """The angle in [0, pi] whose cosine is x."""

def arccosh_(x: Any, **names: Any) -> Tensor:
    """log(x + sqrt(x^2 - 1)), for x >= 1."""

def arcsin_(x: Any, **names: Any) -> Tensor:
    """The angle in [-pi/2, pi/2] whose sine is x."""

def arcsinh_(x: Any, **names: Any) -> Tensor:
    """log(x + sqrt(x^2 + 1))"""

def arctan_(x: Any, **names: Any) -> Tensor:
    """The angle in (-pi/2, pi/2) whose tangent is x."""

def arctan2_(x: Any, y: Any, **names: Any) -> Tensor:
    """The angle of the point (y, x), in (-pi, pi]: arctan(x / y) in the right quadrant."""

def arctanh_(x: Any, **names: Any) -> Tensor:
    """log((1 + x) / (1 - x)) / 2, for |x| < 1."""

def clamp_(x: Any, low: Any = ..., high: Any = ..., **names: Any) -> Tensor:
    """min(max(x, low), high); a bound may be None, a number or a tensor. The gradient passes within the bounds."""

def divide_(x: Any, y: Any, rounding_mode: Any = ..., **names: Any) -> Tensor:
    """x / y, broadcast; ints give floats. rounding_mode 'floor' or 'trunc': whole quotients, without gradient."""

def fix_(x: Any, **names: Any) -> Tensor:
    """x without its fraction. The gradient is 0."""

def greater_(x: Any, y: Any, **names: Any) -> Tensor:
    """x > y, broadcast; bools."""

def greater_equal_(x: Any, y: Any, **names: Any) -> Tensor:
    """x >= y, broadcast; bools."""

def less_(x: Any, y: Any, **names: Any) -> Tensor:
    """x < y, broadcast; bools."""

def less_equal_(x: Any, y: Any, **names: Any) -> Tensor:
    """x <= y, broadcast; bools."""

def mod_(x: Any, y: Any, **names: Any) -> Tensor:
    """x - floor(x / y) * y: the sign is that of y, as Python's %."""

def multiply_(x: Any, y: Any, **names: Any) -> Tensor:
    """x * y, broadcast."""

def negative_(x: Any, **names: Any) -> Tensor:
    """-x; bools are refused, as in PyTorch and NumPy."""

def not_equal_(x: Any, y: Any, **names: Any) -> Tensor:
    """x != y, broadcast; bools."""

def power_(x: Any, y: Any, **names: Any) -> Tensor:
    """x ** y, broadcast; 0 ** 0 = 1. The gradient at x = 0 is that of the polynomial: 0 for x ** 2 and x ** 0."""

def rint_(x: Any, decimals: Any = ..., **names: Any) -> Tensor:
    """x to the nearest multiple of 10 ** -decimals, halves to even. The gradient is 0."""

def sgn_(x: Any, **names: Any) -> Tensor:
    """-1, 0 or 1; NaN stays. The gradient is 0."""

def subtract_(x: Any, y: Any, alpha: Any = ..., **names: Any) -> Tensor:
    """x - alpha * y, broadcast."""

def true_divide_(x: Any, y: Any, rounding_mode: Any = ..., **names: Any) -> Tensor:
    """x / y, broadcast; ints give floats. rounding_mode 'floor' or 'trunc': whole quotients, without gradient."""

def bitwise_invert_(x: Any, **names: Any) -> Tensor:
    """~x of ints or bools."""

def expit_(x: Any, **names: Any) -> Tensor:
    """1 / (1 + e ** -x)"""

def gammaln_(x: Any, **names: Any) -> Tensor:
    """log |gamma(x)|"""

def psi_(x: Any, **names: Any) -> Tensor:
    """The derivative of lgamma."""

def swish_(x: Any, inplace: Any = ..., **names: Any) -> Tensor:
    """x * sigmoid(x), also known as swish. Source: Ramachandran et al., arXiv:1710.05941; arXiv:1702.03118."""

def max_pool2d_with_indices(x: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., **names: Any) -> tuple[Tensor, Tensor]:
    """y[n, c, p, q] = max over (r, s) of x[n, c, p*stride + r*dilation - padding, q*stride + s*dilation - padding]"""

def max_pool1d_with_indices(x: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., **names: Any) -> tuple[Tensor, Tensor]:
    """max_pool2d of x (N, C, L) -> (N, C, Q), along the one axis; indices count from the start of it."""

def adaptive_max_pool2d_with_indices(x: Any, output_size: Any, return_indices: Any = ..., **names: Any) -> tuple[Tensor, Tensor]:
    """y[n, c, p, q] = max of x[n, c, h, w] over floor(p H / P) <= h < ceil((p + 1) H / P), and likewise w"""

def max_pool3d_with_indices(x: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., **names: Any) -> tuple[Tensor, Tensor]:
    """The largest element of every window of x (N, C, D, H, W); return_indices: also its place in the flat volume."""

def adaptive_max_pool1d_with_indices(x: Any, output_size: Any, return_indices: Any = ..., **names: Any) -> tuple[Tensor, Tensor]:
    """Maxima over windows of x (N, C, L) that give `output_size` of them; see adaptive_max_pool2d."""

def adaptive_max_pool3d_with_indices(x: Any, output_size: Any, return_indices: Any = ..., **names: Any) -> tuple[Tensor, Tensor]:
    """Maxima over windows of x (N, C, D, H, W) that give `output_size` of them; see adaptive_max_pool2d."""

def fractional_max_pool2d_with_indices(x: Any, kernel_size: Any, output_size: Any = ..., output_ratio: Any = ..., return_indices: Any = ..., _random_samples: Any = ..., generator: Any = ..., **names: Any) -> tuple[Tensor, Tensor]:
    """The largest element of each of output_size windows of x (N, C, H, W), placed pseudo-randomly for each n and c."""

def fractional_max_pool3d_with_indices(x: Any, kernel_size: Any, output_size: Any = ..., output_ratio: Any = ..., return_indices: Any = ..., _random_samples: Any = ..., generator: Any = ..., **names: Any) -> tuple[Tensor, Tensor]:
    """fractional_max_pool2d of volumes (N, C, D, H, W)."""

def fill_(x: Any, value: Any, **names: Any) -> Tensor:
    """One value, a number or a tensor without axes, in x's shape and dtype."""

def normal_(mean: Any = ..., std: Any = ..., shape: Any = ..., generator: Any = ..., dtype: Any = ..., device: Any = ..., layout: Any = ..., **names: Any) -> Tensor:
    """Normal numbers of a mean and a standard deviation, each a number or a tensor (whose shape is the default)."""

def uniform_(low: Any = ..., high: Any = ..., shape: Any = ..., generator: Any = ..., dtype: Any = ..., **names: Any) -> Tensor:
    """Uniform numbers in [low, high), bounds being numbers or tensors (whose shape is the default)."""
