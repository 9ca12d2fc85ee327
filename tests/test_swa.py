"""optim.swa_utils: averaged models, the rate that leads to them, statistics computed anew."""

import copy
import math

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.optim import SGD, swa_utils


def test_the_mean_of_the_weights():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    averaged = swa_utils.AveragedModel(net)
    seen = []
    for step in range(4):
        with ag.no_grad():
            net[0].weight.fill_(step)
            net[1].running_mean.fill_(step)
        averaged.update_parameters(net)
        seen.append(averaged.module[0].weight[0, 0].item())
    assert seen == [0, 0.5, 1, 1.5]
    assert averaged.n_averaged == 4 and (averaged.module[1].running_mean.array == 3).all(), "buffers are copied"
    assert "module.0.weight" in averaged.state_dict() and "n_averaged" in averaged.state_dict()
    x = ag.rand(5, 2)
    np.testing.assert_array_equal(averaged.eval()(x).array, averaged.module(x).array)
    with pytest.raises(ValueError, match="not of the structure"):
        averaged.update_parameters(nn.Linear(2, 3))


@pytest.mark.parametrize("function", ["avg_fn", "multi_avg_fn"])
def test_the_exponential_mean(function):
    made = {"avg_fn": swa_utils.get_ema_avg_fn, "multi_avg_fn": swa_utils.get_ema_multi_avg_fn}[function](0.75)
    net = nn.BatchNorm1d(1)
    averaged = swa_utils.AveragedModel(net, use_buffers=True, **{function: made})
    for value in (1.0, 2.0, 4.0):
        with ag.no_grad():
            net.weight.fill_(value)
            net.running_mean.fill_(value)
        averaged.update_parameters(net)
    want = 0.75 * (0.75 * 1 + 0.25 * 2) + 0.25 * 4
    assert averaged.module.weight.item() == averaged.module.running_mean.item() == want
    with pytest.raises(ValueError, match="not both"):
        swa_utils.AveragedModel(net, avg_fn=made, multi_avg_fn=made)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_the_rate(strategy):
    optimizer = SGD([nn.Parameter(np.ones(1))], lr=0.5)
    schedule = swa_utils.SWALR(optimizer, 0.1, anneal_epochs=4, anneal_strategy=strategy)
    rates = []
    for _ in range(7):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    parts = [min(i / 4, 1) for i in range(7)]
    parts = [(1 - math.cos(math.pi * t)) / 2 for t in parts] if strategy == "cos" else parts
    np.testing.assert_allclose(rates, [0.5 - 0.4 * t for t in parts], rtol=1e-12)
    with pytest.raises(ValueError, match="2 rates for 1 groups"):
        swa_utils.SWALR(optimizer, [0.1, 0.2])
    with pytest.raises(ValueError, match="expected 'cos' or 'linear'"):
        swa_utils.SWALR(optimizer, 0.1, anneal_strategy="log")


def test_statistics_computed_anew():
    net = nn.Sequential(nn.Identity(), nn.BatchNorm1d(3, momentum=0.3)).eval()
    batches = [np.random.default_rng(i).normal(i, 1, (6, 3)) for i in range(3)]
    swa_utils.update_bn([(ag.tensor(x, dtype=ag.float32), None) for x in batches], net)
    np.testing.assert_allclose(net[1].running_mean.array, np.mean([x.mean(0) for x in batches], 0), rtol=1e-5)
    np.testing.assert_allclose(net[1].running_var.array, np.mean([x.var(0, ddof=1) for x in batches], 0), rtol=1e-5)
    assert net[1].momentum == 0.3 and not net.training


def test_copies_of_numbers_keep_their_shape():
    assert copy.deepcopy(ag.tensor(2.0)).shape == ()
