"""Writing PyTorch's .pt format: a zip archive of a pickle that describes containers and tensors, and of raw numbers.

The pickle is made opcode by opcode, because the pickle module insists on importing the classes it names.
Source: torch/serialization.py; opcodes: the standard library's pickletools.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from autograd.errors import DTypeError
from autograd.io.torch_file import STORAGES
from autograd.tensor import Tensor

STORAGE_OF = {"bfloat16" if kind == "bf16" else np.dtype(kind).name: name for name, kind in STORAGES.items()}
DEPTH = 64
ALIGNMENT = 64


class _Pickler:
    """Writes protocol 2; collects the arrays, each once."""

    def __init__(self) -> None:
        self.out = bytearray(b"\x80\x02")
        self.arrays: list[np.ndarray] = []
        self.keys: dict[tuple[int, tuple[int, ...], tuple[int, ...], str], int] = {}

    def write(self, value: Any, path: tuple[str, ...] = ()) -> None:
        out = self.out
        if len(path) > DEPTH:
            raise ValueError(f"save: {'.'.join(path[:4])}... is nested more than {DEPTH} deep; does it contain itself?")
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool):
            out += b"N" if value is None else b"\x88" if value else b"\x89"
        elif isinstance(value, int):
            data = int(value).to_bytes((int(value).bit_length() + 8) // 8, "little", signed=True)
            if len(data) > 255:
                raise ValueError(f"save: {'.'.join(path)} is an integer of {len(data)} bytes, the format holds 255")
            out += b"\x8a" + bytes([len(data)]) + data  # LONG1
        elif isinstance(value, float):
            out += b"G" + struct.pack(">d", value)
        elif isinstance(value, str):
            data = value.encode("utf-8", "surrogatepass")
            out += b"X" + len(data).to_bytes(4, "little") + data
        elif isinstance(value, (bytes, bytearray)):
            self.call("_codecs", "encode", (bytes(value).decode("latin-1"), "latin1"), path)
        elif isinstance(value, (Tensor, np.ndarray)):
            self.tensor(value.array if isinstance(value, Tensor) else value, path)
        elif isinstance(value, Mapping):
            out += b"}("
            for key, item in value.items():
                self.write(key, (*path, str(key)))
                self.write(item, (*path, str(key)))
            out += b"u"
        elif isinstance(value, (list, tuple)):
            out += b"](" if isinstance(value, list) else b"("
            for i, item in enumerate(value):
                self.write(item, (*path, str(i)))
            out += b"e" if isinstance(value, list) else b"t"
        else:
            cure = "; save its state_dict()" if hasattr(value, "state_dict") else ""
            raise TypeError(
                f"save: {'.'.join(path) or 'the object'} is a {type(value).__name__}; only dicts, lists, tuples, "
                f"tensors, arrays, numbers, strings and bytes can be saved{cure}"
            )

    def call(self, module: str, name: str, arguments: tuple, path: tuple[str, ...]) -> None:
        self.out += f"c{module}\n{name}\n".encode()
        self.write(arguments, path)
        self.out += b"R"

    def tensor(self, array: np.ndarray, path: tuple[str, ...]) -> None:
        """torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)"""
        name = STORAGE_OF.get(array.dtype.name)
        if name is None:
            raise DTypeError(f"save: {'.'.join(path)} has dtype {array.dtype}, which PyTorch's format cannot hold")
        identity = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if identity not in self.keys:
            self.keys[identity] = len(self.arrays)
            self.arrays.append(array)
        strides = [int(np.prod(array.shape[i + 1 :])) for i in range(array.ndim)]
        self.out += (
            b"ctorch._utils\n_rebuild_tensor_v2\n((" + b"X\x07\x00\x00\x00storage" + f"ctorch\n{name}\n".encode()
        )
        self.write(str(self.keys[identity]), path)
        self.write("cpu", path)
        self.write(array.size, path)
        self.out += b"tQ"  # the storage, by its persistent id
        self.write(0, path)
        self.write(array.shape, path)
        self.write(tuple(strides), path)
        self.out += b"\x89ccollections\nOrderedDict\n)RtR"


class _Sink(io.RawIOBase):
    """A stream that only remembers what was written since it was last drained."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        self.position += len(self.parts[-1])
        return len(self.parts[-1])

    def tell(self) -> int:
        return self.position

    def drain(self) -> list[bytes]:
        parts, self.parts = self.parts, []
        return parts


def torch_archive(obj: Any) -> Iterator[bytes]:
    """The bytes of a .pt file, piece by piece."""
    pickler = _Pickler()
    pickler.write(obj)
    pickler.out += b"."
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]
        for name, data in (("data.pkl", bytes(pickler.out)), ("byteorder", b"little"), ("version", b"3\n")):
            archive.writestr(f"archive/{name}", data)
        for key, array in enumerate(pickler.arrays):
            dense = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            with archive.open(_aligned(f"archive/data/{key}", sink.tell()), "w", force_zip64=True) as member:
                view = dense.reshape(-1).view(np.uint8).data
                for start in range(0, len(view), 1 << 22):
                    member.write(view[start : start + (1 << 22)])
                    yield from sink.drain()
    yield from sink.drain()


def _aligned(name: str, position: int) -> zipfile.ZipInfo:
    """An entry whose data begins at a multiple of 64 bytes (for mmap), by an extra field."""
    info = zipfile.ZipInfo(name)
    fixed = 30 + len(name) + 20 + 4  # the local header, its name, its 64-bit sizes, the extra field's own header
    padding = -(position + fixed) % ALIGNMENT
    info.extra = struct.pack("<HH", 0x4246, padding) + b"Z" * padding
    return info
