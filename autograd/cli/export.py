"""`autograd export`: a trained model as a file for other programs."""

from __future__ import annotations

import json
from argparse import Namespace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from autograd import io, onnx
from autograd.cli import data
from autograd.cli.errors import Parser, UserError, choose
from autograd.cli.models import CARRIED, load_model
from autograd.cli.options import count
from autograd.tensor import Tensor
from autograd.vision.models import get_model, list_models, model_entry

EXAMPLES = """\
examples:
  autograd export runs/digits-digits_cnn digits.onnx        for onnxruntime and others, any batch size
  autograd export runs/digits-digits_cnn digits.pt          the weights, for torch.load
  autograd export resnet18 resnet18.onnx --weights resnet18.pth --classes 1000
"""


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "export", help="a model as .onnx, .safetensors or .pt", description="Write a model for others.", epilog=EXAMPLES
    )
    parser.add_argument("model", metavar="MODEL|CHECKPOINT", help="a name, a file that train wrote, or .onnx")
    parser.add_argument("out", metavar="FILE", help="what to write: .onnx the model, .safetensors or .pt its weights")
    parser.add_argument("--weights", metavar="FILE", help="weights for a model that is given by name")
    parser.add_argument("--image-size", type=count, metavar="N", help="height and width of the pictures")
    parser.add_argument("--channels", type=count, metavar="N", help="channels of the pictures")
    parser.add_argument("--classes", type=count, default=10, metavar="N", help="classes (default 10)")
    return parser


def run(options: Namespace) -> int:
    """Writes the file and says what is in it."""
    model, channels, size, carried = _model(options)
    if options.out.endswith(".onnx"):
        example = Tensor(np.zeros((2, channels, size, size), np.float32))
        batch = {0: "batch"}
        onnx.export(model, example, options.out, dynamic_axes={"input": batch, "output": batch}, metadata=carried)
        print(f"{options.out}: input (batch, {channels}, {size}, {size}), {Path(options.out).stat().st_size:,} bytes")
    elif options.out.endswith((".safetensors", ".pt", ".pth")):
        state = {name: value.detach() for name, value in model.state_dict().items()}
        if options.out.endswith(".safetensors"):
            io.save_file(state, options.out)
        else:
            io.save(state, options.out)
        print(f"{options.out}: {len(state)} tensors, {Path(options.out).stat().st_size:,} bytes")
    else:
        raise UserError(f"{options.out}: expected a name that ends in .onnx, .safetensors, .pt or .pth")
    return 0


def _model(options: Namespace) -> tuple[Any, int, int, dict[str, str]]:
    """The model, its channels, the size of its pictures, and what the file carries along."""
    if Path(options.model).exists():
        model, config = load_model(options.model)
        carried = {f"cygrad.{key}": json.dumps(config[key]) for key in CARRIED}
        return model, config["channels"], config["input_size"], carried
    name = choose("MODEL", options.model, list_models(), "autograd summary")
    entry = model_entry(name)
    channels = options.channels or signature(entry.build).parameters["in_channels"].default
    size = data.input_size(name, options.image_size or entry.size)
    weights = {"weights": options.weights} if options.weights else {}
    return get_model(name, options.classes, channels, image_size=size, **weights).eval(), channels, size, {}
