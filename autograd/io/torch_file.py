"""PyTorch's .pt and .pth files, the zip archives of today and the older format, read without torch and pickle.

An archive holds data.pkl (containers and descriptions of tensors) and a file of raw numbers per storage. Every size is
checked against the file before memory is taken. Source: torch/serialization.py, torch/_utils.py.
"""

from __future__ import annotations

import os
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from autograd import halves
from autograd.dtypes import Size
from autograd.errors import FormatError
from autograd.halves import is_float
from autograd.io.stream import Limited, fill
from autograd.io.unpickle import Name, unpickle
from autograd.tensor import Tensor

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_VERSION = 1001
PICKLE_LIMIT = 1 << 28  # bytes of the pickle itself, which holds no numbers
VIEW_LIMIT = 1 << 20  # elements by which an expanded tensor may exceed its storage

# Storage class -> dtype of its elements; "bf16" is none of NumPy's.
STORAGES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": "bf16", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "b1",
}  # fmt: skip
DTYPES = {
    "float32": "f4", "float64": "f8", "float16": "f2", "bfloat16": "bf16", "int64": "i8", "int32": "i4", "int16": "i2",
    "int8": "i1", "uint8": "u1", "bool": "b1", "uint16": "u2", "uint32": "u4", "uint64": "u8",
}  # fmt: skip


class DType(str):
    """A torch dtype as the file names it; a str, so that it can be compared and printed."""


class Storage:
    """Numbers of one kind in a row; filled when first asked for."""

    def __init__(self, kind: str, length: int, read: Callable[[np.ndarray], None]) -> None:
        self.kind = kind
        self.dtype = halves.bfloat16 if kind == "bf16" else np.dtype(kind)
        self.length = length
        self._read = read
        self._array: np.ndarray | None = None

    def array(self) -> np.ndarray:
        if self._array is None:
            array = np.empty(self.length, self.dtype)
            self._read(array)
            self._array = array
        return self._array


def _natural(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 60:
        raise FormatError(f"{value!r} where a size is expected")
    return value


def _rebuild(storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, *_: Any) -> Tensor:
    """The tensor that views a storage by strides."""
    if type(storage) is not Storage or not isinstance(size, tuple) or not isinstance(stride, tuple):
        raise FormatError("a tensor without a storage, sizes and strides")
    shape, strides = tuple(map(_natural, size)), tuple(map(_natural, stride))
    if len(shape) != len(strides) or len(shape) > 32:
        raise FormatError(f"a tensor of size {shape} with strides {strides}")
    count = 1
    for n in shape:
        count *= n
    end = _natural(offset) + sum((n - 1) * s for n, s in zip(shape, strides)) + 1 if count else 0
    if end > storage.length or count > storage.length + VIEW_LIMIT:
        raise FormatError(f"a tensor of size {shape} that does not fit its storage of {storage.length} elements")
    if not count:
        return Tensor(np.empty(shape, storage.dtype), bool(requires_grad))
    flat = storage.array()[offset:]
    view = np.lib.stride_tricks.as_strided(flat, shape, [s * flat.itemsize for s in strides])
    view = view.copy() if count > storage.length else view  # overlapping: each element its own memory
    return Tensor(view, bool(requires_grad) and is_float(view.dtype))


def _rebuild_v3(
    storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, *_: Any
) -> Tensor:
    """As _rebuild, over a storage of bytes that the tensor's dtype interprets."""
    if type(storage) is not Storage or storage.kind != "u1" or type(dtype) is not Name:
        raise FormatError("a tensor without bytes and a dtype")
    kind = DTYPES[dtype.meaning]
    typed = Storage(kind, 0, lambda raw: np.copyto(raw.view(np.uint8), storage.array()[: raw.nbytes]))
    typed.length = storage.length // typed.dtype.itemsize
    return _rebuild(typed, offset, size, stride, grad)


def _rebuild_parameter(data: Any, requires_grad: Any = True, *_: Any) -> Tensor:
    if type(data) is not Tensor:
        raise FormatError("a parameter without a tensor")
    return data.requires_grad_() if requires_grad and is_float(data.dtype) else data


class _NumpyDType:
    """numpy.dtype as pickles spell it: the kind first, the byte order as state."""

    def __init__(self, text: Any, *_: Any) -> None:
        if not isinstance(text, str) or text[:1] not in "fiub":
            raise FormatError(f"a NumPy dtype {text!r}")
        self.dtype = np.dtype(text)

    def set_pickled_state(self, state: Any) -> None:
        if type(state) is not tuple or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise FormatError("a NumPy dtype with a strange byte order")
        self.dtype = self.dtype.newbyteorder(state[1])


def _numpy_scalar(dtype: Any, data: Any) -> Any:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if type(dtype) is not _NumpyDType or type(raw) is not bytes or len(raw) != dtype.dtype.itemsize:
        raise FormatError("a NumPy scalar of the wrong size")
    return np.frombuffer(raw, dtype.dtype)[0].astype(dtype.dtype.newbyteorder("="))


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    """How protocol 2 spells bytes."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise FormatError("bytes in a strange encoding")
    return text.encode("latin-1")


def _ordered(pairs: Any = ()) -> OrderedDict:
    if not isinstance(pairs, (list, tuple)) or pairs:
        raise FormatError("an OrderedDict made of something")
    return OrderedDict()


def _size(sizes: Any) -> Size:
    return Size(map(_natural, tuple(sizes) if isinstance(sizes, (list, tuple)) else ()))


NAMES: dict[str, Any] = {
    "collections.OrderedDict": _ordered,
    "torch._utils._rebuild_tensor": _rebuild,
    "torch._utils._rebuild_tensor_v2": _rebuild,
    "torch._utils._rebuild_tensor_v3": _rebuild_v3,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
    "torch.Size": _size,
    "torch.device": lambda kind, index=None: str(kind),
    "torch.storage.UntypedStorage": "u1",
    "torch.UntypedStorage": "u1",
    "_codecs.encode": _encoded,
    "numpy.dtype": _NumpyDType,
    "numpy.core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray.scalar": _numpy_scalar,
    **{f"torch.{name}": kind for name, kind in STORAGES.items()},
    **{f"torch.{name}": DType(name) for name in DTYPES},
}


class _Storages:
    """Makes and keeps the storages that persistent ids name."""

    def __init__(self, size: int, make: Callable[[str, str, int], Storage]) -> None:
        self.size = size
        self.make = make
        self.known: dict[str, Storage] = {}

    def __call__(self, identity: Any) -> Storage:
        if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage":
            raise FormatError(f"a persistent id {str(identity)[:60]!r}, not a storage")
        kind, key, length = identity[1], identity[2], _natural(identity[4])
        if type(kind) is not Name or kind.meaning not in (*STORAGES.values(),) or type(key) is not str:
            raise FormatError("a storage of no known kind")
        if len(identity) == 6 and identity[5] is not None:
            raise FormatError("a view of a storage, which PyTorch wrote before version 0.4")
        if key not in self.known:
            self.known[key] = self.make(key, kind.meaning, length)
        if length * self.known[key].dtype.itemsize > self.size:
            raise FormatError(f"a storage of {length} elements in a file of {self.size} bytes")
        if (self.known[key].kind, self.known[key].length) != (kind.meaning, length):
            raise FormatError(f"storage {key!r} is described in two ways")
        return self.known[key]


def read_zip(stream: BinaryIO, size: int) -> Any:
    """The object in a zip archive of torch.save. Storages are read when a tensor needs them."""
    archive = zipfile.ZipFile(stream)
    names = set(archive.namelist())
    pickles = [n for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise FormatError("a zip archive without one data.pkl; torch.save makes those")
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}constants.pkl" in names:
        raise FormatError("a TorchScript archive, which holds code; save the state_dict() of the original model")
    order = archive.read(_stored(archive, f"{root}byteorder", 16)) if f"{root}byteorder" in names else b"little"
    if order not in (b"little", b"big"):
        raise FormatError("neither little nor big byte order")

    def make(key: str, kind: str, length: int) -> Storage:
        def read(raw: np.ndarray) -> None:
            info = _stored(archive, f"{root}data/{key}", size)
            if info.file_size != raw.nbytes:
                raise FormatError(f"storage {key!r} has {info.file_size} bytes, expected {raw.nbytes}")
            with archive.open(info) as member:
                fill(member, raw, order.decode())

        return Storage(kind, length, read)

    return unpickle(archive.read(_stored(archive, pickles[0], PICKLE_LIMIT)), NAMES, _Storages(size, make))


def _stored(archive: zipfile.ZipFile, name: str, limit: int) -> zipfile.ZipInfo:
    """A member that is not compressed, as torch.save writes them, and no larger than the limit."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise FormatError(f"{name} is missing") from None
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > limit or info.file_size != info.compress_size:
        raise FormatError(f"{name} is compressed or too large")
    return info


def read_legacy(stream: BinaryIO, size: int) -> Any:
    """The object in a file of torch.save before version 1.6: pickles, then the storages one after another."""
    limited = Limited(stream, size)
    if unpickle(limited, {}) != LEGACY_MAGIC:
        raise FormatError("a pickle that torch.save did not write; nothing else is read")
    if unpickle(limited, {}) != LEGACY_VERSION:
        raise FormatError("an unknown version of PyTorch's old format")
    facts = unpickle(limited, {})
    order = "little" if not isinstance(facts, dict) or facts.get("little_endian", True) else "big"
    start = limited.tell()
    places: dict[str, int] = {}

    def make(key: str, kind: str, length: int) -> Storage:
        def read(raw: np.ndarray) -> None:
            stream.seek(places[key])
            fill(limited, raw, order)

        return Storage(kind, length, read)

    storages = _Storages(size, make)
    unpickle(limited, NAMES | dict.fromkeys((n for n in NAMES if "_rebuild" in n), lambda *_: None), storages)
    end = limited.tell()
    for key in unpickle(limited, {}):
        storage = storages.known[key]
        if int.from_bytes(limited.read(8), order) != storage.length:  # type: ignore[arg-type]
            raise FormatError(f"storage {key!r} has another length than its tensors expect")
        places[key] = limited.tell()
        stream.seek(storage.length * storage.dtype.itemsize, os.SEEK_CUR)
    if limited.tell() > size or set(places) != set(storages.known):
        raise FormatError("the storages do not fit the file")
    stream.seek(start)  # now that it is known where the numbers are, the tensors can be made
    return unpickle(limited.read(end - start), NAMES, storages)
