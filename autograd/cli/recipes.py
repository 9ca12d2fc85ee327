"""What `autograd train` uses where no option says otherwise, and how options become optimizers and schedulers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograd import optim
from autograd.cli.errors import UserError, choose

# Chosen on parts of the training data held out for that, never on test data.
RECIPES: dict[str, dict[str, Any]] = {
    "digits": {"model": "digits_cnn", "epochs": 20, "batch_size": 32, "lr": 4e-3, "label_smoothing": 0.1},
    "mnist": {"model": "lenet5", "epochs": 5, "batch_size": 64, "lr": 4e-3},
    "fashion-mnist": {"model": "small_cnn", "epochs": 10, "batch_size": 128, "lr": 1e-2},
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
    "target_accuracy": None,
    "patience": None,
    "validation": 0.1,
}
LEARNING_RATES = {"sgd": 0.05, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3}
SCHEDULERS = ("onecycle", "cosine", "step", "plateau", "none")


def recipe(data: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run: what was given, else what suits the data, else what suits most."""
    settings = COMMON | RECIPES.get(data, {}) | dict(given)
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
    kind, epochs = settings["scheduler"], settings["epochs"]
    schedulers = optim.lr_scheduler
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
