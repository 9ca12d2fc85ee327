"""Sequences of different lengths in recurrent layers."""

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.nn.utils.rnn import (
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)
from autograd.ops.ctc import twin_of_losses


def test_padding_and_back():
    parts = [np.arange(n * 2.0).reshape(n, 2) for n in (2, 3, 1)]
    padded = pad_sequence(parts, batch_first=True, padding_value=-1)
    assert padded.shape == (3, 3, 2) and padded[0, 2].tolist() == [-1, -1] and padded[2, 0].tolist() == [0, 1]
    assert pad_sequence(parts, padding_side="left")[:, 2, 1].tolist() == [0, 0, 1]
    for part, again in zip(parts, unpad_sequence(padded, [2, 3, 1], batch_first=True)):
        np.testing.assert_array_equal(again.numpy(), part)


def test_packing_and_back():
    packed = pack_sequence([ag.tensor([1.0, 2, 3]), ag.tensor([4.0, 5]), ag.tensor([6.0])])
    assert packed.data.tolist() == [1, 4, 6, 2, 5, 3] and packed.batch_sizes.tolist() == [3, 2, 1]
    padded, lengths = pad_packed_sequence(packed, padding_value=9, total_length=4)
    assert padded.tolist() == [[1, 4, 6], [2, 5, 9], [3, 9, 9], [9, 9, 9]] and lengths.tolist() == [3, 2, 1]
    unsorted = pack_sequence([ag.tensor([6.0]), ag.tensor([1.0, 2, 3])], enforce_sorted=False)
    assert unsorted.data.tolist() == [1, 6, 2, 3]
    assert [s.tolist() for s in unpack_sequence(unsorted)] == [[6], [1, 2, 3]]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_packed_batch_is_its_sequences_one_by_one(kind, fused, rng):
    layer = getattr(nn, kind)(3, 4, num_layers=2, bidirectional=True).double()
    parts = [ag.tensor(rng.normal(size=(n, 3)), requires_grad=True) for n in (2, 5, 1, 4)]
    weights = [ag.tensor(rng.normal(size=(len(p), 8))) for p in parts]
    with ag.backends.flags(fusion=fused):
        packed, state = layer(pack_sequence(parts, enforce_sorted=False))
        found = unpack_sequence(packed)
        together = ag.grad(sum((y * w).sum() for y, w in zip(found, weights)), parts)
        for i, (part, weight) in enumerate(zip(parts, weights)):
            y, last = layer(part)
            np.testing.assert_allclose(found[i].detach().numpy(), y.detach().numpy(), atol=1e-14)
            for all_last, one in zip(*((state, last) if kind == "LSTM" else ([state], [last]))):
                np.testing.assert_allclose(all_last[:, i].detach().numpy(), one.detach().numpy(), atol=1e-14)
            (alone,) = ag.grad((y * weight).sum(), [part])
            np.testing.assert_allclose(together[i].numpy(), alone.numpy(), atol=1e-13)


def test_what_cannot_be_packed_says_why():
    padded = ag.zeros(3, 2, 4)
    with pytest.raises(ValueError, match=r"pass enforce_sorted=False  \[lengths: \[1, 3\]\]"):
        pack_padded_sequence(padded, [1, 3])
    with pytest.raises(ag.ShapeError, match="every length must be from 1 to 3, got"):
        pack_padded_sequence(padded, [4, 1])
    with pytest.raises(ag.ShapeError, match="expected the lengths of 2 sequences as integers"):
        pack_padded_sequence(padded, [1.0, 2.0])
    with pytest.raises(ag.ShapeError, match="all but the first axis must agree"):
        pad_sequence([ag.zeros(2, 3), ag.zeros(2, 4)])
    with pytest.raises(ag.ShapeError, match="expected packed sequences of 5 features"):
        nn.GRU(5, 2)(pack_padded_sequence(padded, [3, 2]))


@pytest.mark.parametrize("seed", range(6))
def test_alignments_in_c_are_those_of_the_tape(seed):
    """Long sequences, some whose labels do not fit, and likelihoods far below what single precision holds."""
    rng = np.random.default_rng(seed)
    times, n, classes, width = 40, 6, 7, 9
    x = rng.standard_normal((times, n, classes)) * 10.0 ** (seed % 3)
    x -= np.log(np.exp(x).sum(-1, keepdims=True))
    labels, sizes = rng.integers(1, classes, (n, width)), rng.integers(0, width + 1, n)
    attributes = {"labels": labels, "times": rng.integers(0, times + 1, n), "sizes": sizes, "blank": 0}
    attributes["times"][0], sizes[0] = 3, width
    g, found = rng.standard_normal(n), []
    for op in (ag.ctc_losses, twin_of_losses):
        y = ag.tensor(x, requires_grad=True)
        losses = op(y, **attributes)
        finite = ag.where(np.isfinite(losses.array), losses, 0.0)
        (finite * g).sum().backward()
        found.append((losses.array, y.grad.array))
    assert found[0][0][0] == np.inf and not found[0][1][:, 0].any()
    for one, other in zip(*found):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    with ag.backends.flags(num_threads=3):
        np.testing.assert_array_equal(found[0][0], ag.ctc_losses(x, **attributes).array)
