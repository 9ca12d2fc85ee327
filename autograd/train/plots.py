"""The pictures of the report. matplotlib (backend Agg) is imported when the first one is drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.train.history import History
from autograd.train.scores import Calibration, roc_curve

TRAIN, TEST, GAP, HELD_OUT = "#1f77b4", "#d95f02", "#f4c7a5", "#7a7a7a"
DPI = 130
RIGHT, WRONG = "#1b7837", "#b00020"


def figure(width: float, height: float) -> Any:
    """A new matplotlib figure that no window system knows of.

    Raises ImportError, naming the extra, if matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("plots need matplotlib: pip install cygrad[train]") from None
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def png(made: Any) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    made.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    return buffer.getvalue()


def curves(history: History, name: str) -> bytes:
    """Training, test and validation curve of "loss" or "accuracy"; the area between the first two is shaded."""
    made = figure(7, 4)
    axes = made.subplots()
    percent = 100 if name == "accuracy" else 1
    epochs = history.column("epoch")
    train = percent * np.array(history.column(f"train_{name}"), float)
    test = history.column(f"test_{name}")
    mark = "o" if len(epochs) <= 30 else ""
    axes.plot(epochs, train, color=TRAIN, marker=mark, ms=3.5, label="train")
    held_out = history.column(f"validation_{name}")
    if None not in held_out:
        axes.plot(epochs, percent * np.array(held_out, float), color=HELD_OUT, ls="--", lw=1, label="validation")
    if None not in test:
        tested = percent * np.array(test, float)
        axes.plot(epochs, tested, color=TEST, marker=mark, ms=3.5, label="test")
        axes.fill_between(epochs, train, tested, color=GAP, alpha=0.6, lw=0, label="gap")
    if name == "loss" and np.nanmin(train) > 0 and np.nanmax(train) > 20 * np.nanmin(train):
        axes.set_yscale("log")
    if name == "accuracy":
        start = len(train) // 4 if len(train) > 8 else 0
        late = [train[start:]] + ([] if None in test else [tested[start:]])
        lowest = float(np.min(np.concatenate(late)))  # the steep beginning would flatten the gap that matters
        axes.set_ylim(max(lowest - 0.3 * (100 - lowest) - 0.5, 0), 100 + 0.05 * (100 - lowest) + 0.1)
    axes.set(xlabel="epoch", ylabel="accuracy (%)" if percent == 100 else "loss (mean per sample)")
    axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    return png(made)


def confusion(counts: NDArray[np.int64], classes: Sequence[str]) -> bytes:
    """The confusion matrix; colour is the share of the true class, so that rare classes show too."""
    k = len(classes)
    side = float(np.clip(0.55 * k + 2, 5, 14))
    made = figure(side + 0.8, side)
    axes = made.subplots()
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    image = axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1)
    if k <= 25:
        for i in range(k):
            for j in range(k):
                if counts[i, j]:
                    colour = "white" if share[i, j] > 0.35 else WRONG if i != j else "black"
                    axes.text(j, i, f"{counts[i, j]}", ha="center", va="center", fontsize=8, color=colour)
    step = max(1, k // 40)
    upright = all(len(name) <= 3 for name in classes)
    axes.set_xticks(
        range(0, k, step), list(classes[::step]), rotation=0 if upright else 45, ha="center" if upright else "right"
    )
    axes.set_yticks(range(0, k, step), list(classes[::step]))
    axes.set(xlabel="predicted class", ylabel="true class")
    ticks = [0, 0.01, 0.05, 0.2, 0.5, 1]
    bar = made.colorbar(image, ax=axes, ticks=np.sqrt(ticks), fraction=0.045)
    bar.ax.set_yticklabels([f"{100 * t:g} %" for t in ticks])
    return png(made)


def calibration(found: Calibration) -> bytes:
    """How often the model is right (bars) where it says that it is right in so many cases (line); samples per bin."""
    made = figure(6, 5.4)
    upper, lower = made.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    bins = len(found.samples)
    middles = (np.arange(bins) + 0.5) / bins
    upper.bar(middles, 100 * np.nan_to_num(found.accuracy), 0.9 / bins, color=TRAIN, label="right")
    upper.plot([0, 1], [0, 100], color=TEST, ls="--", lw=1.2, label="as sure as it is right")
    upper.set(ylabel="accuracy (%)", ylim=(0, 100))
    upper.grid(alpha=0.3)
    upper.legend(loc="upper left")
    lower.bar(middles, found.samples, 0.9 / bins, color=HELD_OUT)
    lower.set(xlabel="probability of the predicted class", ylabel="samples", xlim=(0, 1), yscale="symlog")
    lower.set_ylim(bottom=0)
    return png(made)


def roc(seen: Any, areas: NDArray[np.float64], classes: Sequence[str], most: int = 6) -> bytes:
    """The ROC curves, each class against the rest, of the `most` classes with the smallest areas; a logarithmic axis,
    since good ones lie close to the left edge."""
    made = figure(6.4, 4.6)
    axes = made.subplots()
    lowest, least = 1.0, 1 / max(2, len(seen.labels))
    for k in np.argsort(areas, kind="stable")[:most]:
        if not np.isnan(areas[k]):
            false, true, _ = roc_curve(seen.probabilities[:, k], seen.labels == k)
            lowest = min(lowest, true[false == 0].max())
            axes.step(false, 100 * true, where="post", lw=1.2, label=f"{classes[k]} ({areas[k]:.4f})")
    axes.set_xscale("symlog", linthresh=least, linscale=0.5)
    axes.set(xlabel="false positives (share of the other classes)", ylabel="true positives (%)", xlim=(0, 1))
    axes.set_ylim(max(0, 100 * lowest - 5), 101)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, title="class (area)", loc="lower right")
    return png(made)


def mistakes(
    images: NDArray[np.floating],
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    confidence: NDArray[np.floating],
    classes: Sequence[str],
) -> bytes:
    """Pictures (N, C, H, W in 0..1) with true class, predicted class and its probability; right ones in green."""
    columns = min(6, len(images))
    rows = -(-len(images) // columns)
    made = figure(max(1.5 * columns, 4), 1.9 * rows)
    grid = made.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image, true, guess, p in zip(grid, images, labels, predicted, confidence):
        shown = np.clip(image.transpose(1, 2, 0), 0, 1)
        axes.imshow(shown[..., 0] if shown.shape[2] == 1 else shown[..., :3], cmap="gray", vmin=0, vmax=1)
        colour = RIGHT if true == guess else WRONG
        axes.set_title(f"true {classes[true]}\nsaid {classes[guess]}, {100 * p:.0f} %", fontsize=8, color=colour)
    return png(made)


def filters(weights: NDArray[np.floating]) -> bytes:
    """The filters (K, C, R, S) of the first convolution; three channels as colours, otherwise their first channel."""
    k, c = weights.shape[:2]
    columns = min(8 if k <= 32 else 16, k)
    shown = weights[:128]
    rows = -(-len(shown) // columns)
    cell = max(0.8, min(6 / columns, 1.6))
    made = figure(cell * columns + 1.2, cell * rows + 0.2)
    grid = made.subplots(rows, columns, squeeze=False).ravel()
    scale = float(np.abs(weights).max()) or 1.0
    for axes in grid:
        axes.axis("off")
    for axes, w in zip(grid, shown):
        if c == 3:
            axes.imshow(np.clip(0.5 + 0.5 * w.transpose(1, 2, 0) / scale, 0, 1))
        else:
            image = axes.imshow(w[0], cmap="RdBu_r", vmin=-scale, vmax=scale)
    if c != 3:
        made.colorbar(image, ax=list(grid), label="weight", shrink=0.8)
    return png(made)


def flow(history: History) -> bytes:
    """Per layer, first to last: gradient norm (above) and update size ||dw|| / ||w|| (below), early to late epochs."""
    norms, ratios = history.flow("gradient_norms"), history.flow("update_ratios")
    names = list(norms)
    made = figure(max(7.0, 0.42 * len(names) + 2.5), 6.4)
    upper, lower = made.subplots(2, 1, sharex=True)
    epochs = sorted({0, len(history) // 2, len(history) - 1})
    colours = ["#9ecae1", "#4292c6", "#08306b"][-len(epochs) :]
    for axes, values, label in ((upper, norms, "gradient norm"), (lower, ratios, "update / weight, per step")):
        for epoch, colour in zip(epochs, colours):
            heights = np.maximum([values[name][epoch] for name in names], 1e-12)
            axes.plot(range(len(names)), heights, color=colour, marker="o", ms=4, label=f"epoch {epoch + 1}")
        axes.set_yscale("log")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3, which="both")
    lower.axhspan(1e-4, 3e-2, color="#c7e9c0", alpha=0.5, lw=0, label="usual range")
    upper.legend(fontsize=8)
    lower.legend(fontsize=8)
    lower.set_xticks(range(len(names)), [n.removesuffix(".weight") for n in names], rotation=60, ha="right", fontsize=8)
    lower.set_xlabel("layer, first to last")
    return png(made)
