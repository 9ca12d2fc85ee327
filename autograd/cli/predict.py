"""`autograd predict`: the likely classes of pictures."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import autograd
from autograd.cli import data
from autograd.cli.errors import Parser
from autograd.cli.models import load_model
from autograd.cli.options import count
from autograd.vision.folder import load_image
from autograd.vision.transforms import Compose

EXAMPLES = """\
examples:
  autograd predict runs/digits-digits_cnn three.png
  autograd predict runs/mnist-lenet5 scan1.jpg scan2.jpg --invert    (dark strokes on light paper)
"""


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "predict", help="classes of pictures", description="Classify pictures with a checkpoint.", epilog=EXAMPLES
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file that train wrote, or the folder of the run")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="files that Pillow can read")
    parser.add_argument("--top", type=count, default=3, metavar="K", help="classes to print (default 3)")
    parser.add_argument("--invert", action="store_true", help="swap light and dark first")
    return parser


def run(options: Namespace) -> int:
    """Prints a line per picture: the likeliest classes with their probabilities."""
    model, config = load_model(options.checkpoint)
    mode: Literal["L", "RGB"] = "L" if config["channels"] == 1 else "RGB"
    prepare = Compose(data.preparation(config))
    for path in options.images:
        picture = load_image(path, config["size"], mode)[None].astype(np.float32) / 255
        probabilities = _classify(model, prepare(1 - picture if options.invert else picture))
        best = np.argsort(-probabilities, kind="stable")[: options.top]
        print(f"{path}: " + ", ".join(f"{config['classes'][k]} {100 * probabilities[k]:.1f} %" for k in best))
    return 0


def _classify(model: Any, picture: NDArray[np.float32]) -> NDArray[np.float64]:
    with autograd.no_grad():
        scores = model(autograd.Tensor(picture)).array[0].astype(np.float64)
    shares = np.exp(scores - scores.max())
    return shares / shares.sum()
