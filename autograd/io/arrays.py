"""Arrays by name in the files of other tools: NumPy's .npz and HDF5 (Keras weights)."""

from __future__ import annotations

import math
import zipfile
from typing import Any

import numpy as np

from autograd.errors import FormatError, MissingExtraError
from autograd.io.stream import fill
from autograd.tensor import Tensor

INFLATION = 100  # how many times larger than the file its contents may be
SLACK = 1 << 24


def read_npz(stream: Any, size: int) -> dict[str, Tensor]:
    """The arrays of np.savez or np.savez_compressed; objects are refused, being pickles."""
    archive = zipfile.ZipFile(stream)
    members = archive.infolist()
    total = sum(info.file_size for info in members)
    if total > INFLATION * size + SLACK:
        raise FormatError(f"{total} bytes in a file of {size}")
    return {info.filename.removesuffix(".npy"): Tensor(_read_npy(archive, info)) for info in members}


def _read_npy(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise FormatError(f"{info.filename}: npy version {version}")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(member)
        if dtype.kind not in "fiub":
            raise FormatError(f"{info.filename}: has dtype {dtype}, expected numbers")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != info.file_size - member.tell():
            raise FormatError(f"{info.filename}: has shape {shape}, but {info.file_size - member.tell()} bytes")
        array = np.empty(shape, dtype.newbyteorder("="), order="F" if fortran else "C")
        fill(member, array.T if fortran else array, "big" if dtype.byteorder == ">" else "little")
    return array


def read_hdf5(stream: Any) -> dict[str, Tensor]:
    """The data sets of an HDF5 file by path; links to other files are not followed."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("HDF5 files (Keras weights) need the package h5py: pip install h5py") from None
    found: dict[str, Tensor] = {}
    with h5py.File(stream, "r") as file:
        pending = [("", file)]
        while pending:
            path, group = pending.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    continue
                item, full = group[name], f"{path}{name}"
                if isinstance(item, h5py.Group):
                    if full.count("/") < 32:
                        pending.append((f"{full}/", item))
                elif item.dtype.kind in "fiub" and not item.external and not item.is_virtual:
                    found[full] = Tensor(np.asarray(item[()]))
    return dict(sorted(found.items()))
