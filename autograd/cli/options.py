"""The options of `autograd train` and of what plans it."""

from __future__ import annotations

from argparse import SUPPRESS
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograd.cli import data, recipes
from autograd.cli.errors import Parser

# Settings that a checkpoint keeps: those a resumed run may not change, and those it may.
FIXED = (
    "data", "model", "batch_size", "lr", "optimizer", "weight_decay", "scheduler", "seed", "augment", "image_size",
    "gray", "skip_damaged", "validation", "warmup", "label_smoothing", "randaugment", "erasing",
    "mix", "accumulate", "clip", "ema", "class_weights", "weights", "freeze",
)  # fmt: skip
CHANGEABLE = ("epochs", "target_accuracy", "patience")


def _number(kind: Callable[[str], Any], fits: Callable[[Any], bool], what: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = kind(text)
        if not fits(value):
            raise ValueError
        return value

    parse.__name__ = what  # argparse prints it: invalid WHAT value
    return parse


count = _number(int, lambda value: value >= 1, "positive whole number")
share = _number(float, lambda value: 0 <= value <= 0.5, "part between 0 and 0.5")
chance = _number(float, lambda value: 0 <= value <= 1, "probability between 0 and 1")
magnitude = _number(int, lambda value: 0 <= value <= 30, "whole number from 0 to 30")
natural = _number(int, lambda value: value >= 0, "whole number")
decay = _number(float, lambda value: 0 <= value < 1, "decay between 0 and 1")
positive = _number(float, lambda value: 0 < value < float("inf"), "positive number")
percent = _number(
    lambda text: (v := float(text.rstrip("% "))) / (100 if v > 1 else 1), lambda v: 0 < v <= 1, "accuracy"
)


def rate(text: str) -> float | str:
    """A learning rate, or "auto"."""
    return text if text == "auto" else positive(text)


rate.__name__ = "positive number"


def add_options(parser: Parser) -> None:
    """All options of `autograd train`; those of a recipe are absent from the result unless given."""
    add_recipe(parser)
    add_techniques(parser)
    add_run(parser)


def _adder(parser: Any) -> Callable[..., Any]:
    def option(name: str, kind: Any, about: str, **more: Any) -> None:
        parser.add_argument(name, type=kind, default=SUPPRESS, help=about, **more)

    return option


def add_recipe(parser: Any) -> None:
    """What is trained on what, and how long."""
    option = _adder(parser)
    option("--data", str, f"{', '.join(data.NAMED)} (default digits), a folder, a CSV file", metavar="NAME|DIR")
    option("--model", str, "lenet5, small_cnn, resnet20, ...; `autograd summary` lists all", metavar="NAME")
    option("--epochs", count, "passes over the training data", metavar="N")
    option("--batch-size", count, "pictures per step", metavar="N")
    option("--lr", rate, "learning rate (its peak, with onecycle); auto: find one first", metavar="X|auto")
    option("--optimizer", str, f"{', '.join(recipes.LEARNING_RATES)} (default adamw)", metavar="NAME")
    option("--weight-decay", float, "default 0.01, for sgd 0.0005", metavar="X")
    option("--scheduler", str, f"{', '.join(recipes.SCHEDULERS)} (default onecycle)", metavar="NAME")
    option("--seed", int, "all randomness follows from it (default 0)", metavar="N")
    option("--target-accuracy", percent, "stop when the validation accuracy reaches it: 99 or 0.99", metavar="X")
    option("--patience", count, "stop after N epochs without a lower validation loss", metavar="N")
    option(
        "--validation", share, "part of the training data that decides when to stop and what is best (default 0.1)",
        metavar="X",
    )  # fmt: skip
    option("--image-size", count, "folders: height and width (default 32)", metavar="N")
    parser.add_argument("--gray", action="store_true", default=SUPPRESS, help="folders: read pictures as grey")
    parser.add_argument("--skip-damaged", action="store_true", default=SUPPRESS,
                        help="folders: leave damaged pictures out, and name them")  # fmt: skip
    switch = {"dest": "augment", "default": SUPPRESS}
    parser.add_argument("--augment", action="store_true", help="shift training pictures, mirror photos (default)",
                        **switch)  # fmt: skip
    parser.add_argument("--no-augment", action="store_false", help="train on the pictures as they are", **switch)


def add_techniques(parser: Any) -> None:
    """What a run may do beyond the plain loop."""
    group = parser.add_argument_group("techniques")
    option = _adder(group)
    option("--warmup", count, "epochs in which the rate rises (cosine, step; onecycle has its own)", metavar="N")
    option("--label-smoothing", share, "probability taken from the true class, 0 to 0.5", metavar="X")
    option("--randaugment", magnitude, "two random changes per picture (colours, shears, ...) of strength M, 0 to 30; "
           "9 suits most", metavar="M")  # fmt: skip
    option("--erasing", chance, "blank a random part of a picture with this probability", metavar="P")
    option("--mix", str, f"mix pictures and labels: {', '.join(recipes.MIXES)}", metavar="NAME")
    option("--accumulate", count, "batches per step: as one batch N times as large", metavar="N")
    option("--clip", positive, "largest norm of the gradient", metavar="X")
    option("--ema", decay, "average the weights with this decay (0.99, say) and evaluate that", metavar="X")
    option("--class-weights", str, "balanced: rare classes count as much as frequent ones", metavar="balanced")
    option("--weights", str, "start from a file of weights; a head of another size starts anew", metavar="PATH")
    option("--freeze", natural, "the first N epochs train the head only (0: all epochs)", metavar="N")


def add_run(parser: Any) -> None:
    """Where results go, and with what means."""
    group = parser.add_argument_group("the run")
    group.add_argument("--resume", nargs="?", const="", metavar="PATH", help="continue a checkpoint (default: latest)")
    group.add_argument("--save-every", type=count, metavar="N", help="save every N steps too, not only every epoch")
    group.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default runs/DATA-MODEL)")
    group.add_argument("--threads", type=count, metavar="N", help="of the kernels; results do not depend on it")
    group.add_argument("--workers", type=int, default=0, metavar="N", help="threads that read ahead (default 0)")
    group.add_argument("--cache", type=Path, metavar="DIR", help="folders: keep decoded pictures in files there, which "
                       "later epochs and runs map into memory")  # fmt: skip
    group.add_argument("--download", action="store_true", help="fetch the data set if it is missing")
    group.add_argument("--tensorboard", action="store_true", help="write event files for TensorBoard too")
    group.add_argument("--no-report", action="store_true", help="train without drawing the report")
