"""Optimizers and schedules against formulas written here in NumPy, and against torch.optim where installed."""

import math

import numpy as np
import pytest

import autograd
from autograd import nn, optim
from autograd.errors import GraphError, StateDictError
from autograd.optim import lr_scheduler
from autograd.tensor import Tensor

SHAPES = [(3, 5), (7,), ()]
STEPS = 100


def gradients(seed=0):
    """The same gradients for every implementation: STEPS lists of arrays."""
    rng = np.random.default_rng(seed)
    return [[rng.standard_normal(s) for s in SHAPES] for _ in range(STEPS)]


def start():
    rng = np.random.default_rng(9)
    return [rng.standard_normal(s) for s in SHAPES]


def run(make, schedule=None):
    """The parameters after STEPS steps with an optimizer of ours."""
    params = [nn.Parameter(a.copy()) for a in start()]
    optimizer = make(params)
    scheduler = schedule(lr_scheduler, optimizer) if schedule else None
    for grads in gradients():
        for p, g in zip(params, grads):
            p.grad = Tensor(g.copy())
        optimizer.step()
        if scheduler:
            scheduler.step()
    return [p.array for p in params]


def run_torch(torch, make, schedule=None):
    params = [torch.nn.Parameter(torch.tensor(a)) for a in start()]
    optimizer = make(params)
    scheduler = schedule(torch.optim.lr_scheduler, optimizer) if schedule else None
    for grads in gradients():
        for p, g in zip(params, grads):
            p.grad = torch.tensor(g)
        optimizer.step()
        if scheduler:
            scheduler.step()
    return [p.detach().numpy() for p in params]


def sgd(p, g, s, t, lr, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    g = (-g if maximize else g) + weight_decay * p
    if momentum:
        s["m"] = g if t == 1 else momentum * s["m"] + (1 - dampening) * g
        g = g + momentum * s["m"] if nesterov else s["m"]
    return p - lr * g


def adam(p, g, s, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, maximize=False, decoupled=False):
    b, c = betas
    g = -g if maximize else g
    if decoupled:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    s["m"] = b * s.get("m", 0) + (1 - b) * g
    s["v"] = c * s.get("v", 0) + (1 - c) * g * g
    s["top"] = np.maximum(s.get("top", 0), s["v"]) if amsgrad else s["v"]
    return p - lr / (1 - b**t) * s["m"] / (np.sqrt(s["top"]) / math.sqrt(1 - c**t) + eps)


def adamw(*args, weight_decay=1e-2, **options):
    return adam(*args, weight_decay=weight_decay, decoupled=True, **options)


def rmsprop(p, g, s, t, lr, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, maximize=False):
    g = (-g if maximize else g) + weight_decay * p
    s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g * g
    v = s["v"]
    if centered:
        s["a"] = alpha * s.get("a", 0) + (1 - alpha) * g
        v = v - s["a"] ** 2
    step = g / (np.sqrt(v) + eps)
    if momentum:
        s["b"] = step = momentum * s.get("b", 0) + step
    return p - lr * step


RULES = {"SGD": sgd, "Adam": adam, "AdamW": adamw, "RMSprop": rmsprop}
OPTIONS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1, "amsgrad": True}),
    ("Adam", {"lr": 0.02, "maximize": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.02}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.7, "centered": True, "weight_decay": 0.05}),
    ("RMSprop", {"lr": 0.01, "eps": 1e-3, "momentum": 0.5, "maximize": True}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_hundred_steps_follow_the_formula(name, options):
    expected = start()
    states = [{} for _ in SHAPES]
    for t, grads in enumerate(gradients(), 1):
        expected = [RULES[name](p, g, s, t, **options) for p, g, s in zip(expected, grads, states)]
    for ours, formula in zip(run(lambda params: getattr(optim, name)(params, **options)), expected):
        np.testing.assert_allclose(ours, formula, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_hundred_steps_follow_torch(name, options):
    torch = pytest.importorskip("torch")
    ours = run(lambda params: getattr(optim, name)(params, **options))
    theirs = run_torch(torch, lambda params: getattr(torch.optim, name)(params, **options))
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


def test_defaults_are_torchs():
    torch = pytest.importorskip("torch")
    for name in RULES:
        ours = getattr(optim, name)([nn.Parameter(np.zeros(2))]).param_groups[0]
        theirs = getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(2))]).param_groups[0]
        for option, value in theirs.items():
            if option != "params" and option in ours:
                assert ours[option] == value, (name, option)
        assert set(ours) <= set(theirs) | {"decoupled_weight_decay"}


# --------------------------------------------------------------------------------------------- schedules

SCHEDULES = {
    "StepLR": lambda s, o: s.StepLR(o, 7, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 10, 10, 40], 0.3),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.97),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.5, 8),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, 0.9, 20),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 60, 2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 30, 1e-3),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, 2, 1e-3),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.2, STEPS + 1),
    "OneCycleLR linear": lambda s, o: s.OneCycleLR(
        o, 0.2, epochs=5, steps_per_epoch=21, anneal_strategy="linear", three_phase=True, pct_start=0.2
    ),
    "OneCycleLR without momentum": lambda s, o: s.OneCycleLR(o, 0.2, STEPS + 1, cycle_momentum=False, div_factor=10.0),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=10), s.CosineAnnealingLR(o, 50), s.ExponentialLR(o, 0.9)], [10, 60]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_schedules_follow_torch(name, kind):
    torch = pytest.importorskip("torch")
    options = {"lr": 0.1, "momentum": 0.9} if kind == "SGD" else {"lr": 0.1}
    ours = run(lambda params: getattr(optim, kind)(params, **options), SCHEDULES[name])
    theirs = run_torch(torch, lambda params: getattr(torch.optim, kind)(params, **options), SCHEDULES[name])
    for x, y in zip(ours, theirs):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


def rates(schedule, steps, lr=0.1):
    optimizer = optim.SGD([nn.Parameter(np.zeros(1))], lr=lr, momentum=0.9)
    scheduler = schedule(lr_scheduler, optimizer)
    seen = []
    for _ in range(steps):
        seen.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return np.array(seen)


def test_schedules_follow_their_closed_forms():
    t = np.arange(50)
    step = rates(lambda s, o: s.StepLR(o, 7, 0.5), 50)
    np.testing.assert_allclose(step, 0.1 * 0.5 ** (t // 7), rtol=1e-13)
    multi = rates(lambda s, o: s.MultiStepLR(o, [30, 3]), 50)
    np.testing.assert_allclose(multi, 0.1 * 0.1 ** ((t >= 3).astype(int) + (t >= 30)), rtol=1e-13)
    cosine = rates(lambda s, o: s.CosineAnnealingLR(o, 20, 0.01), 50)
    np.testing.assert_allclose(cosine, 0.01 + 0.09 * (1 + np.cos(np.pi * t / 20)) / 2, rtol=1e-11)
    linear = rates(lambda s, o: s.LinearLR(o, 0.25, 1.0, 12), 50)
    np.testing.assert_allclose(linear, 0.1 * np.minimum(0.25 + 0.75 * t / 12, 1), rtol=1e-13)
    restarts = rates(lambda s, o: s.CosineAnnealingWarmRestarts(o, 4, 2), 28)
    cycles = np.concatenate([(1 + np.cos(np.pi * np.arange(n) / n)) / 2 for n in (4, 8, 16)])
    np.testing.assert_allclose(restarts, 0.1 * cycles, rtol=1e-12, atol=1e-17)
    cycle = rates(lambda s, o: s.OneCycleLR(o, 1.0, 50, pct_start=0.2), 50)
    assert cycle[0] == pytest.approx(1 / 25) and cycle.argmax() == 9 and cycle[9] == pytest.approx(1.0)
    np.testing.assert_allclose(cycle[-1], 1 / 25 / 1e4, rtol=1e-6)


def test_plateau():
    torch = pytest.importorskip("torch")
    losses = [1.0, 0.9, 0.9, 0.95, 0.9, 0.91, 0.5, 0.5, 0.5, 0.5, 0.5, 0.49999, 0.5, 0.6, 0.7, 0.8, 0.9]
    for options in (
        {"patience": 2}, {"patience": 1, "cooldown": 2, "factor": 0.5}, {"mode": "max", "patience": 3},
        {"threshold_mode": "abs", "threshold": 0.05, "patience": 1, "min_lr": 0.005},
    ):  # fmt: skip
        ours = optim.SGD([nn.Parameter(np.zeros(1))], lr=0.1)
        theirs = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        a = lr_scheduler.ReduceLROnPlateau(ours, **options)
        b = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
        for loss in losses:
            a.step(Tensor(loss))
            b.step(loss)
            assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-12)


def test_a_schedule_resumes():
    def build():
        optimizer = optim.SGD([nn.Parameter(np.zeros(1))], lr=0.1, momentum=0.9)
        return optimizer, lr_scheduler.CosineAnnealingLR(optimizer, 20)

    optimizer, scheduler = build()
    for _ in range(7):
        optimizer.step()
        scheduler.step()
    again, resumed = build()
    again.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    for _ in range(5):
        for o, s in ((optimizer, scheduler), (again, resumed)):
            o.step()
            s.step()
        assert again.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
    later = lr_scheduler.CosineAnnealingLR(optimizer, 20, last_epoch=11)
    assert later.last_epoch == 12 and later.get_last_lr() == pytest.approx(scheduler.get_last_lr())
    with pytest.raises(KeyError, match="no 'initial_lr'; load the optimizer's state first"):
        lr_scheduler.StepLR(optim.SGD([nn.Parameter(np.zeros(1))]), 5, last_epoch=3)


def test_the_order_of_steps_is_checked():
    optimizer = optim.SGD([nn.Parameter(np.zeros(1))])
    scheduler = lr_scheduler.StepLR(optimizer, 5)
    with pytest.warns(UserWarning, match=r"call optimizer.step\(\) first"):
        scheduler.step()


# --------------------------------------------------------------------------------------------- behaviour


def test_groups_and_frozen_parameters():
    a, b, frozen = nn.Parameter(np.zeros(2)), nn.Parameter(np.zeros(2)), nn.Parameter(np.ones(2), requires_grad=False)
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 1.0}, {"params": [("c", frozen)]}], lr=0.1)
    for p in (a, b):
        p.grad = Tensor(np.ones(2))
    optimizer.step()
    assert a.array[0] == -0.1 and b.array[0] == -1 and frozen.array[0] == 1
    optimizer.zero_grad()
    assert a.grad is None
    optimizer.step()
    assert a.array[0] == -0.1


def test_a_closure_is_called_with_gradients_on():
    p = nn.Parameter(np.array([2.0]))
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with autograd.no_grad():
        assert optimizer.step(closure).item() == 4
    assert p.array[0] == 1


def test_a_step_invalidates_graphs_that_saved_the_old_values():
    p = nn.Parameter(np.array([2.0]))
    optimizer = optim.SGD([p], lr=0.25)
    y = (p * p).sum()
    p.grad = Tensor(np.ones(1))
    optimizer.step()
    with pytest.raises(GraphError, match="changed in place"):
        y.backward()


@pytest.mark.parametrize("name", RULES)
def test_state_round_trip_goes_on_bit_for_bit(name):
    make = {"SGD": lambda p: optim.SGD(p, 0.1, 0.9)}.get(name, getattr(optim, name))
    series = gradients()

    def steps(optimizer, params, some):
        for grads in some:
            for p, g in zip(params, grads):
                p.grad = Tensor(g.copy())
            optimizer.step()

    params = [nn.Parameter(a.copy()) for a in start()]
    optimizer = make(params)
    steps(optimizer, params, series[:10])
    twins = [nn.Parameter(p.array.copy()) for p in params]
    resumed = make(twins)
    resumed.load_state_dict(optimizer.state_dict())
    steps(optimizer, params, series[10:20])
    steps(resumed, twins, series[10:20])
    for p, q in zip(params, twins):
        np.testing.assert_array_equal(p.array, q.array)


def test_torchs_state_is_understood():
    torch = pytest.importorskip("torch")
    theirs = [torch.nn.Parameter(torch.tensor(a)) for a in start()]
    other = torch.optim.Adam(theirs, 0.01)
    ours = [nn.Parameter(a.copy()) for a in start()]
    mine = optim.Adam(ours, 0.5)
    series = gradients()
    for t in range(6):
        for p, q, g in zip(ours, theirs, series[t]):
            p.grad, q.grad = Tensor(g.copy()), torch.tensor(g)
        other.step()
        if t == 2:
            mine.load_state_dict(other.state_dict())
            for p, q in zip(ours, theirs):
                p.array[...] = q.detach().numpy()
        elif t > 2:
            mine.step()
    for p, q in zip(ours, theirs):
        np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-13)


def test_mistakes_are_named():
    p = nn.Parameter(np.zeros(2))
    with pytest.raises(ValueError, match="got no parameters; was a generator"):
        optim.SGD([])
    with pytest.raises(TypeError, match=r"got one tensor; write \[tensor\]"):
        optim.SGD(p)
    with pytest.raises(ValueError, match="parameter 1, shape \\(2,\\), is there twice"):
        optim.SGD([p, p])
    with pytest.raises(GraphError, match="is a result of ops"):
        optim.Adam([p * 2.0])
    with pytest.raises(ValueError, match=r"unknown option 'l_r' in a parameter group \(did you mean 'lr'"):
        optim.SGD([{"params": [p], "l_r": 1}])
    with pytest.raises(ValueError, match="SGD: lr must be at least 0, got -1"):
        optim.SGD([p], lr=-1)
    with pytest.raises(ValueError, match=r"Adam: betas must be in \[0, 1\)"):
        optim.Adam([p], betas=(1.0, 0.9))
    with pytest.raises(ValueError, match="nesterov needs a momentum"):
        optim.SGD([p], nesterov=True)
    with pytest.raises(StateDictError, match=r"groups of \[1\] parameters, the optimizer \[2\]"):
        optim.SGD([p, nn.Parameter(np.zeros(1))]).load_state_dict(optim.SGD([p]).state_dict())
    state = optim.Adam([p]).state_dict()
    state["state"][0] = {"step": 1, "exp_avg": np.zeros(3), "exp_avg_sq": np.zeros(2)}
    with pytest.raises(StateDictError, match=r"exp_avg has shape \(3,\), the parameter \(2,\)"):
        optim.Adam([p]).load_state_dict(state)
