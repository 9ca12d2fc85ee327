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

CASES = [
    pytest.param(info.optim_cls.__name__, k, id=f"{info.optim_cls.__name__} {case.desc or k}")
    for info in optim_db
    if hasattr(optim, info.optim_cls.__name__)
    for k, case in enumerate(info.optim_inputs_func(device="cpu"))
]
INPUTS = {info.optim_cls.__name__: info.optim_inputs_func(device="cpu") for info in optim_db}


def target(p, step, t):
    """A loss with curvature of both signs and a moving minimum."""
    return ((p - step) * (p - step)).sum() * 0.5 + (p * 3 + t * 0.1).sin().sum()


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
@pytest.mark.parametrize("name, number", CASES)
def test_optimizer_follows_torch(name, number):
    kwargs = dict(INPUTS[name][number].kwargs)
    if any(isinstance(v, torch.Tensor) for v in kwargs.values()):
        kwargs = {k: v.item() if isinstance(v, torch.Tensor) else v for k, v in kwargs.items()}
    start = np.random.default_rng(1).uniform(-1, 1, (3, 4))
    x, y = torch.tensor(start, requires_grad=True), ag.tensor(start.copy(), requires_grad=True)
    theirs, ours = getattr(torch.optim, name)([x], **kwargs), getattr(optim, name)([y], **kwargs)
    for t in range(100):
        for p, optimizer in ((x, theirs), (y, ours)):
            optimizer.zero_grad()
            target(p, 0.3, t).backward()
            optimizer.step()
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
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_follows_torch(name):
    x, y = torch.zeros(1, requires_grad=True), ag.zeros(1, requires_grad=True)
    theirs, ours = torch.optim.SGD([x], lr=0.5, momentum=0.9), optim.SGD([y], lr=0.5, momentum=0.9)
    one = getattr(torch.optim.lr_scheduler, name)(theirs, **SCHEDULES[name])
    two = getattr(optim.lr_scheduler, name)(ours, **SCHEDULES[name])
    for t in range(100):
        theirs.step()
        ours.step()
        one.step()
        two.step()
        assert ours.param_groups[0]["lr"] == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12, abs=1e-15), t
