"""safetensors files: named arrays with a checksum. The official library judges whether a file is sound.

Numbers go straight between the arrays and the file: neither reading nor writing needs the file's size in memory again.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograd import halves
from autograd.errors import DTypeError, FormatError, MissingExtraError
from autograd.io.atomic import Buffer, write_atomically
from autograd.io.stream import fill, opened
from autograd.tensor import Tensor

CHECKSUM = "autograd.checksum"

KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
NAMES = {kind: name for name, kind in KINDS.items()} | {"<V2": "BF16"}
OTHERS = {
    b"PK\x03\x04": "a zip archive; autograd.load opens those of torch.save and np.savez",
    b"\x80": "a pickle; autograd.load opens those of torch.save",
    b"\x89HDF": "an HDF5 file; autograd.load opens it",
    b"\x93NUMP": "a NumPy file; use np.load",
}


def library() -> Any:
    try:
        import safetensors
    except ImportError:
        raise MissingExtraError("safetensors files need the package safetensors: pip install 'cygrad[io]'") from None
    return safetensors


# ---------------------------------------------------------------------------------------------- writing


def pack(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> list[Buffer]:
    """The pieces of a safetensors file, checksum included: the header, then the memory of each array."""
    library()
    dense = {name: _little_endian(name, array) for name, array in arrays.items()}
    order = sorted(dense, key=lambda name: (-dense[name].itemsize, name))  # so every array is aligned
    header: dict[str, Any] = {"__metadata__": {**metadata, CHECKSUM: checksum(dense, metadata)}}
    start = 0
    for name in order:
        array = dense[name]
        end = start + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype.str], "shape": array.shape, "data_offsets": (start, end)}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little") + text, *(_bytes(dense[name]) for name in order)]


def _little_endian(name: str, array: np.ndarray) -> np.ndarray:
    dense = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    if dense.dtype.str not in NAMES:
        raise DTypeError(f"save: {name} has dtype {array.dtype}, which safetensors cannot hold")
    return dense


def _bytes(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def checksum(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """Fingerprint of names, dtypes, shapes, contents and metadata, in an order of its own."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps(sorted((k, v) for k, v in metadata.items() if k != CHECKSUM)).encode())
    for name in sorted(arrays):
        array = arrays[name]
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(json.dumps([name, little.dtype.str, list(array.shape)]).encode())
        digest.update(_bytes(little))
    return digest.hexdigest()


def save_file(
    tensors: Mapping[str, Any], filename: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes tensors or arrays by name to a safetensors file, atomically, with a checksum of the content.

    metadata: text by name. Errors: DTypeError, and the system's (a full disk leaves the old file as it was).
    """
    arrays = {}
    for name, value in tensors.items():
        if not isinstance(name, str) or name == "__metadata__":
            raise TypeError(f"save_file: names must be strings other than '__metadata__', got {name!r}")
        arrays[name] = value.array if isinstance(value, Tensor) else np.asarray(value)
    write_atomically(filename, pack(arrays, dict(metadata or {})))


# ---------------------------------------------------------------------------------------------- reading


def read_safetensors(stream: Any, size: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(arrays, metadata) of a safetensors file; FormatError unless it is whole and unchanged."""
    header = _header(stream, size)
    metadata = header.pop("__metadata__", None) or {}
    origin = stream.tell()
    arrays = {}
    for name, part in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        stream.seek(origin + part["data_offsets"][0])
        arrays[name] = _read_array(stream, name, part)
    expected = metadata.pop(CHECKSUM, None)
    if expected is not None and expected != checksum(arrays, metadata):
        raise FormatError("the checksum does not match; the file was changed or damaged")
    return arrays, metadata


def _header(stream: Any, size: int) -> dict[str, Any]:
    """The header, which the official library has found sound: dtypes, shapes, and offsets that tile the file."""
    tool = library()
    start = stream.read(8)
    other = next((kind for magic, kind in OTHERS.items() if start.startswith(magic)), None)
    if other and int.from_bytes(start, "little") > size - 8:
        raise FormatError(f"not a safetensors file but {other}")
    length = int.from_bytes(start, "little")
    if length > size - 8:
        raise FormatError(f"not a whole safetensors file ({size} bytes)")
    try:
        header = json.loads(stream.read(length))
        origin = stream.tell()
        name = getattr(stream, "name", None)
        if isinstance(name, (str, os.PathLike)):
            tool.safe_open(name, framework="numpy")
        else:
            stream.seek(0)
            tool.deserialize(stream.read())
            stream.seek(origin)
        return dict(header)
    except (tool.SafetensorError, ValueError, RecursionError, TypeError, OSError) as error:
        raise FormatError(f"not a whole safetensors file ({size} bytes): {error}") from None


def _read_array(stream: Any, name: str, part: Mapping[str, Any]) -> np.ndarray:
    """A writable array in native byte order."""
    kind, shape, (start, end) = part["dtype"], tuple(part["shape"]), part["data_offsets"]
    if kind not in KINDS and kind != "BF16":
        raise FormatError(f"{name} has dtype {kind}, which is not supported ({', '.join(KINDS)}, BF16)")
    dtype = halves.bfloat16 if kind == "BF16" else np.dtype(KINDS[kind]).newbyteorder("=")
    if math.prod(shape) * dtype.itemsize != end - start:
        raise FormatError(f"{name} has shape {shape}, but {end - start} bytes")
    array = np.empty(shape, dtype)
    fill(stream, array)
    return array


def load_file(filename: str | os.PathLike[str], device: str = "cpu") -> dict[str, Tensor]:
    """Tensors by name from a safetensors file, whoever wrote it; a checksum, where there is one, is verified.

    Errors: FormatError for a file that is truncated, damaged or something else.
    """
    if str(device) != "cpu":
        raise ValueError(f"load_file: tensors live on the CPU only, got device={device!r}")
    with opened(filename) as (stream, size):
        arrays, _ = read_safetensors(stream, size)
    return {name: Tensor(array) for name, array in arrays.items()}
