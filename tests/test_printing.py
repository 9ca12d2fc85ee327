"""repr of tensors: PyTorch's, with NumPy's names of dtypes and the op's name as grad_fn."""

import re

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.errors import ShapeError

CASES = {
    "t.tensor(1.0)": "tensor(1.)",
    "t.tensor([1.5, 2.25, -3])": "tensor([ 1.5000,  2.2500, -3.0000])",
    "t.tensor([])": "tensor([])",
    "t.zeros(2, 0, 3)": "tensor([], size=(2, 0, 3))",
    "t.zeros(0, dtype=t.int64)": "tensor([], dtype=int64)",
    "t.tensor([True, False])": "tensor([ True, False])",
    "t.tensor([[1.0, 2], [3, 4]])": "tensor([[1., 2.],\n        [3., 4.]])",
    "t.tensor([1e-8, 1.0])": "tensor([1.0000e-08, 1.0000e+00])",
    "t.tensor([float('nan'), float('inf'), 1.0])": "tensor([nan, inf, 1.])",
    "t.tensor([1.0, 2.0], dtype=t.float64)": "tensor([1., 2.], dtype=float64)",
    "t.tensor([1.0, 2.0], requires_grad=True)": "tensor([1., 2.], requires_grad=True)",
    "t.tensor([1.0, 2.0], requires_grad=True) * 2": "tensor([2., 4.], grad_fn=<mul>)",
    "t.arange(2000)": "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])",
    "t.arange(2000.0)[:1500]": "tensor([0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 1.4970e+03, 1.4980e+03,\n"
    "        1.4990e+03])",
    "t.zeros(2, 1, 2)": "tensor([[[0., 0.]],\n\n        [[0., 0.]]])",
    "t.tensor(123456.789)": "tensor(123456.7891)",
    "t.nn.Parameter(t.ones(2))": "Parameter containing:\ntensor([1., 1.], requires_grad=True)",
}


@pytest.mark.parametrize("expression", CASES)
def test_repr(expression):
    assert repr(eval(expression, {"t": ag})) == CASES[expression]


@pytest.mark.slow
def test_repr_agrees_with_torch(rng):
    torch = pytest.importorskip("torch")
    for scale in (1.0, 1e-3, 1e4, 1e9):
        for shape in ((), (1,), (7,), (30,), (3, 4), (2, 3, 12), (2, 1, 2, 2), (9, 130), (1, 4, 300), (0,), (3, 0)):
            for dtype in (np.float32, np.float64, np.float16, np.int32, np.int64, np.uint8):
                if dtype == np.float16 and scale > 1e4:
                    continue
                x = (rng.standard_normal(shape) * scale).astype(np.int64 if dtype in (np.int32, np.uint8) else dtype)
                x = np.asarray(x).astype(dtype)
                # without the lines that the longer name of the dtype needs
                theirs = re.sub(r"torch\.Size\(\[(.*)\]\)", r"(\1)", repr(torch.from_numpy(x)))
                # without the lines that the longer name of the dtype needs
                theirs = re.sub(r",\s+dtype=torch\.", ", dtype=", theirs)
                assert re.sub(r",\s+dtype=", ", dtype=", repr(ag.from_numpy(x))) == theirs


def test_print_options():
    try:
        ag.set_printoptions(precision=2, sci_mode=False)
        assert repr(ag.tensor([1e-3, 1.5])) == "tensor([0.00, 1.50])"
        ag.set_printoptions(profile="short")
        assert repr(ag.arange(1001)) == "tensor([   0,    1,  ...,  999, 1000])"
        with pytest.raises(ShapeError, match="expected one of default, short, full"):
            ag.set_printoptions(profile="long")
    finally:
        ag.set_printoptions(profile="default")


def test_a_module_shows_its_parameters():
    assert repr(nn.Linear(2, 3).bias).startswith("Parameter containing:\ntensor([")
