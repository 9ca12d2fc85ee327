"""`autograd predict`: the likely classes of pictures."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import autograd
from autograd.cli import data
from autograd.cli.errors import Parser, UserError
from autograd.cli.models import load_model
from autograd.cli.options import count, positive
from autograd.vision.folder import load_image
from autograd.vision.transforms import Compose

EXAMPLES = """\
examples:
  autograd predict runs/digits-digits_cnn three.png
  autograd predict runs/mnist-lenet5 scan1.jpg scan2.jpg --invert    (dark strokes on light paper)
  autograd predict --model mnist.onnx --pixel-range 255 three.png
"""


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "predict",
        help="classes of pictures",
        description="Name the likeliest classes of pictures, with their probabilities.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "paths", nargs="+", metavar="[CHECKPOINT] IMAGE", help="the model (or --model), and files that Pillow can read"
    )
    parser.add_argument("--model", metavar="FILE", help="a file that train wrote, the folder of the run, or .onnx")
    parser.add_argument(
        "--pixel-range", type=positive, default=1.0, metavar="X", help="value of white in the model's input (1 or 255)"
    )
    parser.add_argument("--top", type=count, default=3, metavar="K", help="classes to print (default 3)")
    parser.add_argument("--invert", action="store_true", help="swap light and dark first")
    return parser


def run(options: Namespace) -> int:
    """Prints a line per picture: the likeliest classes with their probabilities."""
    path, images = (options.model, options.paths) if options.model else (options.paths[0], options.paths[1:])
    if not images:
        raise UserError("predict: no pictures; autograd predict CHECKPOINT IMAGE...")
    model, config = load_model(path)
    mode: Literal["L", "RGB"] = "L" if config["channels"] == 1 else "RGB"
    prepare = Compose(data.preparation(config))
    for path in images:
        picture = load_image(path, config["size"], mode)[None].astype(np.float32) / 255
        probabilities = _classify(model, options.pixel_range * prepare(1 - picture if options.invert else picture))
        best = np.argsort(-probabilities, kind="stable")[: options.top]
        print(f"{path}: " + ", ".join(f"{config['classes'][k]} {100 * probabilities[k]:.1f} %" for k in best))
    return 0


def _classify(model: Any, picture: NDArray[np.float32]) -> NDArray[np.float64]:
    with autograd.no_grad():
        scores = model(autograd.Tensor(picture)).array[0].astype(np.float64)
    shares = np.exp(scores - scores.max())
    return shares / shares.sum()
