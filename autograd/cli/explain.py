"""`autograd explain`: what a checkpoint looks at in pictures."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autograd import explain
from autograd.cli import data
from autograd.cli.errors import Parser, UserError, choose
from autograd.cli.models import load_model
from autograd.cli.train import find_checkpoint
from autograd.vision.folder import load_image
from autograd.vision.transforms import Compose

EXAMPLES = """\
examples:
  autograd explain three.png                       with the latest run below runs/
  autograd explain shoe.png --checkpoint runs/fashion-mnist-small_cnn --method occlusion
  autograd explain shoe.png --class Sandal         what would speak for another class

Writes NAME.METHOD.png beside each picture: the picture, and the picture with what speaks for the class in colour.
"""
SIDE = 256  # pixels of the written pictures, about


def _patches(model: Any, x: NDArray[Any], classes: Any) -> NDArray[Any]:
    side = max(2, min(x.shape[2:]) // 6)
    fill = float(x.mean())
    return explain.occlusion(model, x, classes, side, max(1, side // 2), fill)


def _integrated(model: Any, x: NDArray[Any], classes: Any) -> NDArray[Any]:
    return np.abs(explain.integrated_gradients(model, x, classes, x.min())).sum(1)  # type: ignore[no-any-return]


METHODS: dict[str, Callable[..., NDArray[Any]]] = {
    "grad-cam": explain.grad_cam,
    "grad-cam++": explain.grad_cam_plus_plus,
    "saliency": explain.saliency,
    "smooth-grad": explain.smooth_grad,
    "integrated-gradients": _integrated,
    "occlusion": _patches,
}


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "explain",
        help="what a model looks at in pictures",
        description="Draw which parts of a picture speak for a class, in the eyes of a trained model.",
        epilog=EXAMPLES,
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="files that Pillow can read")
    parser.add_argument("--checkpoint", default="", metavar="PATH", help="a file of train, or a run (default: latest)")
    parser.add_argument("--method", default="grad-cam", metavar="NAME", help=f"{', '.join(METHODS)} (default grad-cam)")
    parser.add_argument("--class", dest="label", metavar="NAME", help="class to explain (default: the likeliest)")
    parser.add_argument("--layer", metavar="NAME", help="grad-cam: layer to look at (default: the last feature maps)")
    parser.add_argument("--invert", action="store_true", help="swap light and dark first")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the pictures (default: beside each)")
    return parser


def run(options: Namespace) -> int:
    """Writes a picture per picture, and says what it shows."""
    method = choose("--method", options.method, METHODS)
    if options.layer and not method.startswith("grad-cam"):
        raise UserError(f"--layer: is for grad-cam, not for {method}")
    model, config = load_model(find_checkpoint(options.checkpoint, "--checkpoint"))
    label = None
    if options.label is not None:
        label = config["classes"].index(choose("--class", options.label, config["classes"]))
    if options.layer:
        choose("--layer", options.layer, [name for name, _ in model.named_modules() if name])
    mode: Literal["L", "RGB"] = "L" if config["channels"] == 1 else "RGB"
    prepare = Compose(data.preparation(config))
    for path in map(Path, options.images):
        picture = load_image(path, config["size"], mode)[None].astype(np.float32) / 255
        picture = 1 - picture if options.invert else picture
        x = prepare(picture)
        shares = explain.probabilities(model, x)[0]
        target = int(shares.argmax()) if label is None else label
        extra = {"layer": options.layer} if options.layer else {}
        heat = METHODS[method](model, x, np.array([target]), **extra)[0]
        folder = options.out or path.parent
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / f"{path.stem}.{method}.png"
        explain.save_png(written, _side_by_side(x[0], heat))
        print(f"{path}: {config['classes'][target]} {100 * shares[target]:.1f} %; {method}: {written}")
    return 0


def _side_by_side(image: NDArray[Any], heat: NDArray[Any]) -> NDArray[np.uint8]:
    scale = max(1, SIDE // max(heat.shape))
    plain = explain.as_rgb(image).repeat(scale, 0).repeat(scale, 1)
    return explain.grid([plain, explain.overlay(image, heat, scale=scale)], 2, gap=4)
