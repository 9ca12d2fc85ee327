"""Recurrent layers and transformers against PyTorch's, with the same weights."""

import warnings

import numpy as np
import pytest

import autograd as ag
from autograd import nn

torch = pytest.importorskip("torch")

CASES = {
    "RNN": (("RNN", 3, 4, 2), {"batch_first": True}, [(2, 5, 3)]),
    "RNN relu": (("RNN", 3, 4, 1, "relu"), {"bias": False}, [(5, 2, 3)]),
    "LSTM": (("LSTM", 3, 4, 2), {"bidirectional": True}, [(5, 2, 3)]),
    "LSTM unbatched": (("LSTM", 3, 4), {}, [(5, 3)]),
    "GRU": (("GRU", 3, 4, 2), {"bidirectional": True, "batch_first": True}, [(2, 5, 3)]),
    "RNNCell": (("RNNCell", 3, 4), {}, [(2, 3)]),
    "LSTMCell": (("LSTMCell", 3, 4), {}, [(2, 3)]),
    "GRUCell": (("GRUCell", 3, 4), {}, [(2, 3)]),
    "attention": (("MultiheadAttention", 4, 2), {"batch_first": True}, [(2, 3, 4)] * 3),
    "attention, other sizes": (
        ("MultiheadAttention", 4, 2),
        {"kdim": 3, "vdim": 5, "add_bias_kv": True, "add_zero_attn": True},
        [(3, 2, 4), (4, 2, 3), (4, 2, 5)],
    ),
    "encoder layer": (("TransformerEncoderLayer", 4, 2, 8, 0.0, "gelu"), {"norm_first": True}, [(3, 2, 4)]),
    "encoder layer, norm last": (("TransformerEncoderLayer", 4, 2, 8, 0.0), {"batch_first": True}, [(2, 3, 4)]),
}


def flat(x):
    return [y for part in x for y in flat(part)] if isinstance(x, (tuple, list)) else [x]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_torch(case):
    (name, *args), kwargs, shapes = CASES[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(torch.nn, name)(*args, **kwargs, dtype=torch.float64)
    ours = getattr(nn, name)(*args, **kwargs, dtype=np.float64)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(-1, 1, shape) for shape in shapes]
    xs, ys = [torch.tensor(a, requires_grad=True) for a in arrays], [ag.tensor(a, requires_grad=True) for a in arrays]
    wants, gots = flat(theirs(*xs)), flat(ours(*ys))
    for want, got in zip(wants, gots, strict=True):
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), atol=1e-12)
    sum((y * y).sum() for y in wants).backward()
    sum(((y * y).sum() for y in gots), start=ag.tensor(0.0, dtype=ag.float64)).backward()
    for x, y in zip(xs, ys, strict=True):
        np.testing.assert_allclose(y.grad.numpy(), x.grad.numpy(), atol=1e-12)
    for (key, p), q in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        if p.grad is not None:
            np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), atol=1e-11, err_msg=key)
