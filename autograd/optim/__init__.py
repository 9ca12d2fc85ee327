"""Optimizers and learning-rate schedules: torch.optim's names, argument order, defaults and state layout."""

from autograd.optim import lr_scheduler, swa_utils
from autograd.optim.adam import Adam, AdamW
from autograd.optim.adaptive import ASGD, Adadelta, Adafactor, Adagrad, Adamax, NAdam, RAdam, Rprop
from autograd.optim.lbfgs import LBFGS
from autograd.optim.optimizer import Optimizer
from autograd.optim.rmsprop import RMSprop
from autograd.optim.sgd import SGD
from autograd.shapes import names_only

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]

__getattr__ = names_only("autograd.optim", __all__)
