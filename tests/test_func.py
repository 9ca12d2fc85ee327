"""Derivatives of functions, somebody's own Function, and looking at graphs."""

import numpy as np
import pytest

import autograd as ag
from autograd import func, graph
from autograd.autograd import Function, backward
from autograd.errors import GraphError, ShapeError

X, Y = np.array([[0.5, -1.2], [2.0, 0.3]]), np.array([0.7, -0.4])


def f(x, y):
    return (x @ y).sin() * y


def numeric(function, x, eps=1e-6):
    columns = []
    for i in range(x.size):
        moved = [x.copy() for _ in range(2)]
        moved[0].flat[i] += eps
        moved[1].flat[i] -= eps
        columns.append((function(moved[0]) - function(moved[1])) / (2 * eps))
    return np.stack(columns, -1).reshape(*columns[0].shape, *x.shape)


def test_jacobian_has_the_shape_of_output_and_input():
    found = func.jacobian(f, (ag.tensor(X), ag.tensor(Y)))
    np.testing.assert_allclose(found[0], numeric(lambda x: f(ag.tensor(x), ag.tensor(Y)).numpy(), X), atol=1e-8)
    np.testing.assert_allclose(found[1], numeric(lambda y: f(ag.tensor(X), ag.tensor(y)).numpy(), Y), atol=1e-8)


def test_vjp_and_jvp_are_adjoint():
    u, v, w = np.full((2, 2), 0.3), np.array([1.0, -2.0]), np.array([0.1, 0.9])
    value, pull = func.vjp(f, X, Y)
    pushed = func.jvp(f, (X, Y), (u, v))[1]
    gx, gy = pull(ag.tensor(w))
    np.testing.assert_allclose(value, f(ag.tensor(X), ag.tensor(Y)).numpy())
    assert float((pushed * w).sum()) == pytest.approx(float((gx * u).sum() + (gy * v).sum()), rel=1e-12)
    with pytest.raises(ShapeError, match="cotangents"):
        pull(ag.tensor(X))


def test_hessian_and_its_products():
    def scalar(y):
        return (y * y * y).sum() + y[0] * y[1]

    h = func.hessian(scalar, ag.tensor(Y)).numpy()
    np.testing.assert_allclose(h, np.diag(6 * Y) + np.eye(2)[::-1], rtol=1e-12)
    np.testing.assert_allclose(
        func.hvp(scalar, ag.tensor(Y), ag.tensor([1.0, 2.0]).double())[1], h @ [1, 2], rtol=1e-12
    )
    np.testing.assert_allclose(func.jacrev(func.grad(scalar))(ag.tensor(Y)), h, rtol=1e-12)


def test_grad_of_grad():
    third = func.grad(func.grad(func.grad(lambda x: x**4)))
    assert third(ag.tensor(2.0)).item() == pytest.approx(48)
    assert func.grad_and_value(lambda x: (x**2, "aux"), has_aux=True)(ag.tensor(3.0))[1][1] == "aux"


def test_vmap_is_the_loop():
    found = func.vmap(lambda x, y: x @ y, in_dims=(0, None))(ag.tensor(X), ag.tensor(Y))
    np.testing.assert_allclose(found, X @ Y)


class Cube(Function):
    @staticmethod
    def forward(ctx, x, power):
        ctx.save_for_backward(x)
        ctx.power = power
        return x**power

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ctx.power * x ** (ctx.power - 1), None


class SumAndProduct(Function):
    @staticmethod
    def forward(x, y):
        return x + y, x * y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g + h * y, g + h * x


def test_a_function_passes_the_same_checks():
    x = ag.tensor(X, requires_grad=True)
    ag.gradcheck(lambda x: Cube.apply(x, 3), [x])
    ag.gradgradcheck(lambda x: Cube.apply(x, 3), [x])
    ag.gradcheck(SumAndProduct.apply, [x, ag.tensor(X + 1, requires_grad=True)])
    ag.gradgradcheck(SumAndProduct.apply, [x, ag.tensor(X + 1, requires_grad=True)])


def test_a_wrong_backward_is_seen():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    with pytest.raises(ag.GradientError):
        ag.gradcheck(Wrong.apply, [ag.tensor(X, requires_grad=True)])


def test_errors_of_a_function():
    class Short(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g

    class Misshapen(Function):
        @staticmethod
        def forward(ctx, x):
            return x.sum()

        @staticmethod
        def backward(ctx, g):
            return g

    x = ag.tensor(X, requires_grad=True)
    with pytest.raises(GraphError, match="1 gradients for 2 arguments"):
        Short.apply(x, x).sum().backward()
    with pytest.raises(ShapeError, match="gradient 0 has shape"):
        Misshapen.apply(x).backward()
    y = x * 1
    z = Cube.apply(y, 3)
    y += 1
    with pytest.raises(GraphError, match="changed in place"):
        z.sum().backward()


def test_backward_of_several_results():
    x = ag.tensor(Y, requires_grad=True)
    backward([x.sum(), (x * x).sum()])
    np.testing.assert_allclose(x.grad, 1 + 2 * Y)


def test_saved_bytes_counts_memory_once():
    x = ag.tensor(np.ones((10, 10)), requires_grad=True)
    y = x.exp()  # saves its result
    assert graph.saved_bytes(y) == 800
    assert graph.saved_bytes(y * y) == 800
    assert graph.saved_bytes(y * x) == 1600
    with pytest.raises(GraphError, match="no graph"):
        graph.saved_bytes(x.detach())


def test_the_drawing_names_ops_and_shapes():
    x = ag.tensor(np.ones((2, 3)), requires_grad=True)
    text = graph.dot((x * 2).sum())
    assert "mul\\n2 3" in text and "sum\\nnumber" in text and text.count("->") == 2
