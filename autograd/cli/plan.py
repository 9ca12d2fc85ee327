"""`autograd plan`: the memory and the time that a training run will take, before it runs."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autograd import Tensor, kernels
from autograd.cli import recipes
from autograd.cli.errors import Parser, UserError
from autograd.cli.models import build_model
from autograd.cli.options import FIXED, add_recipe, count
from autograd.cli.train import check, prepared
from autograd.data import Subset
from autograd.nn import functional as F
from autograd.ops.random import manual_seed
from autograd.train.techniques import loss_of

EXAMPLES = """\
examples:
  autograd plan --data cifar10 --model resnet20 --batch-size 128
  autograd plan --data photos/ --model resnet50 --image-size 224

Two short trials, each in a process of its own, measure steps with few pictures; the rest is arithmetic.
"""
TRIAL_PIXELS = 1 << 16  # in the smaller trial's step; the other one has three times as many
STEPS = 3
MIB = 1 << 20
ROOM = 0.9  # of the free memory may be used


class Trial(NamedTuple):
    """Peak memory of a process in bytes, and its fastest step in seconds, for a number of pictures per step."""

    batch: int
    peak: int
    seconds: float


class Plan(NamedTuple):
    """fixed + batch * per_picture bytes; seconds per epoch, test included; the largest batch that fits, or 0."""

    fixed: float
    per_picture: float
    epoch_seconds: float
    largest_batch: int

    def peak(self, batch: int) -> float:
        """Bytes of the process while it trains with so many pictures per step."""
        return self.fixed + batch * self.per_picture


def add(commands: Any) -> Parser:
    """Registers the subcommand."""
    parser: Parser = commands.add_parser(
        "plan",
        help="memory and time that a training run will take",
        description="Predict peak memory and time per epoch of `autograd train` with the same options.",
        epilog=EXAMPLES,
    )
    add_recipe(parser)
    parser.add_argument("--threads", type=count, metavar="N", help="threads of the kernels")
    return parser


def run(options: Namespace) -> int:
    """Measures and prints the plan."""
    given = {key: value for key, value in vars(options).items() if key in (*FIXED, "epochs")}
    settings = recipes.recipe(given.get("data", "digits"), {"data": "digits"} | given)
    check(settings)
    config, bundle, _ = prepared(settings, download=False)
    threads = options.threads or kernels.get_num_threads()
    few = min(64, max(4, TRIAL_PIXELS // config["input_size"] ** 2))
    trials = [trial(config, batch, threads) for batch in (few, 3 * few)]
    free = available()
    plan = predict(trials, len(bundle.train), len(bundle.test), free, stored(bundle.train) + stored(bundle.test))
    batch, epochs = config["batch_size"], config["epochs"]
    model = build_model(config)
    size = sum(p.array.size for p in model.parameters())
    print(f"{config['model']}, {size:,} parameters, on {bundle.name}: {len(bundle.train):,} pictures per epoch")
    print(
        f"memory  {plan.peak(batch) / MIB:,.0f} MiB at {batch} pictures per step ({plan.fixed / MIB:,.0f} for program, "
        f"data, weights and optimizer, {plan.per_picture / MIB:.2f} per picture); {free / MIB:,.0f} MiB are free"
    )
    print(f"time    {_time(plan.epoch_seconds)} per epoch, {_time(epochs * plan.epoch_seconds)} for {epochs} epochs, "
          f"with {threads} thread{'s' if threads > 1 else ''}")  # fmt: skip
    if batch > plan.largest_batch:
        advice = f"--batch-size {plan.largest_batch} would" if plan.largest_batch else "nothing would; a smaller model"
        print(f"too much: {advice} fit" + (" (with --accumulate for larger steps)" if plan.largest_batch else ""))
        return 1
    print(f"fits; up to {plan.largest_batch:,} pictures per step would")
    return 0


def stored(part: Any) -> int:
    """Bytes of the pictures that a data set keeps in memory."""
    return stored(part.dataset) if isinstance(part, Subset) else getattr(getattr(part, "images", None), "nbytes", 0)


def predict(trials: list[Trial], pictures: int, tested: int, free: float, data_bytes: int = 0) -> Plan:
    """The straight line through two trials, and what follows from it; testing costs a third of training."""
    small, large = trials
    per_picture = max(0.0, (large.peak - small.peak) / (large.batch - small.batch))
    fixed = large.peak - large.batch * per_picture + data_bytes
    seconds = large.seconds / large.batch * (pictures + tested / 3)
    room = ROOM * free - fixed
    largest = int(room / per_picture) if per_picture else pictures * (room > 0)
    return Plan(fixed, per_picture, seconds, min(max(0, largest), pictures))


def trial(config: Mapping[str, Any], batch: int, threads: int) -> Trial:
    """A few steps in a new process. UserError if they fail there."""
    code = "import sys; from autograd.cli.plan import child; child(*sys.argv[1:])"
    arguments = [json.dumps(dict(config)), str(batch), str(threads)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it died with code {done.returncode}"])[-1]
        raise UserError(f"plan: {batch} pictures cannot be tried: {last}")
    peak, seconds = json.loads(done.stdout)
    return Trial(batch, peak, seconds)


def child(text: str, batch: str, threads: str) -> None:
    """In the new process: trains on noise and prints [peak bytes, seconds of the fastest step]."""
    config = json.loads(text)
    kernels.set_num_threads(int(threads))
    manual_seed(0)
    model, rng = build_model(config), np.random.default_rng(0)
    optimizer = recipes.make_optimizer(model, {**config, "lr": 1e-4})
    size, classes = config["input_size"], len(config["classes"])
    x = Tensor(rng.normal(size=(int(batch), config["channels"], size, size)).astype(np.float32))
    y = Tensor(rng.integers(0, classes, int(batch)))
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss_of(F.cross_entropy, model(x), y)[0].backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    print(json.dumps([peak_memory(), min(times)]))


def peak_memory() -> int:
    """The most bytes of memory that this process had. Linux counts the parent's too in ru_maxrss, not in VmHWM."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def available() -> float:
    """Bytes that a new process may use: what is free on the machine, or less where a control group limits it."""
    free = float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        free = float(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            limit = float(file.read())
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as file:
            free = min(free, limit - float(file.read()))
    except (OSError, ValueError):  # no such group, or no limit ("max")
        pass
    return free


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
