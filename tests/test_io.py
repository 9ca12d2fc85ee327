"""Files survive kills, full disks and damage; nothing but FormatError comes out of a bad one."""

import builtins
import errno
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import nn, optim
from autograd.errors import DTypeError, FormatError, MissingExtraError
from autograd.io import atomic, load, load_file, save, save_file
from autograd.io.checkpoint import STRUCTURE
from autograd.io.tensors import pack
from autograd.tensor import Tensor

ROOT = Path(__file__).resolve().parent.parent
DTYPES = ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]


def example():
    shared = Tensor(np.arange(3.0))
    return {
        "model": {"conv.weight": Tensor(np.arange(6, dtype="f4").reshape(2, 3)), "empty": Tensor(np.zeros((0, 4)))},
        "lr": 0.1,
        "best": float("inf"),
        "epoch": 2**80,
        "flags": [True, None, "naïve \u2028", ("a", 1), []],
        7: {(1, "x"): shared, None: shared},
        "rng": np.arange(5, dtype=np.uint64),
        "scalar": np.float32(2.5),
        "raw": b"\x00\xff",
    }  # fmt: skip


def same(a, b):
    assert type(a) is type(b) or isinstance(a, dict)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    elif isinstance(a, (Tensor, np.ndarray, np.generic)):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    else:
        assert a == b


def test_nested_containers_round_trip(tmp_path):
    path = tmp_path / "state.safetensors"
    save(example(), path)
    found = load(path)
    same(example(), found)
    assert found[7][1, "x"] is found[7][None]
    found["model"]["conv.weight"].array[0, 0] = 5  # loaded memory is one's own
    assert [p.name for p in tmp_path.iterdir()] == ["state.safetensors"]
    buffer = io.BytesIO()
    autograd.save(example(), buffer)
    buffer.seek(0)
    same(example(), autograd.load(buffer, map_location="cpu"))
    for value in (3, "text", Tensor(1.5), [], None):
        save(value, path)
        same(value, load(path))


def test_every_dtype_and_layout(tmp_path):
    path = tmp_path / "all"
    arrays = {d: np.arange(12).reshape(3, 4).astype(d) for d in DTYPES}
    arrays |= {"transposed": arrays["f4"].T, "sliced": arrays["f8"][::2, ::-1], "big": arrays["i4"].astype(">i4")}
    save_file(arrays, path, {"author": "me"})
    found = load_file(path)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name].numpy(), array)
        assert found[name].dtype == array.dtype.newbyteorder("=")
    with pytest.raises(DTypeError, match="z has dtype complex64, which safetensors cannot hold"):
        save_file({"z": np.zeros(2, np.complex64)}, path)
    assert set(load_file(path)) == set(arrays)


def test_files_are_safetensors_to_others(tmp_path):
    numpy_io = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    net = nn.Sequential(nn.Linear(2, 3))
    save(net.state_dict(), path)
    others = numpy_io.load_file(path)
    assert set(others) == {"0.weight", "0.bias"}
    np.testing.assert_array_equal(others["0.weight"], net[0].weight.array)
    numpy_io.save_file({"0.weight": others["0.weight"] + 1, "0.bias": others["0.bias"]}, path)
    net.load_state_dict(load(path))
    np.testing.assert_array_equal(net[0].weight.array, others["0.weight"] + 1)


def test_training_resumes_from_a_file(tmp_path, rng):
    def build():
        autograd.manual_seed(3)
        net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
        optimizer = optim.Adam(net.parameters(), 0.05)
        return net, optimizer, optim.lr_scheduler.StepLR(optimizer, 3)

    def train(net, optimizer, scheduler, xs):
        for x in xs:
            optimizer.zero_grad()
            (net(Tensor(x)) ** 2).mean().backward()
            optimizer.step()
            scheduler.step()

    xs = rng.standard_normal((10, 6, 4)).astype(np.float32)
    parts = build()
    train(*parts, xs[:5])
    save({"parts": [part.state_dict() for part in parts]}, tmp_path / "c")
    train(*parts, xs[5:])
    again = build()
    for part, state in zip(again, load(tmp_path / "c")["parts"]):
        part.load_state_dict(state)
    train(*again, xs[5:])
    for a, b in zip(parts[0].state_dict().values(), again[0].state_dict().values()):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


# --------------------------------------------------------------------------------------------- refusals


class Odd:
    def state_dict(self):
        return {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {"f": len}]}, r"save: a\.1\.f is a builtin_function_or_method; only dicts"),
        ({"net": Odd()}, r"save: net is a Odd; .*; save its state_dict\(\)"),
        ({len: 1}, "has the key <built-in function len>"),
        ({1j}, "the object is a set"),
    ],
)
def test_what_cannot_be_stored_is_named(tmp_path, value, message):
    with pytest.raises(TypeError, match=message):
        save(value, tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_container_that_holds_itself(tmp_path):
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested more than 64 deep; does it contain itself"):
        save(loop, tmp_path / "x")


def test_missing_unreadable_and_foreign_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    with pytest.raises(FormatError, match="cannot be read"):
        load(tmp_path)
    foreign = {
        b"PK\x03\x04rest": ("not a zip file", "a zip archive; autograd.load opens"),
        b"\x80\x02}q\x00.": ("torch.save did not write", "a pickle; autograd.load opens"),
        b"\x93NUMPY\x01\x00": ("use np.load", "use np.load"),
        b"": ("not a whole safetensors file",) * 2,
        b"\xff" * 100: ("not a whole safetensors file",) * 2,
    }
    for data, messages in foreign.items():
        (tmp_path / "f").write_bytes(data)
        for read, message in zip((load, load_file), messages):
            with pytest.raises(FormatError, match=message):
                read(tmp_path / "f")


def test_truncation_anywhere_is_noticed(tmp_path):
    path = tmp_path / "t"
    save(example(), path)
    whole = path.read_bytes()
    for end in [*range(0, len(whole), 64), *range(len(whole) - 9, len(whole))]:
        path.write_bytes(whole[:end])
        for read in (load, load_file):
            with pytest.raises(FormatError):
                read(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(FormatError):
        load(path)


def test_damage_is_an_error_or_harmless(tmp_path, rng):
    """Any changed byte: FormatError, or (in unused white space) exactly the same content."""
    path = tmp_path / "d"
    save(example(), path)
    whole = path.read_bytes()
    header = int.from_bytes(whole[:8], "little") + 8
    places = {*range(8), *range(header, len(whole), 7), *rng.integers(0, len(whole), 150).tolist()}
    noticed = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            same(example(), load(path))
        except FormatError:
            noticed += 1
    assert noticed >= 0.95 * len(places)


@pytest.mark.parametrize(
    "structure",
    [
        "{", "[1]", "{}", '{"a":1,"b":2}', '{"tensor":"none"}', '{"tensor":[1]}', '{"dict":[[1]]}', '{"dict":3}',
        '{"dict":[[{"list":[]},1]]}', '{"float":"x"}', '{"code":"os.system"}', '{"list":' * 3000 + "1" + "}" * 3000,
        '{"list":[{"list":[' * 40 + "]}]}" * 40, '{"list":' * 200000, "9" * 10000,
    ],
)  # fmt: skip
def test_a_forged_description_is_refused(tmp_path, structure):
    (tmp_path / "s").write_bytes(b"".join(pack({"t": np.zeros(2)}, {STRUCTURE: structure})))
    with pytest.raises(FormatError):
        load(tmp_path / "s")


def test_unsupported_content_of_others(tmp_path):
    header = json.dumps({"t": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}).encode()
    (tmp_path / "f8").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(FormatError, match="t has dtype F8_E4M3, which is not supported"):
        load_file(tmp_path / "f8")


def test_the_extra_is_named_when_the_library_is_absent(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("safetensors"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'cygrad\[io\]'"):
        save({}, tmp_path / "x")


# --------------------------------------------------------------------------------------------- faults while writing


def failing(error, after):
    """os.write that fails after so many bytes, having written a part as a full disk does."""
    left = [after]
    real = os.write

    def write(descriptor, data):
        if left[0] <= 0:
            raise error
        data = bytes(data)[: left[0]]
        left[0] -= len(data)
        return real(descriptor, data)

    return write


@pytest.mark.parametrize("after", [0, 10, 500])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, after, error):
    path = tmp_path / "c"
    save({"epoch": 1}, path)
    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "write", failing(error, after))
        with pytest.raises(type(error)):
            save({"epoch": 2, "w": Tensor(np.zeros(1000))}, path)
    assert load(path) == {"epoch": 1} and [p.name for p in tmp_path.iterdir()] == ["c"]
    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "fsync", lambda d: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(OSError, match="full"):
            save({"epoch": 2}, path)
    assert load(path) == {"epoch": 1} and len(list(tmp_path.iterdir())) == 1


def test_a_real_limit_on_the_size(tmp_path):
    path = tmp_path / "c"
    save({"epoch": 1}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError) as caught:
            save({"w": Tensor(np.zeros(10000))}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert load(path) == {"epoch": 1} and len(list(tmp_path.iterdir())) == 1


def test_modes_and_links_are_kept(tmp_path):
    path = tmp_path / "real"
    save(1, path)
    os.chmod(path, 0o640)
    (tmp_path / "link").symlink_to(path)
    save(2, tmp_path / "link")
    assert load(path) == 2 and (tmp_path / "link").is_symlink() and path.stat().st_mode & 0o777 == 0o640


WRITER = """
import sys, itertools, numpy as np
from autograd.io import save
from autograd.tensor import Tensor
for i in itertools.count():
    save({"i": i, "w": Tensor(np.full(200_000, i, np.float64))}, sys.argv[1])
    print(i, flush=True)
"""


def test_kill_while_saving_leaves_a_whole_file(tmp_path, rng):
    path = tmp_path / "c"
    for delay in rng.uniform(0.0, 0.03, 10):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, env=environment) as writer:
            writer.stdout.readline()
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        found = load(path)
        assert (found["w"].numpy() == found["i"]).all()
