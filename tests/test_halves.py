"""float16 and bfloat16: kept in memory and files, computed with as float32."""

import copy
import pickle

import numpy as np
import pytest

import autograd as ag
from autograd import nn, optim
from autograd.errors import DTypeError

pytest.importorskip("ml_dtypes")
HALVES = pytest.mark.parametrize("dtype", [ag.float16, ag.bfloat16], ids=str)


def test_bfloat16_is_a_dtype_like_the_others():
    x = ag.tensor([1.0, 2.5, -3.0]).bfloat16()
    assert x.dtype == ag.bfloat16 and x.element_size() == 2 and x.is_floating_point() and x.is_signed()
    assert repr(x) == "tensor([ 1.0000,  2.5000, -3.0000], dtype=bfloat16)"
    assert x.tolist() == [1.0, 2.5, -3.0] and x[1].item() == 2.5
    assert ag.isdtype(ag.bfloat16, "real floating") and ag.finfo(ag.bfloat16).eps == 2**-7
    for made in (ag.zeros(2, dtype=ag.bfloat16), ag.full((2,), 1.1, dtype=ag.bfloat16), ag.randn(2, dtype=ag.bfloat16)):
        assert made.dtype == ag.bfloat16
    assert ag.tensor([1 + 2**-8, 1 + 3 * 2**-8]).bfloat16().tolist() == [1.0, 1 + 2**-6]  # to even
    assert copy.deepcopy(x).dtype == pickle.loads(pickle.dumps(x)).dtype == ag.bfloat16


def test_promotion():
    x, y = ag.ones(2, dtype=ag.bfloat16), ag.ones(2, dtype=ag.float16)
    assert (x + y).dtype == ag.promote_types(ag.bfloat16, ag.float16) == ag.float32
    assert (x + 1).dtype == (x * 2.5).dtype == (x + ag.arange(2)).dtype == (x + ag.tensor(1.5)).dtype == ag.bfloat16
    assert (x + ag.ones(2)).dtype == ag.float32 and (x + ag.ones(2, dtype=ag.float64)).dtype == ag.float64
    assert ag.exp([np.float16(0)]).dtype == ag.float16
    assert x.sum(dtype=ag.float32).dtype == ag.float32 and (x < 2).dtype == np.bool_


@HALVES
def test_sums_are_as_exact_as_those_of_float32(dtype):
    assert ag.ones(4096, dtype=dtype).sum().item() == 4096.0
    assert (ag.ones(1, 4096, dtype=dtype) @ ag.ones(4096, 1, dtype=dtype)).item() == 4096.0


@HALVES
def test_a_dtype_to_compute_in(dtype):
    x = ag.tensor([[1.1, 2.2, 3.3]], requires_grad=True)
    rounded = x.detach().to(dtype)
    for name in ("sum", "prod", "cumsum", "cumprod", "softmax", "log_softmax", "nansum"):
        got = getattr(ag, name)(x, 1, dtype=dtype)
        want = getattr(ag, name)(rounded.float(), 1).to(dtype)
        assert got.dtype == dtype and got.tolist() == want.tolist(), name
    x.softmax(1, dtype=dtype)[0, 0].backward()
    assert x.grad.dtype == ag.float32 and x.grad.abs().sum().item() > 0
    assert ag.arange(3).sum(dtype=dtype).dtype == ag.rand(2, dtype=dtype).dtype == dtype


@HALVES
def test_changes_in_place(dtype):
    x = ag.tensor([1.0, 2.0, 3.0]).to(dtype)
    view = x[1:]
    x += 1
    x[0] = 9.5
    x.mul_(2)
    assert view.tolist() == [6.0, 8.0] and x.tolist() == [19.0, 6.0, 8.0]
    x.copy_(ag.ones(3))
    assert x.dtype == dtype and view.tolist() == [1.0, 1.0]


@HALVES
def test_gradients_have_the_dtype(dtype):
    x = ag.tensor([1.0, 2.0]).to(dtype).requires_grad_()
    (x * x + x * 3 + x).sum().backward()
    assert x.grad.dtype == dtype and x.grad.tolist() == [6.0, 8.0]
    w = ag.tensor([3.0, 4.0], requires_grad=True)
    (w.to(dtype) * x.detach()).sum().backward()
    assert w.grad.dtype == ag.float32 and w.grad.tolist() == [1.0, 2.0]


@HALVES
def test_a_network_runs_but_does_not_train(dtype):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    x = ag.randn(3, 1, 4, 4)
    want = net(x)
    twin = copy.deepcopy(net).to(dtype)
    got = twin(x.to(dtype))
    assert got.dtype == twin[1].running_mean.dtype == dtype and twin[1].num_batches_tracked.dtype == ag.int64
    np.testing.assert_allclose(got.float().detach().numpy(), want.detach().numpy(), atol=0.1)
    assert twin[1].running_mean.abs().sum().item() > 0
    with pytest.raises(DTypeError, match=f"SGD: parameter 0 is {dtype}, a dtype for storage"):
        optim.SGD(twin.parameters(), 0.1)
    net.load_state_dict(twin.state_dict())
    assert net[0].weight.dtype == ag.float32


@HALVES
def test_folded_convolutions_keep_the_dtype(dtype):
    net = nn.Sequential(
        nn.Conv2d(16, 96, 1), nn.BatchNorm2d(96), nn.ReLU(), nn.Conv2d(96, 96, 3, 1, 1, groups=96), nn.BatchNorm2d(96)
    ).eval()
    x = ag.randn(2, 16, 30, 30)
    with ag.no_grad():
        want = net(x)
        got = net.to(dtype)(x.to(dtype))
    assert got.dtype == dtype and (got.float() - want).abs().max().item() < 0.02 * want.abs().max().item()


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_files_keep_bfloat16(tmp_path, name):
    values = ag.randn(5, 3).bfloat16()
    ag.save({"w": values, "part": values.T[1:], "empty": values[:0]}, tmp_path / name)
    found = ag.load(tmp_path / name)
    assert {x.dtype for x in found.values()} == {ag.bfloat16} and found["empty"].shape == (0, 3)
    assert found["w"].tolist() == values.tolist() and found["part"].tolist() == values.T[1:].tolist()
    torch = pytest.importorskip("torch")
    other = pytest.importorskip("safetensors.torch")
    read, write = (torch.load, torch.save) if name == "x.pt" else (other.load_file, other.save_file)
    theirs = read(tmp_path / name)
    assert theirs["w"].dtype == torch.bfloat16 and theirs["w"].tolist() == values.tolist()
    write({"w": theirs["w"] * 2}, tmp_path / name)
    assert ag.load(tmp_path / name)["w"].tolist() == (values * 2).tolist()


def test_other_numbers_are_refused():
    import ml_dtypes

    with pytest.raises(DTypeError, match="exp: x has dtype float8_e5m2, expected real numbers"):
        ag.exp(np.ones(3, ml_dtypes.float8_e5m2))
    with pytest.raises(DTypeError, match="tensor: cannot hold float8_e5m2"):
        ag.tensor(np.ones(3, ml_dtypes.float8_e5m2))
    with pytest.raises(DTypeError, match="set_default_dtype: expected float32 or float64, got bfloat16"):
        ag.set_default_dtype(ag.bfloat16)
