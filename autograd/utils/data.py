"""The names of :mod:`autograd.data` under PyTorch's import path."""

from autograd.data import *
from autograd.data import __all__
