"""gradcheck as its users see it: what it accepts, what it refuses, and the cause it names."""

import numpy as np
import pytest

import autograd as ag
from autograd.checking import command
from autograd.checking.opcheck import check_op
from autograd.ops.elementwise import mul

pytestmark = pytest.mark.usefixtures("scratch_ops")


def tensor(*shape, seed=0):
    return ag.Tensor(np.random.default_rng(seed).uniform(0.5, 2, shape), requires_grad=True)


def declare(rule, function=lambda x, y: x * y, **declaration):
    """A product of two arrays with a rule of ours for x."""

    @ag.op(name="planted", **declaration)
    def planted(x, y):
        return function(x, y)

    return planted.grads(x=rule, y=lambda g, x: g * x)


def array(t):
    return ag.Tensor(t)


WRONG = {
    "sign": lambda g, y: array(-(g * y).array),
    "factor": lambda g, y: array(2 * (g * y).array),
    "missing": lambda g: None,
    "transposed": lambda g, y: array((g * y).array.T.copy()),
    "shifted": lambda g, y: array(np.roll((g * y).array, 1, 1)),
    "reversed": lambda g, y: array(np.flip((g * y).array, 0).copy()),
    "part": lambda g, y: array((g * y).array * [[1.0], [0.0], [1.0]]),
    "ignores g": lambda y: y,
    "not linear": lambda g, y: g * g * y,
    "shape": lambda g, y: array((g * y).array[:2]),
    "not finite": lambda g, y: array((g * y).array * np.inf),
    "unknown": lambda g, y: g * y * y,
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("cause", WRONG)
def test_names_the_cause(cause):
    with pytest.raises(ag.GradientError) as caught:
        ag.gradcheck(declare(WRONG[cause]), (tensor(3, 3), tensor(3, 3, seed=1)))
    assert caught.value.cause == cause, str(caught.value)
    if cause not in ("shape",):
        assert caught.value.input == 0
        assert "(x)" in str(caught.value)


def test_names_the_size_behind_a_factor():
    op = declare(lambda g, y: array((g * y).array / 5))
    with pytest.raises(ag.GradientError, match=r"0\.2 times what it should be \(1 / the size of axis 1"):
        ag.gradcheck(op, (tensor(3, 5), tensor(3, 5, seed=1)))


def test_names_a_missing_sum():
    def add(x, b):
        return x + b

    op = ag.op(name="planted")(add)
    op.grads(x=lambda g: g, b=lambda g: g)
    with pytest.raises(ag.GradientError, match="missing sum over the broadcast axis 0"):
        ag.gradcheck(op, (tensor(4, 3), tensor(3)))


def test_reports_worst_entry():
    def rule(g, y):
        wrong = (g * y).array.copy()
        wrong[1, 2] += g.array[1, 2] * 7
        return array(wrong)

    with pytest.raises(ag.GradientError, match=r"at index \(1, 2\) of shape \(2, 3\)") as caught:
        ag.gradcheck(declare(rule), (tensor(2, 3), tensor(2, 3, seed=1)))
    assert caught.value.index == (1, 2)
    assert caught.value.analytic - caught.value.numeric == pytest.approx(7)


def test_right_gradients_pass():
    x, y = tensor(3, 4), tensor(3, 4, seed=1)
    assert ag.gradcheck(mul, (x, y))
    assert ag.gradgradcheck(mul, (x, y))
    assert ag.gradgradcheck(lambda a: a * a * a, x)
    assert ag.adjoint_check(mul, (x, y)) < 1e-14


def test_several_results():
    assert ag.gradcheck(lambda a, b: (a * b, a + b, a * a), (tensor(2, 2), tensor(2, 2, seed=1)))


def test_returns_false_on_request():
    assert not ag.gradcheck(declare(WRONG["sign"]), (tensor(2), tensor(2)), raise_exception=False)


def test_second_order_only():
    """A rule that is right but cut off from the graph fails in second order alone."""
    cut = declare(lambda g, y: array((g * y).array))
    inputs = (tensor(2), tensor(2, seed=1))
    assert ag.gradcheck(cut, inputs)
    with pytest.raises(ag.GradientError):
        ag.gradgradcheck(cut, inputs)


def test_adjoint_sees_what_differences_cannot():
    """An error of 1e-9 drowns in finite differences."""
    op = declare(lambda g, y: array((g * y).array * (1 + 1e-9)))
    inputs = (tensor(3), tensor(3, seed=1))
    assert ag.gradcheck(op, inputs)
    with pytest.raises(ag.GradientError, match="adjoint_check"):
        ag.adjoint_check(op, inputs)


def relu():
    @ag.op(name="planted_relu")
    def planted_relu(x):
        return np.maximum(x, 0)

    return planted_relu.grads(x=lambda g, x: array(g.array * (x.array > 0)))


def test_kinks_are_not_errors():
    x = ag.Tensor(np.array([1.0, 0.0, -1.0]), requires_grad=True)
    assert ag.gradcheck(relu(), x)
    with pytest.raises(ag.GradientError, match="0 from the left and 1 from the right") as caught:
        ag.gradcheck(relu(), x, kinks="raise")
    assert caught.value.cause == "kink"
    assert caught.value.index == (1,)


def test_wrong_gradient_at_a_kink_is_an_error():
    @ag.op(name="planted_relu")
    def planted_relu(x):
        return np.maximum(x, 0)

    planted_relu.grads(x=lambda g, x: array(g.array * np.where(x.array > 0, 1.0, np.where(x.array == 0, 3.0, 0.0))))
    with pytest.raises(ag.GradientError) as caught:
        ag.gradcheck(planted_relu, ag.Tensor(np.array([1.0, 0.0]), requires_grad=True))
    assert caught.value.cause == "kink"


def test_wrong_gradient_beside_a_kink_is_an_error():
    @ag.op(name="planted_abs")
    def planted_abs(x):
        return np.abs(x)

    planted_abs.grads(x=lambda g, x: array(-g.array * np.sign(x.array)))
    with pytest.raises(ag.GradientError) as caught:
        ag.gradcheck(planted_abs, ag.Tensor(np.array([0.0, 2.0]), requires_grad=True))
    assert caught.value.cause != "kink"


def test_random_functions_are_refused(rng):
    def noisy(x):
        return x * ag.Tensor(rng.uniform(size=x.shape))

    with pytest.raises(ag.GradientError, match="two results for the same inputs"):
        ag.gradcheck(noisy, tensor(3))


def test_random_gradients_are_refused(rng):
    op = declare(lambda g, y: array((g * y).array + 1e-9 * rng.uniform(size=g.shape)))
    with pytest.raises(ag.GradientError) as caught:
        ag.gradcheck(op, (tensor(3), tensor(3)))
    assert caught.value.cause == "random gradient"


def test_changed_inputs_are_refused():
    def change(x):
        y = x * x
        x.detach().array[...] += 1
        return y

    with pytest.raises(ag.GradientError, match="changed by the function"):
        ag.gradcheck(change, tensor(3))


def test_float32_is_refused():
    x = ag.Tensor(np.ones(3, np.float32), requires_grad=True)
    with pytest.raises(ag.DTypeError, match=r"x.double()"):
        ag.gradcheck(lambda x: x * x, x)
    with pytest.raises(ag.DTypeError, match="float32"):
        ag.gradcheck(lambda x: x * x, np.ones(3, np.float32))


def test_constants_are_refused():
    with pytest.raises(ag.GraphError, match="no input requires gradients"):
        ag.gradcheck(lambda x: x * x, ag.Tensor(np.ones(3)))


def test_not_finite_is_refused():
    with pytest.raises(ag.GradientError, match="not finite"):
        ag.gradcheck(lambda x: x * np.array(np.inf), np.ones(3))


def test_constant_inputs_stay_constant():
    x, c = tensor(3), ag.Tensor(np.ones(3))
    assert ag.gradcheck(lambda x, c: x * c, (x, c))
    assert c.grad is None and x.grad is None


def test_large_jacobians_are_contracted():
    x, y = tensor(40, 40), tensor(40, 40, seed=1)
    assert ag.gradcheck(mul, (x, y))
    with pytest.raises(ag.GradientError) as caught:
        ag.gradcheck(declare(WRONG["sign"]), (x, y))
    assert caught.value.cause == "sign"


SQUARE = """
import autograd

@autograd.op(reference=lambda x: x * x, samples=lambda s: s.case(s.array(s.shape())))
def planted_square(x):
    "x ** 2"
    return x * x

planted_square.grads(x=lambda g, x: g * x{factor})

@autograd.op(axes={{"x": "N C", "w": "C K"}}, reference=lambda x, w: x @ w, linear_in=("x", "w"))
def planted_product(x, w):
    "x w"
    return x @ w

planted_product.grads(
    x=lambda g, w: autograd.Tensor(g.array @ w.array.T), w=lambda g, x: autograd.Tensor(x.array.T @ g.array)
)

@autograd.op()
def planted_blank(x):
    return x
"""


def test_command_on_a_file(tmp_path, capsys):
    path = tmp_path / "planted_ops.py"
    path.write_text(SQUARE.format(factor=" + g * x"))
    assert command.run(f"{path}:planted_square", cases=5) == 0
    assert "1 ops, 5 cases, 0 failed" in capsys.readouterr().out


def test_command_reports_wrong_ops(tmp_path, capsys):
    path = tmp_path / "planted_ops.py"
    path.write_text(SQUARE.format(factor=""))
    assert command.run(str(path), cases=5) == 1
    out = capsys.readouterr().out
    assert "0.5 times what it should be" in out
    assert "inputs guessed from axes=" in out
    assert "declare samples=" in out


def test_command_by_module_name(tmp_path, monkeypatch, capsys):
    (tmp_path / "planted_module.py").write_text(SQUARE.format(factor=" + g * x"))
    monkeypatch.chdir(tmp_path)
    assert command.run("planted_module:planted_square", cases=3) == 0
    assert command.run("planted_module:planted_squares", cases=3) == 2
    assert "did you mean 'planted_square'" in capsys.readouterr().err


def test_command_names_near_ops(capsys):
    assert command.run("expp") == 2
    assert "did you mean 'exp'" in capsys.readouterr().err
    assert command.run("multiply", cases=2) == 0


def test_missing_rules_are_reported():
    @ag.op(name="planted", reference=lambda x: x + 1, samples=lambda s: s.case(s.array(s.shape())))
    def planted(x):
        return x + 1

    report = check_op(planted, 4)
    assert [f.check for f in report.failures] == ["gradients"]
    assert "planted.grads(x=lambda g: ...)" in str(report)
