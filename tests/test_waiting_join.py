"""Batch norms that a concatenation applies, each into its part of it: nobody can tell but by the clock."""

import norms
import numpy as np
import pytest
from norms import as_one, check_threads, in_place, plain, relu, relu6

import autograd as ag
from autograd import nn
from autograd.backends import flags
from autograd.errors import ShapeError
from autograd.waiting import waits_for


class Step(norms.Step):
    """Branches of a convolution and a batch norm each, joined, as an inception block's; and a loss."""

    def __init__(self, form=relu, widths=(16, 32, 8, 5), size=(3, 9, 11), dtype="float32", axis=1, before=None):
        ag.manual_seed(0)
        n, h, w = size
        self.form, self.axis, self.before = form, axis, before
        self.x = ag.randn(n, 6, h, w, dtype=dtype, requires_grad=True)
        self.conv = nn.ModuleList([nn.Conv2d(6, k, 1, bias=False) for k in widths]).to(dtype)
        self.bn = nn.ModuleList([nn.BatchNorm2d(k) for k in widths]).to(dtype)
        with ag.no_grad():
            for bn in self.bn:
                bn.weight.uniform_(-1, 4)
                bn.bias.uniform_(-1, 3)

    def forward(self):
        self.parts = [self.form(bn, conv(self.x)) for conv, bn in zip(self.conv, self.bn)]
        if self.before is not None:
            self.parts = self.before(self.parts)
        self.out = ag.cat(self.parts, self.axis)
        return (self.out * self.out).sum()


def apart(*args, **options):
    return Step(*args, **options).apart()


def with_others(parts):
    """Arrays that are there, of a view and of a number's repetitions, among those that are not."""
    return [parts[0][:, 3:7], parts[1], ag.ones(3, 4, 9, 11, dtype=parts[0].dtype), *parts[2:], parts[1]]


def other_order(parts):
    """The first part decides in which order the result lies in memory: not in that of batch norms."""
    return [parts[0].contiguous() + 0, *parts[1:]]


def with_residuals(parts):
    return [part + parts[0].detach()[:, :1] if i % 2 else part + part.detach() for i, part in enumerate(parts)]


@pytest.mark.parametrize(
    "before", [None, with_others, other_order, with_residuals], ids=lambda f: f.__name__ if f else "all"
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", [plain, relu, in_place, as_one, relu6], ids=lambda f: f.__name__)
def test_the_same_bits(form, dtype, before):
    step = Step(form, dtype=dtype, before=before)
    step.forward().backward()
    np.testing.assert_equal(step.outcome(), apart(form, dtype=dtype, before=before))


@pytest.mark.parametrize("form", [plain, relu, as_one], ids=lambda f: f.__name__)
def test_nothing_is_written_twice(form):
    step = Step(form)
    loss = step.forward()
    assert all(waits_for(part) is not None for part in step.parts)
    loss.backward()
    assert all(waits_for(part) is not None for part in step.parts)
    np.testing.assert_array_equal(ag.cat(step.parts, 1).detach().numpy(), step.out.detach().numpy())
    looked_at = [part.detach().numpy() for part in step.parts]
    np.testing.assert_array_equal(np.concatenate(looked_at, 1), step.out.detach().numpy())


def test_large_ones_on_any_number_of_threads():
    check_threads(lambda: Step(widths=(48, 64, 24, 13), size=(4, 40, 41)))


@pytest.mark.parametrize("axis", [-3, 0, 2, -1])
def test_other_axes(axis):
    step = Step(widths=(16, 16), axis=axis)
    step.forward().backward()
    np.testing.assert_equal(step.outcome(), apart(widths=(16, 16), axis=axis))
    assert all((waits_for(part) is None) == (axis != -3) for part in step.parts)


def test_of_one_part_and_of_many():
    for widths in ((16,), (8,) * 40):
        step = Step(widths=widths)
        step.forward().backward()
        np.testing.assert_equal(step.outcome(), apart(widths=widths))


def test_different_dtypes():
    step = Step()
    step.forward()
    mixed = ag.cat([step.parts[0], step.parts[1].double()], 1)
    with flags(fusion=False):
        other = Step()
        other.forward()
        expected = ag.cat([other.parts[0], other.parts[1].double()], 1)
    assert mixed.dtype == np.float64
    np.testing.assert_array_equal(mixed.detach().numpy(), expected.detach().numpy())


def test_mistakes_are_explained_as_ever():
    step = Step()
    step.forward()
    with pytest.raises(ShapeError, match=r"concatenate.*xs\[0\]: \(3, 16, 9, 11\), xs\[1\]: \(3, 32, 9, 11\)"):
        ag.cat(step.parts[:2], 0)
    with pytest.raises(ShapeError, match="concatenate"):
        ag.cat([step.parts[0], step.parts[1][:, :, 1:]], 1)
    with pytest.raises(ShapeError, match="concatenate"):
        ag.cat(step.parts, 4)


def test_what_is_changed_later():
    """The joined one keeps what it has got; who looks at a part afterwards sees the batch norm's result."""
    step = Step()
    step.forward()
    before = step.out.detach().numpy().copy()
    with ag.no_grad():
        for bn in step.bn:
            bn.weight.mul_(3)
    np.testing.assert_array_equal(step.out.detach().numpy(), before)
    np.testing.assert_array_equal(step.parts[1].detach().numpy(), before[:, 16:48])
