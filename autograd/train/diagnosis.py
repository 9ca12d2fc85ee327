"""A sentence per plot that says what it shows and, where there is a usual cure, what to try."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autograd.train.history import History
from autograd.train.metrics import class_scores, most_confused
from autograd.train.scores import Calibration

GAP_POINTS = 2.0  # a larger lead of training over test accuracy is called overfitting
VANISHING = 1e-4  # first layers with a smaller share of the largest gradient hardly learn
CALIBRATED = 0.02  # a smaller expected error than this is called good
HEALTHY = (1e-4, 3e-2)  # usual range of ||dw|| / ||w|| per step


def about_loss(history: History) -> str:
    """What the loss curves say."""
    train, test = history.column("train_loss"), history.column("test_loss")
    if len(train) == 1:
        return f"One epoch, loss {train[0]:.4f}: too short to say more."
    text = f"The training loss went from {train[0]:.4f} to {train[-1]:.4f}"
    if None in test:
        return text + "."
    best = int(np.argmin(test))
    if test[-1] > 1.1 * test[best] and best < len(test) - 1:
        return (
            f"{text}; the test loss was lowest after epoch {best + 1} ({test[best]:.4f}) and rose to {test[-1]:.4f}: "
            "overfitting, so stop earlier (--patience), augment, or add weight decay."
        )
    if train[-1] > 0.9 * train[0]:
        return f"{text}: it hardly falls, so try another learning rate."
    return f"{text}, and the test loss fell with it to {test[-1]:.4f}."


def about_accuracy(history: History) -> str:
    """What the accuracy curves say, above all about the gap between them."""
    train, test = history.column("train_accuracy"), history.column("test_accuracy")
    if None in test:
        return f"Training accuracy ended at {100 * train[-1]:.2f} %; there is no test data to compare with."
    gap = 100 * (train[-1] - test[-1])
    if gap > GAP_POINTS:
        return (
            f"Test accuracy stalls {gap:.1f} points below train: overfitting. Augmentation, dropout, weight decay or "
            "more data narrow the gap."
        )
    if train[-1] < 0.9 and len(train) > 1 and train[-1] - train[-2] > 0.005:
        return f"Training accuracy still grows (now {100 * train[-1]:.1f} %): underfitting, so train longer."
    if train[-1] < 0.9:
        return (
            f"Training accuracy stays at {100 * train[-1]:.1f} % and test accuracy with it: underfitting, so try a "
            "larger model or another learning rate."
        )
    if gap < 0:
        return (
            f"Test accuracy ({100 * test[-1]:.2f} %) lies {-gap:.1f} points above train: no overfitting. Train is "
            "measured on augmented pictures with dropout, while the weights move."
        )
    return f"Test accuracy ends {gap:.1f} points below train ({100 * test[-1]:.2f} %): no overfitting to speak of."


def about_confusion(confusion: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Which classes are taken for which."""
    wrong = int(confusion.sum() - np.trace(confusion))
    if not wrong:
        return f"All {int(confusion.sum())} test samples are right."
    scores = class_scores(confusion)
    present = scores.support > 0
    weakest = int(np.argmin(np.where(present, scores.recall, np.inf)))
    pairs = ", ".join(f"{classes[i]} taken for {classes[j]} ({n}x)" for i, j, n in most_confused(confusion))
    return (
        f"{wrong} of {int(confusion.sum())} test samples are wrong; most often {pairs}. Class "
        f"{classes[weakest]} is found least reliably (recall {100 * scores.recall[weakest]:.1f} %)."
    )


def about_mistakes(confidence: NDArray[np.floating], shown: int) -> str:
    """How sure the model was where it was wrong (the probabilities of its wrong answers)."""
    count = len(confidence)
    rest = (
        " The other pictures, in green, are right, but the true class got the least probability."
        if count < shown
        else ""
    )
    if not count:
        return "No mistakes on the test data." + rest
    sure = int((confidence > 0.9).sum())
    text = f"{count} mistake{'s' if count > 1 else ''}, {sure or 'none'} with more than 90 % probability"
    if sure > count / 2 and sure > 2:
        return f"{text}: the model is surer than it should be; label smoothing may help.{rest}"
    return f"{text}: where it is wrong, it is mostly in doubt.{rest}" if sure <= count / 2 else f"{text}.{rest}"


def about_calibration(found: Calibration) -> str:
    """Whether the probabilities can be believed."""
    total = found.samples.sum()
    lead = float(np.nansum((found.confidence - found.accuracy) * found.samples) / total)
    text = f"On average the stated probability is {100 * found.error:.1f} points off the share of right answers"
    if found.error < CALIBRATED:
        return f"{text}: it can be believed."
    if lead > 0:
        return f"{text}, too sure of itself: label smoothing, mixup or more data help."
    return f"{text}, less sure than it could be, as after label smoothing or mixup."


def about_roc(areas: NDArray[np.float64], classes: Sequence[str]) -> str:
    """Which class is told from the rest worst."""
    if np.isnan(areas).all():
        return "There is one class only, so nothing to tell apart."
    worst = int(np.nanargmin(areas))
    return (
        f"Of a sample of a class and one of another, the first has the higher probability in "
        f"{100 * np.nanmean(areas):.2f} % of cases; least often for {classes[worst]} ({100 * areas[worst]:.2f} %)."
    )


def about_filters(filters: NDArray[np.floating]) -> str:
    """Whether first-layer filters are alive and differ. `filters`: (K, C, R, S)."""
    flat = filters.reshape(len(filters), -1).astype(np.float64)
    norms = np.sqrt((flat * flat).sum(1))
    dead = int((norms < 0.05 * np.median(norms)).sum()) if len(norms) else 0
    unit = flat / np.maximum(norms, 1e-12)[:, None]
    twins = int((np.triu(unit @ unit.T, 1) > 0.95).any(0).sum())
    text = f"{len(filters)} filters of the first convolution"
    if dead or twins > len(filters) / 4:
        return f"{text}: {dead} are next to zero and {twins} nearly repeat another one; a narrower layer would do."
    return f"{text}: all alive, {twins or 'none'} nearly repeating another one."


def about_flow(history: History) -> str:
    """Whether gradients reach the first layers and updates have a healthy size."""
    norms = {name: values[-1] for name, values in history.flow("gradient_norms").items()}
    ratios = {name: float(np.median(values)) for name, values in history.flow("update_ratios").items()}
    if not norms:
        return "There is no layer with weights."
    largest, first = max(norms.values()), next(iter(norms))
    if largest == 0:
        return "All gradients are zero: nothing is learnt any more."
    share = norms[first] / largest
    low, high = HEALTHY
    outside = [name for name, ratio in ratios.items() if not low <= ratio <= high]
    if share < VANISHING:
        return (
            f"The gradient of the first layer ({first}) is {share:.0e} of the largest: vanishing gradients. "
            "Batch norm, ReLU, shortcuts or another initialisation help."
        )
    text = f"Gradients reach the first layer ({first}: {_share(share)} of the largest)"
    if not outside:
        return f"{text}, and every layer moves by {100 * low:g} % to {100 * high:g} % of its size per step: healthy."
    name = max(outside, key=lambda key: abs(math.log10(max(ratios[key], 1e-12)) + 3))
    kind = "above" if ratios[name] > high else "below"
    cure = "a lower learning rate" if ratios[name] > high else "a higher learning rate"
    return f"{text}, but {name} moves by {ratios[name]:.1e} of its size per step, {kind} the usual: try {cure}."


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.01 else f"{100 * value:.1g} %"
