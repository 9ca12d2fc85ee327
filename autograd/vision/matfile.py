"""Reader of numeric arrays in MAT-files of level 5 (MATLAB 5 to 7.2): "MAT-File Format", The MathWorks, chapter 1."""

from __future__ import annotations

import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import FormatError

MAX_BYTES = 1 << 32
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_MATRIX, _COMPRESSED = 14, 15


def read_mat(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> dict[str, NDArray[Any]]:
    """The real numeric arrays by name; other kinds (cells, structures, text) are left out.

    Raises FormatError, naming the file, if it is damaged, of another level, or unpacks to more than max_bytes.
    """
    content = Path(path).read_bytes()
    try:
        order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
        if order is None or content[124:126] not in (b"\0\1", b"\1\0"):
            raise FormatError("not a MAT-file of level 5")
        arrays: dict[str, NDArray[Any]] = {}
        at = 128
        while at < len(content):
            kind, body, at = _element(content, at, order)
            if kind == _COMPRESSED:
                unpacker = zlib.decompressobj()
                whole = unpacker.decompress(body, max_bytes)
                if unpacker.unconsumed_tail:
                    raise FormatError(f"an array of more than {max_bytes} bytes")
                kind, body, _ = _element(whole, 0, order)
            if kind == _MATRIX and (named := _matrix(body, order)):
                arrays[named[0]] = named[1]
        return arrays
    except (struct.error, zlib.error, ValueError) as error:
        raise FormatError(f"{os.fspath(path)}: {error}") from None


def _element(content: bytes, at: int, order: str) -> tuple[int, bytes, int]:
    """Type, bytes and end of the data element at an offset; elements are padded to 8 bytes, but compressed ones."""
    kind, size = struct.unpack_from(order + "II", content, at)
    if kind >> 16:  # a small one: size and type share a word, and the data are the other one
        kind, size = kind & 0xFFFF, kind >> 16
        return kind, content[at + 4 : at + 4 + size], at + 8
    body = content[at + 8 : at + 8 + size]
    if len(body) < size:
        raise FormatError(f"truncated: {len(body)} bytes where {size} belong")
    end = at + 8 + size
    return kind, body, end if kind == _COMPRESSED else end + -end % 8


def _matrix(body: bytes, order: str) -> tuple[str, NDArray[Any]] | None:
    _, flags, at = _element(body, 0, order)
    word = struct.unpack(order + "I", flags[:4])[0]
    _, sizes, at = _element(body, at, order)
    _, name, at = _element(body, at, order)
    kind, complex_ = word & 0xFF, word & 0x800
    if kind not in _CLASSES or complex_:
        return None
    stored, values, _ = _element(body, at, order)
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    if stored not in _TYPES or min(shape, default=0) < 0:
        raise FormatError(f"array {name!r} of type {stored} and shape {shape}")
    array = np.frombuffer(values, order + _TYPES[stored])
    if array.size != math.prod(shape):
        raise FormatError(f"array {name!r} has {array.size} values for shape {shape}")
    return name.decode("latin-1"), array.reshape(shape, order="F").astype(_CLASSES[kind])
