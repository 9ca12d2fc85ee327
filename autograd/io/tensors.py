"""safetensors files: named arrays with a checksum, read and written with the official library."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import DTypeError, FormatError, MissingExtraError
from autograd.io.atomic import write_atomically
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
MAGICS = {
    b"PK\x03\x04": "a zip archive (a PyTorch .pt file, or .npz?)",
    b"\x80\x02": "a pickle, which is never read",
    b"\x80\x04": "a pickle, which is never read",
    b"\x93NUMP": "a NumPy file; use np.load",
    b"\x89HDF": "an HDF5 file",
}


def library() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise MissingExtraError("safetensors files need the package safetensors: pip install 'cygrad[io]'") from None
    return safetensors


def pack(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file, checksum included."""
    dense = {}
    for name, array in arrays.items():
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
        if array.dtype.str not in KINDS.values():
            raise DTypeError(f"save: {name} has dtype {array.dtype}, which safetensors cannot hold")
        dense[name] = array
    full = {**metadata, CHECKSUM: checksum(dense, metadata)}
    return library().numpy.save(dense, full)  # type: ignore[no-any-return]


def unpack(data: bytes, what: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(arrays, metadata) of the bytes of a safetensors file; FormatError unless it is whole and unchanged."""
    found = next((kind for magic, kind in MAGICS.items() if data.startswith(magic)), None)
    if found:
        raise FormatError(f"{what}: not a safetensors file but {found}")
    tool = library()
    try:
        parts = tool.deserialize(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (tool.SafetensorError, ValueError, RecursionError, TypeError) as error:
        raise FormatError(f"{what}: not a whole safetensors file ({len(data)} bytes): {error}") from None
    metadata = header.get("__metadata__") or {}
    arrays = {name: _array(name, part, what) for name, part in parts}
    expected = metadata.pop(CHECKSUM, None)
    if expected is not None and expected != checksum(arrays, metadata):
        raise FormatError(f"{what}: the checksum does not match; the file was changed or damaged")
    return arrays, metadata


def _array(name: str, part: Mapping[str, Any], what: str) -> np.ndarray:
    """A writable array in native byte order; bfloat16 becomes float32."""
    kind, shape, data = part["dtype"], tuple(part["shape"]), part["data"]
    if kind == "BF16":
        halves = np.frombuffer(data, "<u2").astype(np.uint32)
        return (halves << 16).view(np.float32).reshape(shape)
    if kind not in KINDS:
        raise FormatError(f"{what}: {name} has dtype {kind}, which is not supported ({', '.join(KINDS)}, BF16)")
    array = np.frombuffer(data, KINDS[kind]) if len(data) else np.empty(0, KINDS[kind])
    return array.reshape(shape).astype(array.dtype.newbyteorder("="), copy=not array.flags.writeable)


def checksum(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """Fingerprint of names, dtypes, shapes, contents and metadata, in an order of its own."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps(sorted((k, v) for k, v in metadata.items() if k != CHECKSUM)).encode())
    for name in sorted(arrays):
        array = arrays[name]
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(json.dumps([name, little.dtype.str, list(array.shape)]).encode())
        digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def read(path: str | os.PathLike[str]) -> bytes:
    """A file's bytes. Missing or unreadable: the system's error; anything else: FormatError."""
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        raise FormatError(f"{os.fspath(path)}: cannot be read: {error.strerror}") from None


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
    write_atomically(filename, [pack(arrays, dict(metadata or {}))])


def load_file(filename: str | os.PathLike[str], device: str = "cpu") -> dict[str, Tensor]:
    """Tensors by name from a safetensors file, whoever wrote it; a checksum, where there is one, is verified.

    bfloat16 becomes float32. Errors: FormatError for a file that is truncated, damaged or something else.
    """
    if str(device) != "cpu":
        raise ValueError(f"load_file: tensors live on the CPU only, got device={device!r}")
    arrays, _ = unpack(read(filename), os.fspath(filename))
    return {name: Tensor(array) for name, array in arrays.items()}
