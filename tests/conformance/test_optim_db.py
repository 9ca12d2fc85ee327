"""The optimizers against PyTorch's, with the options of its own optim_db, over 100 steps in float64; the schedules."""

import warnings

import numpy as np
import pytest

import autograd as ag
from autograd import optim

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_optimizers import optim_db

INPUTS = {info.optim_cls.__name__: info.optim_inputs_func(device="cpu") for info in optim_db}
CASES = [
    pytest.param(name, case.kwargs | more, id=" ".join([name, case.desc or str(k), *map(str, more)]))
    for name, cases in INPUTS.items()
    if hasattr(optim, name)
    for k, case in enumerate(cases)
    # By default L-BFGS makes twenty moves a step; with two, more of its steps move.
    for more in ([{}, {"max_iter": 2}] if name == "LBFGS" else [{}])
]
ABSENT = {
    "Muon": "its update is computed in bfloat16, so no two implementations agree",
    "SparseAdam": "gradients are dense",
}


def test_what_is_absent_has_a_reason():
    assert {name for name in INPUTS if not hasattr(optim, name)} == set(ABSENT)
    schedules = torch.optim.lr_scheduler.__all__
    assert [name for name in schedules if not hasattr(optim.lr_scheduler, name)] == []


def target(p, t):
    """A loss with curvature of both signs and a moving minimum."""
    return ((p - 0.3) * (p - 0.3)).sum() * 0.5 + (p * 3 + t * 0.1).sin().sum()


def fixed(p, t):
    """A convex loss that stays as it is.

    L-BFGS takes the difference of two gradients for the loss's curvature. Of a moving loss it is a difference of losses
    as well, and rounding grows without bound: started one bit apart, PyTorch leaves itself by 1e-9.
    """
    weighted = sum((0.5 + i) * square for i, square in enumerate(((p - 0.3) * (p - 0.3)).reshape(-1)))
    return weighted + (p + 1).sin().sum() * 0.5


def step(optimizer, p, t, loss_of):
    def closure():
        optimizer.zero_grad()
        loss = loss_of(p, t)
        loss.backward()
        return loss

    optimizer.step(closure)


@pytest.fixture
def scalars_in_float64():
    """torch keeps step sizes that change in its default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("scalars_in_float64")
@pytest.mark.parametrize("name, options", CASES)
def test_optimizer_follows_torch(name, options):
    options = {k: v.item() if isinstance(v, torch.Tensor) else v for k, v in options.items()}
    start = np.random.default_rng(1).uniform(-1, 1, (3, 4))
    x, y = torch.tensor(start, requires_grad=True), ag.tensor(start.copy(), requires_grad=True)
    theirs, ours = getattr(torch.optim, name)([x], **options), getattr(optim, name)([y], **options)
    for t in range(100):
        for p, optimizer in ((x, theirs), (y, ours)):
            step(optimizer, p, t, fixed if name == "LBFGS" else target)
        np.testing.assert_allclose(y.detach().numpy(), x.detach().numpy(), atol=1e-12, rtol=1e-12, err_msg=f"step {t}")


SCHEDULES = {
    "StepLR": {"step_size": 7, "gamma": 0.5},
    "MultiStepLR": {"milestones": [5, 20, 20], "gamma": 0.3},
    "ExponentialLR": {"gamma": 0.95},
    "ConstantLR": {"factor": 0.3, "total_iters": 9},
    "LinearLR": {"start_factor": 0.2, "total_iters": 15},
    "PolynomialLR": {"total_iters": 30, "power": 2.0},
    "CosineAnnealingLR": {"T_max": 20, "eta_min": 0.01},
    "CosineAnnealingWarmRestarts": {"T_0": 6, "T_mult": 2},
    "OneCycleLR": {"max_lr": 0.7, "total_steps": 101},
    "LambdaLR": {"lr_lambda": lambda t: 0.9**t},
    "MultiplicativeLR": {"lr_lambda": lambda t: 0.9 + 0.1 * (t % 2)},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.9, "step_size_up": 7, "step_size_down": 11},
    "CyclicLR triangular2": {"base_lr": 0.1, "max_lr": 0.9, "step_size_up": 7, "mode": "triangular2"},
    "CyclicLR exp_range": {"base_lr": 0.1, "max_lr": 0.9, "step_size_up": 7, "mode": "exp_range", "gamma": 0.95},
    "CyclicLR scale_fn": {"base_lr": 0.1, "max_lr": 0.9, "step_size_up": 5, "scale_fn": lambda n: 1 / n**2},
}


def follow(schedule):
    """Both packages' SGD under the schedule that schedule(lr_scheduler, optimizer) makes, for 100 steps."""
    pairs = []
    for library, zeros in ((torch, torch.zeros), (ag, ag.zeros)):
        optimizer = library.optim.SGD([zeros(1, requires_grad=True)], lr=0.5, momentum=0.9)
        pairs.append((optimizer, schedule(library.optim.lr_scheduler, optimizer)))
    (theirs, one), (ours, two) = pairs
    for t in range(100):
        for optimizer, scheduler in pairs:
            optimizer.step()
            scheduler.step()
        for option in ("lr", "momentum"):
            want = pytest.approx(theirs.param_groups[0][option], rel=1e-12, abs=1e-15)
            assert ours.param_groups[0][option] == want, (t, option)
        assert two.get_last_lr() == pytest.approx(one.get_last_lr(), rel=1e-12, abs=1e-15)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", SCHEDULES)
def test_schedule_follows_torch(case):
    follow(lambda schedules, optimizer: getattr(schedules, case.split(" ")[0])(optimizer, **SCHEDULES[case]))


@pytest.mark.filterwarnings("ignore")
def test_schedules_in_a_row_and_at_once_follow_torch():
    def parts(schedules, optimizer):
        first = schedules.LinearLR(optimizer, 0.1, total_iters=9)
        return [first, schedules.CosineAnnealingLR(optimizer, 20), schedules.ExponentialLR(optimizer, 0.98)]

    follow(lambda schedules, optimizer: schedules.SequentialLR(optimizer, parts(schedules, optimizer), [10, 30]))
    follow(lambda schedules, optimizer: schedules.ChainedScheduler(parts(schedules, optimizer)))
