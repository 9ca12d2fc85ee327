"""`autograd train`: data, model, optimizer by name; training with progress, checkpoints and a report."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from autograd import kernels
from autograd.cli import data, recipes
from autograd.cli.errors import Parser, UserError, choose
from autograd.cli.models import build_model, read_checkpoint
from autograd.cli.options import CHANGEABLE, FIXED, add_options
from autograd.nn import functional as F
from autograd.ops.random import manual_seed
from autograd.train import (
    Callback,
    Checkpoint,
    CSVLog,
    EarlyStopping,
    Progress,
    Report,
    TargetAccuracy,
    TensorBoard,
    Trainer,
    Unfreeze,
    balanced_weights,
    find_rate,
    freeze,
)
from autograd.train.interrupt import Interrupted
from autograd.vision.models import list_models, load_weights

SHOWN = ("model", "epochs", "batch_size", "optimizer", "lr", "weight_decay", "scheduler", "seed", "augment")

DESCRIPTION = "Train a classifier of pictures, with settings that suit the data unless you choose others."
EXAMPLES = """\
examples:
  autograd train                                    digits bundled with the package: seconds
  autograd train --data fashion-mnist --threads 2   a convolutional network, minutes
  autograd train --data mnist --model mlp --epochs 3 --optimizer sgd --lr 0.05
  autograd train --data photos/                     one subfolder of pictures per class
  autograd train --resume runs/digits-digits_cnn

The results go to runs/NAME: last.safetensors (to continue from), best.safetensors, and report/report.html.
Ctrl-C saves and prints the command that continues. The same seed gives the same result, bit for bit.
"""


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "train",
        help="train a model on digits, mnist, fashion-mnist or a folder",
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )

    add_options(parser)
    return parser


def run(options: Namespace) -> int:
    """Trains, reports; 0, or 130 after Ctrl-C."""
    if options.threads:
        kernels.set_num_threads(options.threads)
    given = {key: value for key, value in vars(options).items() if key in FIXED + CHANGEABLE}
    state, folder = None, options.out
    if options.resume is not None:
        path = find_checkpoint(options.resume)
        state = read_checkpoint(path)
        folder = folder or path.parent
        settings = resumed(state["config"], given)
    else:
        settings = recipes.recipe(given.get("data", "digits"), {"data": "digits"} | given)
    check(settings)
    config, bundle, validation = prepared(settings, options.download, options.cache)
    if config["lr"] == "auto":
        config["lr"] = found_rate(config, bundle)
    folder = folder or new_folder(f"{Path(bundle.name).name}-{settings['model']}")
    trainer, loaders = prepare(config, bundle, folder, options)
    held_out = data.test_loader(validation, config, options.workers) if len(validation) else None
    if state is not None:
        trainer.load_state_dict(state)
        trainer.config = config
        at = f", batch {trainer.batch + 1}" if trainer.batch else ""
        print(f"continuing with epoch {min(trainer.epoch + 1, config['epochs'])}{at}")
    try:
        trainer.fit(loaders[0], loaders[1], config["epochs"], held_out)
        return finish(trainer, bundle, loaders[1], not options.no_report)
    except KeyboardInterrupt as error:
        return interrupted(trainer, whole=isinstance(error, Interrupted))


def prepared(
    settings: Mapping[str, Any], download: bool, cache: Path | None = None
) -> tuple[dict[str, Any], data.Bundle, Any]:
    """What a checkpoint keeps of the settings and the data, the data, and those held out for validation."""
    given = (settings.get("image_size"), settings.get("gray", False), download, settings.get("skip_damaged", False))
    bundle = data.load(settings["data"], *given, cache)
    bundle, validation = data.hold_out(bundle, settings.get("validation", 0), settings["seed"])
    size = data.input_size(settings["model"], bundle.size)
    return {**settings, **bundle.facts(), "input_size": size}, bundle, validation


def prepare(config: Mapping[str, Any], bundle: data.Bundle, folder: Path, options: Namespace) -> tuple[Trainer, Any]:
    """The trainer and its two loaders."""
    manual_seed(config["seed"])
    model = build_model(config)
    loaders = data.loaders(bundle, config, options.workers)
    if config.get("weights") and options.resume is None:
        kept = load_weights(model, config["weights"], new_head=True)
        print(f"weights of {config['weights']}" + (f"; new: {', '.join(kept)}" if kept else ""))
    best_by = "validation_accuracy" if config["validation"] else "train_loss"  # never by the test data
    callbacks: list[Callback] = [Progress(), Checkpoint(every=options.save_every, monitor=best_by), CSVLog()]
    if config.get("freeze") is not None:
        freeze(model)
        callbacks += [Unfreeze(config["freeze"] + 1)] if config["freeze"] else []
    optimizer = recipes.make_optimizer(model, config)
    accumulate = config.get("accumulate", 1)
    scheduler = recipes.make_scheduler(optimizer, config, -(-len(loaders[0]) // accumulate))
    if options.tensorboard:
        callbacks.append(TensorBoard())
    if config["patience"]:
        callbacks.append(EarlyStopping(config["patience"]))
    if config["target_accuracy"]:
        callbacks.append(TargetAccuracy(config["target_accuracy"]))
    mix = config.get("mix")
    trainer = Trainer(
        model,
        optimizer,
        loss_for(config, bundle),
        scheduler,
        callbacks,
        folder,
        config["seed"],
        accumulate=accumulate,
        clip=config.get("clip"),
        ema=config.get("ema"),
        mix=recipes.MIXES[mix](num_classes=len(bundle.classes)) if mix else None,
        config=config,
    )
    size = sum(p.array.size for p in model.parameters())
    print(
        f"{config['model']}, {size:,} parameters, on {bundle.name}: {len(bundle.train):,} training and "
        f"{len(bundle.test):,} test pictures, {len(bundle.classes)} classes"
    )
    return trainer, loaders


def loss_for(config: Mapping[str, Any], bundle: data.Bundle) -> Callable[[Any, Any], Any]:
    """Cross-entropy with the label smoothing and the class weights that the settings name."""
    weight = None
    if config.get("class_weights"):
        weight = balanced_weights(data.labels_of(bundle.train), len(bundle.classes))
    return partial(F.cross_entropy, weight=weight, label_smoothing=config["label_smoothing"])


def found_rate(config: Mapping[str, Any], bundle: data.Bundle) -> float:
    """The rate that the range test suggests for these settings: what --lr auto means."""
    manual_seed(config["seed"])
    model = build_model(config)
    if config.get("weights"):
        load_weights(model, config["weights"], new_head=True)
    optimizer = recipes.make_optimizer(model, {**config, "lr": 1e-5})
    loader, _ = data.loaders(bundle, config)
    try:
        rate = find_rate(model, optimizer, loader, loss_for(config, bundle)).suggestion
    except ValueError as error:
        raise UserError(f"--lr auto: {error}") from None
    print(f"learning rate {rate:.2g}, a tenth of the one with the lowest loss in the range test")
    return rate


def finish(trainer: Trainer, bundle: data.Bundle, loader: Any, report: bool) -> int:
    """Prints what came out and where it lies."""
    seen = trainer.evaluate(loader)
    print(f"test accuracy {100 * seen.accuracy:.2f} %")
    folder = trainer.out_dir
    assert folder is not None  # `run` always gives one
    print(f"checkpoint {folder / 'last.safetensors'}")
    trainer.history.write(folder)
    if report:
        shape = (bundle.channels, bundle.size, bundle.size)
        facts = {key: trainer.config[key] for key in ("data", *SHOWN)}
        facts["test accuracy"] = f"{100 * seen.accuracy:.2f} %"
        facts["stopped"] = trainer.stop_reason or f"after all {trainer.epoch} epochs"
        pictures = data.Pictures(bundle.test, shape)
        title = f"{trainer.config['model']} on {bundle.name}"
        try:
            page = Report(trainer.history, seen, pictures, trainer.model, bundle.classes, facts, title).write(
                folder / "report"
            )
            print(f"report {page}")
        except ImportError as error:  # without matplotlib the training still counts
            print(f"no report: {error}")
    return 0


def interrupted(trainer: Trainer, whole: bool) -> int:
    """After Ctrl-C: says what was saved and how to go on."""
    path = (trainer.out_dir or Path()) / "last.safetensors"
    if not path.is_file():
        print("\ninterrupted before anything was saved")
        return 130
    where = (
        f"in epoch {trainer.epoch + 1}, after batch {trainer.batch},"
        if trainer.batch
        else f"after epoch {trainer.epoch},"
    )
    print(f"\ninterrupted {where if whole else 'at once; the last checkpoint is'} saved; to continue:")
    print(f"  autograd train --resume {shlex.quote(str(path))}", flush=True)
    return 130


def resumed(config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the saved run, with what may still be changed. Raises UserError for what may not."""
    for key, value in given.items():
        option = "--" + key.replace("_", "-")
        if key in FIXED and config.get(key) != value:
            raise UserError(
                f"{option}: this run began with {config.get(key)!r}; to use {value!r}, start afresh without --resume"
            )
    longer = given.get("epochs", 0) > config["epochs"]
    if longer and config["scheduler"] in ("onecycle", "cosine"):
        raise UserError(
            f"--epochs: the {config['scheduler']} schedule of this run ends after {config['epochs']} epochs; "
            "start afresh, or with --scheduler none"
        )
    return dict(config) | dict(given)


def check(settings: Mapping[str, Any]) -> None:
    """Refuses unknown names before any data is read."""
    choose("--model", settings["model"], list_models(), "autograd summary")
    choose("--scheduler", settings["scheduler"], recipes.SCHEDULERS)
    if settings.get("mix") is not None:
        choose("--mix", settings["mix"], recipes.MIXES)
    if settings.get("class_weights") is not None:
        choose("--class-weights", settings["class_weights"], ["balanced"])
    if settings["weight_decay"] < 0:
        raise UserError(f"--weight-decay: {settings['weight_decay']} must not be negative")
    if settings["seed"] < 0:
        raise UserError(f"--seed: {settings['seed']} must not be negative")


def find_checkpoint(where: str, option: str = "--resume") -> Path:
    """The checkpoint at a path (a file, or the folder of a run), or of the latest run below runs/."""
    path = Path(where)
    if where:
        path = path / "last.safetensors" if path.is_dir() else path
        if not path.is_file():
            raise UserError(f"{option}: there is no checkpoint {path}")
        return path
    found = sorted(Path("runs").glob("*/last.safetensors"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise UserError(f"{option}: there is no run below runs/; give the path of a checkpoint")
    return found[-1]


def new_folder(name: str) -> Path:
    """runs/NAME, or the first of NAME-2, NAME-3, ... that is free: no run overwrites another one."""
    folder, number = Path("runs") / name, 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{name}-{number}"
    return folder
