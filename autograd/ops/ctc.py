"""Connectionist temporal classification: the likelihood of a label sequence over all its alignments in time."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from autograd import kernels
from autograd.errors import DTypeError, ShapeError
from autograd.op import composite, op
from autograd.ops.elementwise import maximum, raw, where
from autograd.ops.index import getitem
from autograd.ops.join import concatenate, stack
from autograd.ops.linalg import tensor_of
from autograd.ops.loss import REDUCTIONS, check_reduction
from autograd.ops.reduce import logsumexp
from autograd.ops.shape import reshape
from autograd.sampling import Case, Sampler
from autograd.value import array_of


def _samples(s: Sampler) -> Case:
    t, n, c = s.integer(3, 4), s.size(2), 3
    x = s.array((t, n, c))
    x = x - np.log(np.exp(x).sum(-1, keepdims=True))
    lengths, labels = np.array([s.integer(1, 2) for _ in range(n)]), s.integers((n, 2), 1, c)
    return s.case(np.asarray(x, s.dtype), labels, np.full(n, t), lengths, reduction=s.choice(REDUCTIONS))


def _reference(x, targets, input_lengths, target_lengths, blank=0, reduction="mean"):
    losses = _each_reference(x, targets, input_lengths, target_lengths, blank)
    if reduction == "mean":
        return (losses / np.maximum(target_lengths, 1)).mean()
    return losses.sum() if reduction == "sum" else losses


def _each_reference(x, labels, times, sizes, blank=0):
    """The sum over all paths of classes that collapse to the labels."""
    found = []
    for i, (t, length) in enumerate(zip(times, sizes)):
        total = 0.0
        for path in itertools.product(range(x.shape[2]), repeat=int(t)):
            collapsed = [c for k, c in enumerate(path) if c != blank and (k == 0 or path[k - 1] != c)]
            if collapsed == list(labels[i, :length]):
                total += math.exp(np.sum([x[k, i, c] for k, c in enumerate(path)]))
        found.append(-math.log(total) if total else math.inf)
    return np.array(found)


def _rows(targets: np.ndarray, lengths: np.ndarray, n: int) -> np.ndarray:
    """Targets, possibly end to end, as one padded row each."""
    if targets.ndim == 2:
        return targets
    rows = np.zeros((n, max(int(lengths.max(initial=0)), 1)), np.int64)
    ends = np.cumsum(lengths)
    for i in range(n):
        rows[i, : lengths[i]] = targets[ends[i] - lengths[i] : ends[i]]
    return rows


def _lengths(name: str, lengths: Any, n: int, most: int) -> np.ndarray:
    found = np.asarray(raw(lengths)).reshape(-1)
    if found.dtype.kind not in "iu":
        raise DTypeError(f"ctc_loss: {name} must be ints, got {found.dtype}")
    if found.shape != (n,) or (found < 0).any() or (found > most).any():
        raise ShapeError(f"ctc_loss: {name} must be {n} ints from 0 to {most}, got {found!r:.60}")
    return found


def _each_samples(s: Sampler) -> Case:
    (x, labels, times, sizes), _ = _samples(s)
    times = times - s.integers(times.shape, 0, 2)
    return s.case(x, labels=labels, times=times, sizes=np.minimum(sizes, (times + 1) // 2), blank=0)


def twin_of_losses(x, labels, times, sizes, blank=0):
    """By the tape, one time after the other."""
    x = tensor_of(x)
    steps, n, _ = x.shape
    width = labels.shape[1]
    extended = np.full((n, 2 * width + 1), blank)
    extended[:, 1::2] = labels
    skips = np.zeros(extended.shape, bool)  # a label may follow another one without the blank between
    skips[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    batch = np.arange(n)
    low = float(np.finfo(x.dtype).min) / 4  # stands for log 0; sums of it stay finite
    emitted = maximum(getitem(x, (slice(None), batch[:, None], extended)), low)
    state = where(np.arange(2 * width + 1) < 2, getitem(emitted, 0), low)
    states = [state]
    for t in range(1, steps):
        blocked = np.full((n, 2), low, x.dtype)
        one = _shifted(state, blocked[:, :1], 1)
        two = where(skips, _shifted(state, blocked, 2), low) if width else _shifted(state, blocked[:, :1], 1)
        state = maximum(logsumexp(stack([state, one, two], 0), 0) + getitem(emitted, t), low)
        states.append(state)
    last = getitem(stack(states, 0), (np.maximum(times - 1, 0), batch))
    end = getitem(last, (batch, 2 * sizes))
    before = where(sizes > 0, getitem(last, (batch, np.maximum(2 * sizes - 1, 0))), low)
    loss = -logsumexp(stack([end, before], 0), 0)
    loss = where(times > 0, loss, np.where(sizes > 0, math.inf, 0.0).astype(x.dtype))
    return where(loss.array > -low / 2, math.inf, loss)


def _shifted(state: Any, blocked: np.ndarray, by: int) -> Any:
    """The state of `by` labels earlier."""
    return concatenate([blocked, getitem(state, (slice(None), slice(None, -by)))], 1)


@op(reference=_each_reference, samples=_each_samples, twin=twin_of_losses, kernel=kernels.ctc_loss, bound=1e-4)
def ctc_losses(x, *, labels, times, sizes, blank=0):
    """ctc_loss of each sequence: x log-probabilities (T, N, C), labels (N, S); infinite where they do not fit

    Of labels the first sizes[n], of times the first times[n] count.
    """
    return kernels.ctc_loss(x, labels, times, sizes, blank)


ctc_losses.grads(
    x=lambda g, x, out, labels, times, sizes, blank: kernels.ctc_loss_grad(
        g.array, array_of(x), array_of(out), labels, times, sizes, blank
    )
)


@composite(reference=_reference, samples=_samples, bound=1e-4)
def ctc_loss(x, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """-log of the probability that the classes of each time, repeats joined and blanks dropped, are the targets

    x: log-probabilities (T, N, C) or (T, C). targets (N, S), or all end to end. The mean divides each loss by its
    target's length. zero_infinity: no loss where the target does not fit. Source: Graves et al., ICML 2006.
    """
    x, labels = tensor_of(x), np.asarray(raw(targets))
    check_reduction("ctc_loss", reduction)
    single = x.ndim == 2
    x = reshape(x, (x.shape[0], 1, x.shape[1])) if single else x
    if x.ndim != 3 or not x.shape[0]:
        raise ShapeError(f"ctc_loss: expected log-probabilities (T, N, C)  [x: {x.shape}]")
    steps, n, classes = x.shape
    if not 0 <= blank < classes:
        raise ShapeError(f"ctc_loss: blank {blank} is not one of {classes} classes  [x: {x.shape}]")
    if labels.dtype.kind not in "iuf":
        raise DTypeError(f"ctc_loss: targets must be ints, got {labels.dtype}")
    labels = labels.reshape(1, -1) if single and labels.ndim == 1 else labels
    times = _lengths("input_lengths", input_lengths, n, steps)
    most = labels.shape[1] if labels.ndim == 2 else labels.size
    sizes = _lengths("target_lengths", target_lengths, n, most)
    rows = _rows(labels, sizes, n).astype(np.int64)
    if rows.shape[0] != n or (rows.size and not -classes <= rows.min() <= rows.max() < classes):
        raise ShapeError(f"ctc_loss: targets must be {n} rows of classes below {classes}  [targets: {labels.shape}]")
    loss = ctc_losses(x, labels=rows % classes, times=times, sizes=sizes, blank=blank)
    if zero_infinity:
        loss = where(np.isinf(loss.array), 0.0, loss)
    if reduction == "mean":
        return (loss / np.maximum(sizes, 1).astype(x.dtype)).mean()
    return loss.sum() if reduction == "sum" else reshape(loss, ()) if single else loss
