"""`autograd summary`: the layers of a model."""

from __future__ import annotations

from argparse import Namespace
from inspect import signature
from pathlib import Path
from typing import Any

from autograd.cli import data
from autograd.cli.errors import Parser, choose
from autograd.cli.models import load_model
from autograd.cli.options import count
from autograd.train.summary import format_summary, summarize
from autograd.vision.models import get_model, list_models, model_entry

EXAMPLES = """\
examples:
  autograd summary                          the models there are
  autograd summary resnet20
  autograd summary lenet5 --image-size 28 --classes 10
  autograd summary runs/digits-digits_cnn
"""


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "summary",
        help="layers, shapes, parameters, FLOPs",
        description="Show the layers of a model: shapes, parameters, operations. Without a name, list the models.",
        epilog=EXAMPLES,
    )
    parser.add_argument("model", nargs="?", metavar="MODEL|CHECKPOINT", help="a name, a checkpoint, or .onnx")
    parser.add_argument("--image-size", type=count, metavar="N", help="height and width of the pictures")
    parser.add_argument("--channels", type=count, metavar="N", help="channels of the pictures")
    parser.add_argument("--classes", type=count, default=10, metavar="N", help="classes (default 10)")
    parser.add_argument("--batch-size", type=count, default=1, metavar="N", help="pictures per batch (default 1)")
    return parser


def run(options: Namespace) -> int:
    """Prints the table of layers, or without a model the list of models."""
    if options.model is None:
        width = max(map(len, list_models()))
        for name in list_models():
            print(f"{name:{width}}  {model_entry(name).about}")
        return 0
    if Path(options.model).exists():
        model, config = load_model(options.model)
        channels, size = config["channels"], config["input_size"]
    else:
        name = choose("MODEL", options.model, list_models(), "autograd summary")
        entry = model_entry(name)
        channels = options.channels or signature(entry.build).parameters["in_channels"].default
        size = data.input_size(name, options.image_size or entry.size)
        model = get_model(name, options.classes, channels, image_size=size)
    print(format_summary(summarize(model, (options.batch_size, channels, size, size))))
    return 0
