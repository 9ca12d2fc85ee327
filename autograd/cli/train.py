"""`autograd train`: data, model, optimizer by name; training with progress, checkpoints and a report."""

from __future__ import annotations

import shlex
from argparse import SUPPRESS, Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from autograd import kernels
from autograd.cli import data, recipes
from autograd.cli.errors import Parser, UserError, choose
from autograd.cli.models import build_model, read_checkpoint
from autograd.nn import functional as F
from autograd.ops.random import manual_seed
from autograd.train import Checkpoint, EarlyStopping, Progress, Report, TargetAccuracy, Trainer
from autograd.train.interrupt import Interrupted
from autograd.vision.models import list_models

FIXED = (
    "data", "model", "batch_size", "lr", "optimizer", "weight_decay", "scheduler", "seed", "augment", "image_size",
    "gray", "validation",
)  # fmt: skip
SHOWN = ("model", "epochs", "batch_size", "optimizer", "lr", "weight_decay", "scheduler", "seed", "augment")
CHANGEABLE = ("epochs", "target_accuracy", "patience")

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

    def option(name: str, kind: Any, about: str, **more: Any) -> None:
        parser.add_argument(name, type=kind, default=SUPPRESS, help=about, **more)

    option("--data", str, "digits (default), mnist, fashion-mnist, or a folder", metavar="NAME|DIR")
    option("--model", str, f"one of {', '.join(list_models())}", metavar="NAME")
    option("--epochs", count, "passes over the training data", metavar="N")
    option("--batch-size", count, "pictures per step", metavar="N")
    option("--lr", positive, "learning rate (its peak, with onecycle)", metavar="X")
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
    parser.add_argument(
        "--augment",
        dest="augment",
        action="store_true",
        default=SUPPRESS,
        help="shift training pictures, mirror photos (default)",
    )
    parser.add_argument("--no-augment", dest="augment", action="store_false", default=SUPPRESS,
                        help="train on the pictures as they are, without shifts and flips")  # fmt: skip
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="PATH", help="continue a checkpoint (default: latest run)"
    )
    parser.add_argument("--save-every", type=count, metavar="N", help="save every N steps too, not only every epoch")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default runs/DATA-MODEL)")
    parser.add_argument(
        "--threads", type=count, metavar="N", help="threads of the kernels; results do not depend on it"
    )
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="threads that read pictures ahead (default 0)"
    )
    parser.add_argument("--download", action="store_true", help="fetch mnist or fashion-mnist if it is missing")
    parser.add_argument("--no-report", action="store_true", help="train without drawing the report")
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
    bundle = data.load(settings["data"], settings.get("image_size"), settings.get("gray", False), options.download)
    bundle, validation = data.hold_out(bundle, settings.get("validation", 0), settings["seed"])
    config = settings | bundle.facts()
    config["input_size"] = data.input_size(settings["model"], bundle.size)
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


def prepare(config: Mapping[str, Any], bundle: data.Bundle, folder: Path, options: Namespace) -> tuple[Trainer, Any]:
    """The trainer and its two loaders."""
    manual_seed(config["seed"])
    model = build_model(config)
    loaders = data.loaders(bundle, config, options.workers)
    optimizer = recipes.make_optimizer(model, config)
    scheduler = recipes.make_scheduler(optimizer, config, len(loaders[0]))
    callbacks = [Progress(), Checkpoint(every=options.save_every)]
    if config["patience"]:
        callbacks.append(EarlyStopping(config["patience"]))
    if config["target_accuracy"]:
        callbacks.append(TargetAccuracy(config["target_accuracy"]))
    loss = partial(F.cross_entropy, label_smoothing=config["label_smoothing"])
    trainer = Trainer(model, optimizer, loss, scheduler, callbacks, folder, config["seed"], config=config)
    size = sum(p.array.size for p in model.parameters())
    print(
        f"{config['model']}, {size:,} parameters, on {bundle.name}: {len(bundle.train):,} training and "
        f"{len(bundle.test):,} test pictures, {len(bundle.classes)} classes"
    )
    return trainer, loaders


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
    choose("--model", settings["model"], list_models())
    choose("--scheduler", settings["scheduler"], recipes.SCHEDULERS)
    if settings["weight_decay"] < 0:
        raise UserError(f"--weight-decay: {settings['weight_decay']} must not be negative")
    if settings["seed"] < 0:
        raise UserError(f"--seed: {settings['seed']} must not be negative")


def find_checkpoint(where: str) -> Path:
    """The checkpoint at a path (a file, or the folder of a run), or of the latest run below runs/."""
    path = Path(where)
    if where:
        path = path / "last.safetensors" if path.is_dir() else path
        if not path.is_file():
            raise UserError(f"--resume: there is no checkpoint {path}")
        return path
    found = sorted(Path("runs").glob("*/last.safetensors"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise UserError("--resume: there is no run below runs/; give the path of a checkpoint")
    return found[-1]


def new_folder(name: str) -> Path:
    """runs/NAME, or the first of NAME-2, NAME-3, ... that is free: no run overwrites another one."""
    folder, number = Path("runs") / name, 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{name}-{number}"
    return folder


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
positive = _number(float, lambda value: 0 < value < float("inf"), "positive number")
percent = _number(
    lambda text: (v := float(text.rstrip("% "))) / (100 if v > 1 else 1), lambda v: 0 < v <= 1, "accuracy"
)
