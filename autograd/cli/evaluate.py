"""`autograd evaluate`: accuracy of a checkpoint, in all and by class."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from autograd import kernels
from autograd.bars import watched
from autograd.cli import data
from autograd.cli.errors import Parser, UserError
from autograd.cli.models import load_model
from autograd.cli.options import count
from autograd.train import Trainer, class_scores, confusion_matrix, most_confused

EXAMPLES = """\
examples:
  autograd evaluate runs/digits-digits_cnn
  autograd evaluate runs/photos-small_cnn/best.safetensors --data more-photos/
"""


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "evaluate",
        help="test accuracy of a checkpoint",
        description="Loss and accuracy of a checkpoint on its test data, precision and recall of every class, and "
        "which classes it takes for which.",
        epilog=EXAMPLES,
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file that train wrote, or the folder of the run")
    parser.add_argument("--data", metavar="NAME|DIR", help="other data with the same classes (default: the run's)")
    parser.add_argument("--threads", type=count, metavar="N", help="threads of the kernels")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="threads that read pictures ahead")
    return parser


def run(options: Namespace) -> int:
    """Prints loss, accuracy and a table of classes."""
    if options.threads:
        kernels.set_num_threads(options.threads)
    model, config = load_model(options.checkpoint)
    name = options.data or config["data"]
    folder = name not in data.NAMED
    if folder:
        bundle = data.load(name, config["size"], config["channels"] == 1, False, config.get("skip_damaged", False))
    else:
        bundle = data.load(name)
    _check_fit(bundle, config)
    batches = watched(data.test_loader(bundle.test, config, options.workers), "testing")
    seen = Trainer(model, optimizer=None).evaluate(batches)
    classes = list(config["classes"])
    counts = confusion_matrix(seen.labels, seen.predictions, len(classes))
    scores = class_scores(counts)
    width = max(5, *(len(name) for name in classes))
    print(f"{'class':{width}}  precision  recall  samples")
    for label, precision, recall, _, support in zip(classes, *scores):
        print(f"{label:{width}}  {100 * precision:7.2f} %  {100 * recall:5.1f} %  {support:7,}")
    for i, j, n in most_confused(counts):
        print(f"{classes[i]} taken for {classes[j]}: {n}")
    print(f"test loss {seen.loss:.4f}")
    print(f"test accuracy {100 * seen.accuracy:.2f} %  ({int(counts.trace()):,} of {len(seen.labels):,})")
    return 0


def _check_fit(bundle: data.Bundle, config: Any) -> None:
    if list(bundle.classes) != list(config["classes"]):
        raise UserError(f"--data: {bundle.name} has the classes {', '.join(bundle.classes)}; the model has others")
    if (bundle.channels, bundle.size) != (config["channels"], config["size"]):
        raise UserError(
            f"--data: {bundle.name} has pictures of {bundle.channels} x {bundle.size} x {bundle.size}, the model was "
            f"trained on {config['channels']} x {config['size']} x {config['size']}"
        )
