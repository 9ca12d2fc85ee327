"""Files: safetensors, and checkpoints of nested containers in one safetensors file. Nothing is ever pickled."""

from autograd.io.atomic import write_atomically
from autograd.io.checkpoint import load, load_weights, save
from autograd.io.tensors import load_file, save_file

__all__ = ["load", "load_file", "load_weights", "save", "save_file", "write_atomically"]
