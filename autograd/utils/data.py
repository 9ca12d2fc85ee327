"""The names of :mod:`autograd.data` under PyTorch's import path."""

from autograd.data import *
