"""Files of PyTorch, NumPy and Keras: read whole and without running anything; ours open in PyTorch."""

import contextlib
import io
import json
import os
import pickle
import pickletools
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd.errors import FormatError
from autograd.io import load, load_weights, save
from autograd.io.torch_file import NAMES
from autograd.io.torch_write import _Pickler, torch_archive
from autograd.io.unpickle import unpickle
from autograd.tensor import Tensor


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def example(torch):
    base = torch.arange(24.0).reshape(4, 6)
    return {
        "state": OrderedDict(w=base, part=base[1:, ::2], t=base.T, scalar=torch.tensor(3)),
        "dtypes": [torch.ones(3, dtype=getattr(torch, d)) for d in
                   ("float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")],
        "parameter": torch.nn.Parameter(torch.zeros(2, 0)),
        "expanded": torch.tensor([1.0, 2.0]).expand(3, 2),
        "plain": [1, -(2**70), 0.5, float("inf"), "naïve", b"\x00\xff", None, True, (1, (2,)), {3: "x"}],
        "size": torch.Size([1, 2]),
        "numpy": np.float64(0.25),
    }  # fmt: skip


def check(found, torch):
    expected = example(torch)
    for name, tensor in expected["state"].items():
        np.testing.assert_array_equal(found["state"][name].numpy(), tensor.numpy())
    for a, b in zip(found["dtypes"], expected["dtypes"]):
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.") and a.tolist() == b.tolist()
    assert found["parameter"].requires_grad and found["parameter"].shape == (2, 0)
    np.testing.assert_array_equal(found["expanded"].numpy(), [[1, 2]] * 3)
    assert found["plain"] == expected["plain"] and tuple(found["size"]) == (1, 2) and found["numpy"] == 0.25


@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_saves_is_read(torch, tmp_path, zipped):
    path = tmp_path / "x.pt"
    torch.save(example(torch), path, _use_new_zipfile_serialization=zipped)
    check(load(path), torch)
    found = load(io.BytesIO(path.read_bytes()))
    check(found, torch)
    found["state"]["w"].numpy()[1, 0] = 99  # views share their storage, as they did
    assert found["state"]["part"].numpy()[0, 0] == 99 and found["state"]["t"].numpy()[0, 1] == 99


def test_torch_reads_what_is_saved_as_pt(torch, tmp_path):
    state = {
        "model": {"w": Tensor(np.arange(6, dtype="f4").reshape(2, 3)), "n": Tensor(np.int64(7))},
        "kinds": [np.zeros(2, k) for k in ("f8", "f2", "i4", "i2", "i1", "u1", "?")],
        "strided": Tensor(np.arange(12.0).reshape(3, 4).T), "big-endian": np.arange(3, dtype=">i4"),
        "plain": [1, -(2**70), 0.5, float("-inf"), "naïve", b"\x00\xff", None, False, (1, (2,)), {3: "x"}],
    }  # fmt: skip
    save(state, tmp_path / "x.pt")
    for mapped in (False, True):
        found = torch.load(tmp_path / "x.pt", weights_only=True, mmap=mapped)
        np.testing.assert_array_equal(found["model"]["w"].numpy(), [[0, 1, 2], [3, 4, 5]])
        assert int(found["model"]["n"]) == 7 and found["plain"] == state["plain"]
        assert [str(a.numpy().dtype) for a in found["kinds"]] == [str(a.dtype) for a in state["kinds"]]
        np.testing.assert_array_equal(found["strided"].numpy(), state["strided"].numpy())
        np.testing.assert_array_equal(found["big-endian"].numpy(), [0, 1, 2])
    again = load(tmp_path / "x.pt")
    assert again["plain"] == state["plain"] and again["kinds"][6].dtype == bool


def test_models_and_optimizers_cross_over(torch, tmp_path, rng):
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Flatten(), torch.nn.Linear(27, 2)
    )
    x = rng.standard_normal((4, 2, 5, 5)).astype("f4")
    theirs(torch.from_numpy(x)).sum().backward()
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in theirs.state_dict().items()}, "epoch": 3}, tmp_path / "t.pth"
    )
    nn = autograd.nn
    ours = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(27, 2))
    ours.load_state_dict(load_weights(tmp_path / "t.pth"))
    np.testing.assert_allclose(
        ours.eval()(autograd.from_numpy(x)).detach().numpy(),
        theirs.eval()(torch.from_numpy(x)).detach().numpy(),
        atol=1e-5,
    )
    save(ours.state_dict(), tmp_path / "back.pt")
    theirs.load_state_dict(torch.load(tmp_path / "back.pt"))


def test_a_whole_model_is_refused_with_a_cure(torch, tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "m.pt")
    with pytest.raises(FormatError, match=r"torch\.nn\.modules\.linear\.Linear.*save its state_dict"):
        load(tmp_path / "m.pt")


def test_torchscript_is_refused(torch, tmp_path):
    """CVE-2025-32434: torch.load handed such archives to another loader, whatever weights_only said."""
    with zipfile.ZipFile(tmp_path / "s.pt", "w") as archive:
        archive.writestr("s/data.pkl", pickle.dumps({}, 2))
        archive.writestr("s/constants.pkl", pickle.dumps((), 2))
    with pytest.raises(FormatError, match="TorchScript"):
        load(tmp_path / "s.pt")


class Evil:
    def __reduce__(self):
        return os.system, ("touch was-here",)


def op(name):
    return next(o.code for o in pickletools.opcodes if o.name == name).encode("latin-1")


FORGED = {
    "a call": pickle.dumps(Evil(), 2),
    "a call, protocol 4": pickle.dumps(Evil(), 4),
    "a class by opcode": op("INST") + b"os\nsystem\n.",
    "an object": op("MARK") + op("GLOBAL") + b"os\nsystem\n" + op("OBJ") + b".",
    "extension registry": op("EXT1") + b"\x01.",
    "items set on a list (CVE-2026-24747)": b"\x80\x02](X\x01\x00\x00\x00aK\x01u.",
    "an item set on a tensor": b"\x80\x02ctorch\nfloat32\nX\x01\x00\x00\x00aK\x01s.",
    "append to a dict": b"\x80\x02}K\x01a.",
    "append to an attribute": b"\x80\x02ccollections\nOrderedDict\nK\x01a.",
    "build of a dict": b"\x80\x02}}b.",
    "a dotted name": b"\x80\x04\x8c\x05torch\x8c\x0bSize.__new__\x93.",
    "a module's attribute": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
    "no storage": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x00))\x89NtR.",
    "deeply nested key": b"\x80\x02}" + b")" + b"\x85" * 300_000 + b"K\x01s.",
    "a mark as a value": b"\x80\x02(\x85.",
    "empty stack": b"\x80\x02a.",
    "unknown memo": b"\x80\x02h\x07.",
    "a name alone": b"\x80\x02ctorch\nSize\n.",
    "no end": b"\x80\x02}",
    "a huge string": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f.",
    "a huge number": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "persistent id": b"\x80\x02K\x01Q.",
    "ten thousand digits": b"I" + b"9" * 10000 + b"\n.",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_forged_pickles_are_refused(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError):
        unpickle(FORGED[name], NAMES)
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("x/data.pkl", FORGED[name])
    (tmp_path / "old.pt").write_bytes(FORGED[name])
    for file in ("x.pt", "old.pt"):
        with pytest.raises(FormatError):
            load(tmp_path / file)
    assert not (tmp_path / "was-here").exists()


def storage_pickle(size, stride, offset=0, length=4, kind="FloatStorage", key="0"):
    """The pickle of one tensor over one storage."""
    p = _Pickler()
    p.out += b"ctorch._utils\n_rebuild_tensor_v2\n(("
    p.write("storage")
    p.out += f"ctorch\n{kind}\n".encode()
    for value in (key, "cpu", length):
        p.write(value)
    p.out += b"tQ"
    for value in (offset, size, stride):
        p.write(value)
    return bytes(p.out + b"\x89ccollections\nOrderedDict\n)RtR.")


@pytest.mark.parametrize(
    "forged",
    [
        {"size": (5,), "stride": (1,)}, {"size": (2,), "stride": (4,)}, {"size": (4,), "stride": (1,), "offset": 1},
        {"size": (-1,), "stride": (1,)}, {"size": (4,), "stride": (-1,)}, {"size": (2**62,), "stride": (0,)},
        {"size": (2**40, 2**40), "stride": (0, 0)}, {"size": (2, 2), "stride": (1,)}, {"size": (1.0,), "stride": (1,)},
        {"size": (4,), "stride": (1,), "length": 2**50}, {"size": (4,), "stride": (1,), "length": 5},
        {"size": (4,), "stride": (1,), "key": "../../etc/passwd"}, {"size": (1,) * 99, "stride": (1,) * 99},
        {"size": (4,), "stride": (1,), "offset": -1}, {"size": (4,), "stride": (1,), "kind": "DoubleStorage"},
    ],
)  # fmt: skip
def test_sizes_are_checked_against_the_file(tmp_path, forged):
    def archive(**fields):
        with zipfile.ZipFile(tmp_path / "x.pt", "w") as z:
            z.writestr("x/data.pkl", storage_pickle(**fields))
            z.writestr("x/data/0", np.arange(4, dtype="f4").tobytes())

    archive(size=(2, 2), stride=(2, 1))
    np.testing.assert_array_equal(load(tmp_path / "x.pt").numpy(), [[0, 1], [2, 3]])
    archive(**forged)
    with pytest.raises(FormatError):
        load(tmp_path / "x.pt")


def corpus():
    """One small file of each format that is read without an extra; tests/corpus holds what PyTorch wrote."""
    files = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").glob("*.pt"))}
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(3.0), b=np.zeros((2, 0), "i4"))
    files["npz"] = buffer.getvalue()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.asfortranarray(np.arange(6.0).reshape(2, 3)), b=np.arange(3, dtype=">i2"))
    files["npz, compressed"] = buffer.getvalue()
    state = {"w": Tensor(np.arange(6, dtype="f4").reshape(2, 3)), "n": [1, 2.5, "x", None, b"\0", (True,)]}
    files["pt"] = b"".join(torch_archive(state))
    buffer = io.BytesIO()
    save(state, buffer)
    files["safetensors"] = buffer.getvalue()
    return files


CORPUS = corpus()


def survives(data):
    """Loads; anything but a FormatError is a fault."""
    try:
        found = load(io.BytesIO(data))
    except FormatError:
        return False
    repr(found)
    return True


def damaged(data, choose):
    """data with a few bytes changed, a piece lost or doubled; choose(n) draws a number below n."""
    data = bytearray(data)
    for _ in range(1 + choose(4)):
        kind, place = choose(6), choose(max(len(data), 1))
        if kind < 3:
            data[place : place + 1] = bytes([choose(256)])
        elif kind == 3:
            data = data[:place]
        elif kind == 4:
            del data[place : place + 1 + choose(16)]
        else:
            data[place:place] = data[place : place + 1 + choose(64)]
    return bytes(data)


@pytest.mark.parametrize("kind", CORPUS)
def test_damage_gives_format_errors_only(kind):
    @given(st.data())
    def run(data):
        survives(damaged(CORPUS[kind], lambda n: data.draw(st.integers(0, n - 1))))

    assert survives(CORPUS[kind])
    run()


@given(st.lists(st.sampled_from([o.code.encode("latin-1") for o in pickletools.opcodes]) | st.binary(max_size=4)))
def test_random_opcodes_give_format_errors_only(parts):
    with contextlib.suppress(FormatError):
        unpickle(b"".join(parts) + b".", NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("runs", [2_000, pytest.param(200_000, marks=pytest.mark.long)])
def test_many_damaged_files(runs):
    rng = np.random.default_rng(0)
    whole = sum(
        survives(damaged(data, lambda n: int(rng.integers(n)))) for data in CORPUS.values() for _ in range(runs)
    )
    assert 0 < whole < runs * len(CORPUS)


def test_npz_and_its_limits(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(4.0), y=np.float32(2))
    found = load(tmp_path / "a.npz")
    assert sorted(found) == ["x", "y"] and found["y"].shape == () and found["x"].numpy().sum() == 6
    np.savez(tmp_path / "o.npz", x=np.array([{}]))
    with pytest.raises(FormatError, match="object"):
        load(tmp_path / "o.npz")
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(10**7))
    with pytest.raises(FormatError, match="bytes in a file of"):
        load(tmp_path / "bomb.npz")
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**50,)})
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + header.getvalue().removeprefix(b"\x93NUMPY\x01\x00"))
    with pytest.raises(FormatError, match="has shape"):
        load(tmp_path / "lie.npz")


def test_several_safetensors_files_by_their_index(tmp_path):
    save({"a": Tensor(np.ones(2))}, tmp_path / "1.safetensors")
    save({"b": Tensor(np.zeros(3))}, tmp_path / "2.safetensors")
    places = {"b": "2.safetensors", "a": "1.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    found = load(index)
    assert list(found) == ["b", "a"] and found["a"].shape == (2,)
    for forged in ("../1.safetensors", "/etc/passwd", "3.safetensors", "."):
        index.write_text(json.dumps({"weight_map": {**places, "c": forged}}))
        with pytest.raises(FormatError, match="the index names"):
            load(index)
    index.write_text(json.dumps({"weight_map": {**places, "c": "1.safetensors"}}))
    with pytest.raises(FormatError, match="c is in none"):
        load(index)


def test_hdf5_without_links_to_other_files(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.ones(3)
    with h5py.File(tmp_path / "k.h5", "w") as file:
        file["dense/kernel:0"] = np.arange(6.0).reshape(2, 3)
        file["stolen"] = h5py.ExternalLink("other.h5", "secret")
        file["text"] = "words"
    found = load(tmp_path / "k.h5")
    assert list(found) == ["dense/kernel:0"] and found["dense/kernel:0"].shape == (2, 3)


BIG = """
import sys
import numpy as np
import autograd
path = sys.argv[1]
if len(sys.argv) > 2:
    autograd.save({"a": autograd.Tensor(np.ones(1 << 27, "f4")), "b": autograd.Tensor(np.ones(1 << 27, "f4"))}, path)
else:
    assert float(autograd.load(path)["b"].numpy()[-1]) == 1
# the peak of this program alone: getrusage would report the test process's, from before the exec
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
def test_a_file_of_one_gigabyte_needs_its_size_once(tmp_path, name):
    for arguments in ([str(tmp_path / name), "save"], [str(tmp_path / name)]):
        run = subprocess.run([sys.executable, "-c", BIG, *arguments], capture_output=True, text=True, check=True)
        assert int(run.stdout) * 1024 < 1.3 * (1 << 30)
    (tmp_path / name).unlink()
