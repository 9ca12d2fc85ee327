"""What `autograd train` uses where no option says otherwise, and how options become optimizers and schedulers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from autograd import optim
from autograd.cli.errors import UserError, choose
from autograd.vision.transforms import CutMix, MixUp

# Chosen on parts of the training data held out for that, never on test data. The few digits are all trained on:
# a run of a fixed number of epochs chooses nothing by itself.
RECIPES: dict[str, dict[str, Any]] = {
    "digits": {
        "model": "digits_cnn",
        "epochs": 20,
        "batch_size": 32,
        "lr": 4e-3,
        "label_smoothing": 0.1,
        "validation": 0.0,
    },
    "mnist": {"model": "lenet5", "epochs": 5, "batch_size": 64, "lr": 4e-3},
    "kmnist": {"model": "small_cnn", "epochs": 10, "batch_size": 128, "lr": 1e-2},
    "emnist": {"model": "small_cnn", "epochs": 10, "batch_size": 128, "lr": 1e-2},
    "fashion-mnist": {"model": "small_cnn", "epochs": 10, "batch_size": 128, "lr": 1e-2},
    "cifar10": {"model": "resnet20", "epochs": 30, "batch_size": 128, "optimizer": "sgd", "lr": 0.1},
    "cifar100": {"model": "resnet32", "epochs": 40, "batch_size": 128, "optimizer": "sgd", "lr": 0.1},
    "svhn": {"model": "resnet20", "epochs": 15, "batch_size": 128, "optimizer": "sgd", "lr": 0.1},
}
COMMON: dict[str, Any] = {
    "model": "small_cnn",
    "epochs": 20,
    "batch_size": 32,
    "optimizer": "adamw",
    "weight_decay": 1e-2,
    "scheduler": "onecycle",
    "label_smoothing": 0.0,
    "seed": 0,
    "augment": True,
    "warmup": 0,
    "mix": None,
    "randaugment": None,
    "erasing": None,
    "accumulate": 1,
    "clip": None,
    "ema": None,
    "class_weights": None,
    "weights": None,
    "freeze": None,
    "target_accuracy": None,
    "patience": None,
    "validation": 0.1,
}
LEARNING_RATES = {"sgd": 0.05, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3}
MIXES: dict[str, Any] = {"mixup": partial(MixUp, 0.2), "cutmix": partial(CutMix, 1.0)}
SCHEDULERS = ("onecycle", "cosine", "step", "plateau", "none")


def recipe(data: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run: what was given, else what suits the data, else what suits most."""
    settings = COMMON | RECIPES.get(data, {}) | dict(given)
    if "validation" not in given and (settings["patience"] or settings["target_accuracy"]):
        settings["validation"] = COMMON["validation"]  # what decides when to stop must not be the test data
    choose("--optimizer", settings["optimizer"], LEARNING_RATES)
    if "lr" not in given and ("optimizer" in given or "lr" not in settings):
        settings["lr"] = LEARNING_RATES[settings["optimizer"]]
    if settings["optimizer"] == "sgd" and "weight_decay" not in given:
        settings["weight_decay"] = 5e-4
    return settings


def make_optimizer(model: Any, settings: Mapping[str, Any]) -> Any:
    """sgd (momentum 0.9, Nesterov), adam, adamw or rmsprop over all parameters."""
    lr, decay = settings["lr"], settings["weight_decay"]
    if settings["optimizer"] == "sgd":
        return optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=decay)
    kind = {"adam": optim.Adam, "adamw": optim.AdamW, "rmsprop": optim.RMSprop}[settings["optimizer"]]
    return kind(model.parameters(), lr=lr, weight_decay=decay)


def make_scheduler(optimizer: Any, settings: Mapping[str, Any], batches: int) -> Any:
    """onecycle (peak lr after 30 %), cosine to 0, step (lr / 10 after every third), plateau (lr / 10) or none."""
    warmup = settings.get("warmup", 0)
    if not warmup:
        return _scheduler(optimizer, settings, settings["epochs"], batches)
    if settings["scheduler"] not in ("cosine", "step"):
        raise UserError(f"--warmup: goes with --scheduler cosine or step, not with {settings['scheduler']}")
    if warmup >= settings["epochs"]:
        raise UserError(f"--warmup: {warmup} epochs leave none of {settings['epochs']} for the rest")
    rise = optim.lr_scheduler.LinearLR(optimizer, 1 / (warmup + 1), total_iters=warmup)
    rest = _scheduler(optimizer, settings, settings["epochs"] - warmup, batches)
    return optim.lr_scheduler.SequentialLR(optimizer, [rise, rest], [warmup])


def _scheduler(optimizer: Any, settings: Mapping[str, Any], epochs: int, batches: int) -> Any:
    kind, schedulers = settings["scheduler"], optim.lr_scheduler
    if kind == "onecycle":
        return schedulers.OneCycleLR(optimizer, max_lr=settings["lr"], total_steps=epochs * batches)
    if kind == "cosine":
        return schedulers.CosineAnnealingLR(optimizer, T_max=epochs)
    if kind == "step":
        return schedulers.StepLR(optimizer, step_size=max(1, epochs // 3), gamma=0.1)
    if kind == "plateau":
        return schedulers.ReduceLROnPlateau(optimizer, factor=0.1, patience=2)
    if kind == "none":
        return None
    raise UserError(f"--scheduler: unknown name {kind!r}; there are: {', '.join(SCHEDULERS)}")
