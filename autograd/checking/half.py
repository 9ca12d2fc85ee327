"""The check of what an op does with 16-bit numbers."""

from __future__ import annotations

import numpy as np

from autograd import halves
from autograd.checking.opcall import CheckFailed, OpCall, default_seed
from autograd.errors import MissingExtraError


def _dtypes() -> list[np.dtype]:
    float16 = np.dtype(np.float16)
    try:
        return [float16, halves.bfloat16]
    except MissingExtraError:
        return [float16]


def check_halves(call: OpCall) -> float | None:
    """Results and gradients of float16 and bfloat16 are those of the same numbers in float32, rounded."""
    attrs = call.case.attrs
    if not any(a.dtype.kind == "f" for a in call.arrays) or any(isinstance(v, np.ndarray) for v in attrs.values()):
        return None
    for dtype in _dtypes():

        def seed(shape, wanted, dtype=dtype):
            return default_seed(shape, dtype).astype(wanted)

        with np.errstate(all="ignore"):
            arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in call.arrays]
            got = call.value_and_grads(arrays, seed)
            wide = [a.astype(np.float32) if a.dtype == dtype else a for a in arrays]
            want = call.value_and_grads(wide, seed)
        chosen = 0 if attrs.get("dtype") is None else len(want) - len(call.differentiable())  # results of that dtype
        with np.errstate(over="ignore"):
            rounded = [y.astype(dtype) if y.dtype == np.float32 and i >= chosen else y for i, y in enumerate(want)]
        for g, w in zip(got, rounded):
            if g.dtype != w.dtype or g.shape != w.shape:
                raise CheckFailed(f"{dtype} gives {g.dtype}{list(g.shape)}, expected {w.dtype}{list(w.shape)}")
            if not ((g == w) | (g != g) & (w != w)).all():
                raise CheckFailed(f"{dtype} gives {g}, float32 rounded {w}")
    return 0.0
