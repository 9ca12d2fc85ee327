"""Where and how wide it computes: the CPU, the number of threads, and PyTorch's names for other places."""

from __future__ import annotations

import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograd import kernels

PLACES = ("cpu", "cuda", "mps", "xpu", "meta")


class device(str):
    """A place by name, as in PyTorch: device("cpu"), device("cuda:0"), device("cuda", 0).

    Only "cpu" can be used; a script may ask for another one, but moving a tensor there is an error.
    """

    type: str
    index: int | None  # type: ignore[assignment]  # hides str.index, as .type and .index are what scripts ask for

    def __new__(cls, type: str | int = "cpu", index: int | None = None) -> device:
        if isinstance(type, int):
            type = f"cuda:{type}"
        place, colon, number = str(type).partition(":")
        if place not in PLACES or (colon and not number.isdigit()) or (colon and index is not None):
            raise RuntimeError(f"device: expected one of {', '.join(PLACES)}, with or without an index, got {type!r}")
        index = int(number) if colon else index
        made = super().__new__(cls, place if index is None else f"{place}:{index}")
        made.type, made.index = place, index
        return made

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (f", index={self.index})" if self.index is not None else ")")


CPU = device("cpu")


def _no_cuda(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("cuda: this engine computes on the CPU only")


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Nothing to do, as in PyTorch without a GPU."""


# torch.cuda, as far as scripts ask it whether there is a GPU
cuda = SimpleNamespace(
    is_available=lambda: False,
    device_count=lambda: 0,
    is_initialized=lambda: False,
    manual_seed=_nothing,
    manual_seed_all=_nothing,
    empty_cache=_nothing,
    synchronize=_no_cuda,
    current_device=_no_cuda,
    get_device_name=_no_cuda,
    set_device=_no_cuda,
)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing to switch: results are always the same bits, for any number of threads."""


def are_deterministic_algorithms_enabled() -> bool:
    """True: see use_deterministic_algorithms."""
    return True


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing to switch: float32 products are always computed in float32, "highest"."""
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"set_float32_matmul_precision: expected highest, high or medium, got {precision!r}")


def get_float32_matmul_precision() -> str:
    """ "highest": see set_float32_matmul_precision."""
    return "highest"


def compile(model: Any = None, **options: Any) -> Any:
    """The model or function itself, as it is, also as a decorator: kernels are compiled and joined anyway."""
    return model if model is not None else lambda decorated: decorated


# Memory formats, for `.to(memory_format=...)`: the kernels choose the order of memory themselves.
class memory_format(str):
    """The name of an order of memory; see Tensor.to."""

    def __repr__(self) -> str:
        return f"autograd.{self}"


contiguous_format = memory_format("contiguous_format")
channels_last = memory_format("channels_last")
preserve_format = memory_format("preserve_format")

# ---------------------------------------------------------------------------------------------- threads

set_num_threads = kernels.set_num_threads
get_num_threads = kernels.get_num_threads
set_flush_denormal = kernels.set_flush_denormal


def usable_cores() -> int:
    """Cores that this process may use: its CPU affinity, and the quota of its control group."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = cgroup_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def cgroup_quota(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> float | None:
    """Cores' worth of time that the control groups (Linux, containers) grant, or None for no limit."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None  # not Linux, or hidden: no limit is known
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        base = root / "cpu" if "cpu" in controllers.split(",") else root if not controllers else None
        if base is None:
            continue
        folder = base / path.lstrip("/")
        while folder == base or base in folder.parents:  # a parent's limit binds too
            quota = _quota_of(folder)
            if quota is not None:
                quotas.append(quota)
            folder = folder.parent
    return min(quotas, default=None)


def _quota_of(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
    except OSError:
        return None  # this level sets no limit
    return None if quota in ("max", "-1") else int(quota) / int(period)


def default_threads(environ: Any = os.environ) -> int:
    """AUTOGRAD_NUM_THREADS, else OMP_NUM_THREADS (its first number), else all usable cores."""
    own = environ.get("AUTOGRAD_NUM_THREADS", "").strip()
    if own:
        if not own.isdigit() or int(own) < 1:
            raise ValueError(f"AUTOGRAD_NUM_THREADS: expected a number of at least 1, got {own!r}")
        return int(own)
    shared = environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(shared) if shared.isdigit() and int(shared) > 0 else usable_cores()


set_num_threads(default_threads())
