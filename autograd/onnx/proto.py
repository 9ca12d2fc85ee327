"""The onnx library, and what is read from its messages with the care that a foreign file needs."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import FormatError, MissingExtraError


def library() -> Any:
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise MissingExtraError("ONNX files need the package onnx: pip install 'cygrad[onnx]'") from None
    return onnx


def operator_set(domain: str) -> str:
    """The default domain has two spellings."""
    return "" if domain == "ai.onnx" else domain


def array_of(tensor: Any) -> np.ndarray:
    """The array of a TensorProto, whose dimensions must agree with its bytes."""
    onnx = library()
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise FormatError(f"{tensor.name!r} lies in another file; load(..., external_data=True) reads those beside it")
    if tensor.data_type == onnx.TensorProto.STRING:
        return np.array([s.decode() for s in tensor.string_data], dtype=object).reshape(tuple(tensor.dims))
    count = math.prod(tensor.dims)
    if min(tensor.dims, default=0) < 0 or count > 1 << 40:
        raise FormatError(f"{tensor.name!r} has dimensions {tuple(tensor.dims)}")
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        packed = dtype.name.endswith(("int4", "int2", "4_e2m1fn")) or dtype.name.startswith("float4")
        if tensor.HasField("raw_data") and not packed and len(tensor.raw_data) != count * dtype.itemsize:
            raise FormatError(f"{tensor.name!r} has {len(tensor.raw_data)} bytes, but shape {tuple(tensor.dims)}")
        return np.array(onnx.numpy_helper.to_array(tensor))
    except FormatError:
        raise
    except Exception as error:
        raise FormatError(f"{tensor.name!r}: {error}") from None


def read_model(path: str | os.PathLike[str] | bytes | Any, external_data: bool) -> tuple[Any, dict[str, np.ndarray]]:
    """The ModelProto of a file, and the arrays by name that lie in other files.

    Those are mapped into memory, copied page by page where they are written, so a large model starts at once; only on
    request, and only from plain files in the same folder.
    """
    onnx = library()
    mapped: dict[str, np.ndarray] = {}
    if isinstance(path, onnx.ModelProto):
        return path, mapped
    data = path if isinstance(path, bytes) else Path(path).read_bytes()
    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:
        raise FormatError(f"not an ONNX model: {error}") from None
    if not model.graph.node and not model.graph.output:
        raise FormatError("not an ONNX model: it has no graph")
    if external_data and not isinstance(path, bytes):
        folder = Path(path).parent
        for tensor in _tensors(model.graph):
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                mapped[tensor.name] = _map_external(tensor, folder)
    return model, mapped


def _tensors(graph: Any) -> Any:
    """All constants of a graph and of the graphs inside."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from ([attribute.t] if attribute.HasField("t") else [])
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)


def _map_external(tensor: Any, folder: Path) -> np.ndarray:
    shape, dtype = tuple(tensor.dims), library().helper.tensor_dtype_to_np_dtype(tensor.data_type)
    fields = {e.key: e.value for e in tensor.external_data}
    name = fields.get("location", "")
    path = folder / name
    if Path(name).name != name or name in ("", ".", "..") or path.is_symlink() or not path.is_file():
        raise FormatError(f"{tensor.name!r} lies in {name!r}, which is not a plain file beside the model")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if facts.st_nlink > 1:
            raise FormatError(f"{tensor.name!r} lies in {name!r}, which has another name elsewhere (a hard link)")
        try:
            offset = int(fields.get("offset", 0))
            length = int(fields.get("length", facts.st_size - offset))
        except ValueError:
            raise FormatError(f"{tensor.name!r}: offset and length are no numbers") from None
        if offset < 0 or length < 0 or offset + length > facts.st_size:
            raise FormatError(f"{tensor.name!r}: bytes {offset} to {offset + length} of {facts.st_size} in {name!r}")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != length:
            raise FormatError(f"{tensor.name!r} has {length} bytes, but shape {shape}")
        return np.asarray(np.memmap(file, dtype, "c", offset, shape)) if length else np.zeros(shape, dtype)
