"""save and load: nested plain containers of tensors, in one safetensors file.

The tensors are stored under their flattened paths ("model.conv1.weight"), so other safetensors tools can read them;
what holds them is JSON in the file's metadata. A state dict is thus an ordinary safetensors file.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import FormatError
from autograd.io.arrays import read_hdf5, read_npz
from autograd.io.atomic import write_atomically
from autograd.io.stream import opened
from autograd.io.tensors import load_file, pack, read_safetensors
from autograd.io.torch_file import read_legacy, read_zip
from autograd.io.torch_write import torch_archive
from autograd.tensor import Tensor

STRUCTURE = "autograd.structure"
DEPTH = 64  # nesting that save accepts and load believes
INDEX_LIMIT = 1 << 26  # bytes of an index of several files
STATE_KEYS = ("state_dict", "model_state_dict", "model", "net")
WRAPPERS = ("module.", "_orig_mod.")


class _Writer:
    """Turns an object into JSON, collecting its arrays by path.

    Numbers, strings and None stand for themselves, everything else is {kind: content}.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.names: dict[tuple[int, str], str] = {}
        self.kept: list[Any] = []

    def node(self, value: Any, path: tuple[str, ...]) -> Any:
        if len(path) > DEPTH:
            raise ValueError(f"save: {'.'.join(path[:4])}... is nested more than {DEPTH} deep; does it contain itself?")
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, np.generic):
            return {"scalar": self.array(np.asarray(value), path, id(value))}
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, Tensor):
            return {"tensor": self.array(value.array, path, id(value.array), "tensor")}
        if isinstance(value, np.ndarray):
            return {"array": self.array(value, path, id(value), "array")}
        if isinstance(value, (bytes, bytearray)):
            return {"bytes": self.array(np.frombuffer(bytes(value), np.uint8), path, id(value))}
        if isinstance(value, Mapping):
            pairs = [[self.key(k, path), self.node(v, (*path, str(k)))] for k, v in value.items()]
            return {"dict": pairs}
        if isinstance(value, (list, tuple)):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return {kind: [self.node(v, (*path, str(i))) for i, v in enumerate(value)]}
        raise TypeError(
            f"save: {'.'.join(path) or 'the object'} is a {type(value).__name__}; only dicts, lists, tuples, tensors, "
            "arrays, numbers, strings and bytes can be saved" + _cure(value)
        )

    def key(self, key: Any, path: tuple[str, ...]) -> Any:
        if isinstance(key, tuple):
            return {"tuple": [self.key(k, path) for k in key]}
        if key is None or (isinstance(key, (bool, int, str, float)) and not isinstance(key, np.generic)):
            return self.node(key, path)
        raise TypeError(f"save: {'.'.join(path) or 'the dict'} has the key {key!r}; expected strings or numbers")

    def array(self, array: np.ndarray, path: tuple[str, ...], identity: int, kind: str = "") -> str:
        """The name under which an array is stored; the same one for what is met twice."""
        known = self.names.get((identity, kind)) if kind else None
        if known is not None:
            return known
        plain = name = ".".join(path) or "tensor"
        count = 1
        while name in self.arrays or name == "__metadata__":
            count += 1
            name = f"{plain}#{count}"
        self.arrays[name] = array
        self.kept.append(array)  # an identity is one only while the object lives
        if kind:
            self.names[identity, kind] = name
        return name


def _cure(value: Any) -> str:
    return "; save its state_dict()" if hasattr(value, "state_dict") else ""


class _Reader:
    """The inverse: JSON and arrays into the object."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = arrays
        self.tensors: dict[str, Tensor] = {}

    def node(self, spec: Any, depth: int = 0) -> Any:
        if depth > DEPTH:
            raise FormatError(f"nested more than {DEPTH} deep")
        if not isinstance(spec, dict):
            if isinstance(spec, list):
                raise FormatError("a list without a kind")
            return spec
        ((kind, content),) = spec.items()
        if kind in ("dict", "list", "tuple") and not isinstance(content, list):
            raise FormatError(f"a {kind} whose content is no list")
        if kind == "tensor":
            if content not in self.tensors:
                self.tensors[content] = Tensor(self.arrays[content])
            return self.tensors[content]
        if kind == "array":
            return self.arrays[content]
        if kind == "scalar":
            return self.arrays[content][()]
        if kind == "bytes":
            return self.arrays[content].tobytes()
        if kind == "float":
            return float(content)
        if kind == "dict":
            return {self.node(k): self.node(v, depth + 1) for k, v in content}
        if kind in ("list", "tuple"):
            values = [self.node(v, depth + 1) for v in content]
            return tuple(values) if kind == "tuple" else values
        raise FormatError(f"unknown kind {kind!r}")


def save(obj: Any, f: Any) -> None:
    """Stores dicts, lists, tuples, tensors, arrays, numbers, strings and bytes, nested as you like, in one file.

    f: a path (written atomically: after a crash, a kill or a full disk the old file is still there, whole) or an
    open binary file. A path that ends in .pt or .pth gets PyTorch's format, which torch.load opens; anything else is a
    safetensors file with a checksum. Tensors are stored without history.
    Errors: TypeError naming what cannot be stored; the system's.
    """
    if not hasattr(f, "write") and os.fspath(f).endswith((".pt", ".pth")):
        write_atomically(f, torch_archive(obj))
        return
    writer = _Writer()
    structure = json.dumps(writer.node(obj, ()), allow_nan=False, separators=(",", ":"))
    parts = pack(writer.arrays, {STRUCTURE: structure})
    if hasattr(f, "write"):
        for part in parts:
            f.write(part)
    else:
        write_atomically(f, parts)


def load(f: Any, map_location: Any = None, *, weights_only: bool = True, mmap: Any = None) -> Any:
    """What save stored; of other programs' files the tensors, by name or in the containers that held them.

    f: a path or an open binary file: safetensors (also the index of several), PyTorch's .pt and .pth (both formats,
    read without torch or pickle: tensors and plain containers, nothing that could run), .npz, HDF5 (with h5py).
    The format is found out by the content. map_location, weights_only and mmap are PyTorch's: all is on the CPU and
    in memory, and nothing but plain data is ever read.
    Errors: FormatError if the file is truncated, damaged or no such file at all.
    """
    if map_location is not None and str(map_location).partition(":")[0] != "cpu":
        raise ValueError(f"load: tensors live on the CPU only, got map_location={map_location!r}")
    with opened(f) as (stream, size):
        start = stream.read(8)
        stream.seek(0)
        if start.startswith(b"PK\x03\x04"):
            names = zipfile.ZipFile(stream).namelist()
            npz = bool(names) and all(name.endswith(".npy") for name in names)
            return read_npz(stream, size) if npz else read_zip(stream, size)
        if start.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
            return read_legacy(stream, size)
        if start.startswith(b"\x89HDF"):
            return read_hdf5(stream)
        if start.startswith(b"\x93NUMPY"):
            raise FormatError("a NumPy file of one array; use np.load")
        if start.startswith(b"{"):
            return _sharded(stream, size, f)
        arrays, metadata = read_safetensors(stream, size)
        structure = metadata.get(STRUCTURE)
        if structure is None:
            return {name: Tensor(array) for name, array in arrays.items()}
        try:
            return _Reader(arrays).node(json.loads(structure))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FormatError(f"the description of the content makes no sense: {error}") from None


def _sharded(stream: Any, size: int, f: Any) -> dict[str, Tensor]:
    """The tensors of the safetensors files that an index names, which lie beside it."""
    if size > INDEX_LIMIT or hasattr(f, "read"):
        raise FormatError("no index of safetensors files that has a path")
    places = json.loads(stream.read())["weight_map"]
    folder, found = Path(f).parent, {}
    for shard in sorted(set(places.values())):
        path = folder / shard
        if Path(shard).name != shard or path.is_symlink():
            raise FormatError(f"the index names {shard!r}, which is not a file beside it")
        if not path.is_file():
            raise FormatError(f"the index names {shard!r}, which is missing")
        found.update(load_file(path))
    missing = sorted(set(places) - set(found))
    if missing:
        raise FormatError(f"{missing[0]} is in none of the files that the index names")
    return {name: found[name] for name in places}


def load_weights(path: Any) -> dict[str, Tensor]:
    """The state dict in a file of any of the formats of `load`.

    Looked for at the top and under the usual keys ("state_dict", "model", ...); prefixes that wrappers put before every
    name ("module.", "_orig_mod.") are taken off. FormatError if there are no tensors by name.
    """
    state = load(path)
    for _ in range(2):  # a checkpoint may hold the model's state beside the optimizer's
        inner = [state[key] for key in STATE_KEYS if isinstance(state, Mapping) and isinstance(state.get(key), Mapping)]
        state = inner[0] if inner else state
    if not isinstance(state, Mapping) or not any(isinstance(v, Tensor) for v in state.values()):
        raise FormatError(f"{path}: holds no tensors by name")
    weights = {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
    for prefix in WRAPPERS:
        if all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights
