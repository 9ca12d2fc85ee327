"""One engine in a process of its own: builds a workload, warms it up, then times rounds on request.

Two thread pools in one process disturb each other, so engines never share one. The engine is imported once; each
workload then runs in a fresh fork, which sees nothing of the ones before. With --no-fork the first workload runs in
the process itself, so that its peak memory counts the engine too.

Lines of JSON go in and out: `{"kind": ..., "name": ..., ...}` starts a workload and is answered when it is warm,
`{"seconds": s}` times a round of at least s seconds, an empty line ends the workload and is answered too.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import cases, workloads

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def say(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def hear() -> dict[str, Any] | None:
    """The next request; None for an empty line, or when the other end is gone."""
    line = sys.stdin.readline().strip()
    return json.loads(line) if line else None


def prepared(engine: Any, model: Any, x: Any, mode: str) -> tuple[Any, Any]:
    """The model and its input in a mode's memory format, compiled where the mode says so."""
    if "channels_last" in mode and x.dim() == 4:
        model = model.to(memory_format=engine.channels_last)
        x = x.contiguous(memory_format=engine.channels_last)
    return (engine.compile(model) if "compile" in mode else model), x


def optimizer(engine: Any, model: Any, mode: str) -> Any:
    options = {"fused": "plain" not in mode} if engine.__name__ == "torch" else {}
    return engine.optim.SGD(model.parameters(), **workloads.SGD, **options)


def train(engine: Any, spec: dict[str, Any]) -> Callable[[], Any]:
    """zero_grad, forward, cross-entropy, backward, SGD with momentum and weight decay."""
    workload = workloads.TRAINING[spec["name"]]
    x, labels = workload.batch(engine)
    model = workload.model(engine)
    sgd = optimizer(engine, model, spec["mode"])
    criterion = engine.nn.CrossEntropyLoss()
    forward, x = prepared(engine, model, x, spec["mode"])

    def step() -> None:
        sgd.zero_grad()
        criterion(forward(x), labels).backward()
        sgd.step()

    return step


def infer(engine: Any, spec: dict[str, Any]) -> Callable[[], Any]:
    """A forward pass in eval mode without recording."""
    workload = workloads.INFERENCE[spec["name"]]
    x, _ = workload.batch(engine)
    forward, x = prepared(engine, workload.model(engine).eval(), x, spec["mode"])

    def step() -> None:
        with engine.no_grad():
            forward(x)

    return step


def epoch(engine: Any, spec: dict[str, Any]) -> Callable[[], Any]:
    """A pass over MNIST with training steps, through the engine's own loader; the mode's digit says its workers."""
    data = importlib.import_module(f"{engine.__name__}.utils.data")
    dataset = data.TensorDataset(*workloads.mnist(engine, spec["images"]))
    workers = int(spec["mode"].split()[0])
    loader = data.DataLoader(dataset, 64, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    model = workloads.models.lenet(engine)
    sgd = optimizer(engine, model, spec["mode"])
    criterion = engine.nn.CrossEntropyLoss()

    def run() -> None:
        for x, labels in loader:
            sgd.zero_grad()
            criterion(model(x), labels).backward()
            sgd.step()

    return run


def op_call(engine: Any, spec: dict[str, Any]) -> tuple[Callable[[], Any], list[Any]]:
    """A single op and its inputs, in the mode's memory format."""
    function, inputs = cases.CASES[spec["name"]].make(engine)
    for x in inputs:
        if "channels_last" in spec["mode"] and x.dim() == 4:
            x.data = x.data.contiguous(memory_format=engine.channels_last)
    return function, inputs


def forward(engine: Any, spec: dict[str, Any]) -> Callable[[], Any]:
    """One call of a single op."""
    return op_call(engine, spec)[0]


def backward(engine: Any, spec: dict[str, Any]) -> Callable[[], Any]:
    """One call of a single op and the gradients of its inputs."""
    function, inputs = op_call(engine, spec)
    for x in inputs:
        x.requires_grad_()
    g = engine.ones_like(function().detach())

    def step() -> None:
        for x in inputs:
            x.grad = None
        function().backward(g)

    return step


KINDS: dict[str, Callable[[Any, dict[str, Any]], Callable[[], Any]]] = {
    "train": train,
    "infer": infer,
    "epoch": epoch,
    "forward": forward,
    "backward": backward,
}


def build(engine: Any, spec: dict[str, Any]) -> Callable[[], Any]:
    """The workload's step, warmed up by three calls, or fewer once they have taken a second."""
    if spec["cores"]:
        os.sched_setaffinity(0, spec["cores"])
    if engine.__name__ == "onnxruntime":
        step = importlib.import_module("benchmarks.onnx_peer").session(spec)
    elif engine.__name__ == "benchmarks.jax_peer":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: spec["threads"]])  # XLA counts cores, nothing else
        step = engine.step(spec)
    else:
        engine.set_num_threads(spec["threads"])
        engine.manual_seed(0)
        step = KINDS[spec["kind"]](engine, spec)
    begun = time.perf_counter()
    for _ in range(3):
        step()
        if time.perf_counter() - begun > 1:
            break
    return step


def peak_rss() -> int:
    """Bytes of peak resident memory. Not ru_maxrss alone, which still counts the process that started this one."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def timed(step: Callable[[], Any], seconds: float, clock: Callable[[], float]) -> tuple[float, float]:
    """Seconds per call, over calls for at least this long, and in the fastest batch.

    Short steps run in batches, of up to 10 ms, between looks at the clock.
    """
    calls, batch, elapsed, best = 0, 1, 0.0, float("inf")
    start, begun = clock(), time.perf_counter()
    last = start
    while elapsed < seconds or not calls:
        for _ in range(batch):
            step()
        calls += batch
        now, elapsed = clock(), time.perf_counter() - begun
        best, last = min(best, (now - last) / batch), now
        batch = max(1, int(calls / elapsed * min(0.01, abs(seconds - elapsed))))
    return (last - start) / calls, best


def measure(engine: Any, spec: dict[str, Any]) -> None:
    """Builds a workload and times rounds of it until an empty line comes."""
    step, clock = build(engine, spec), CLOCKS[spec["clock"]]
    say(ready=True)
    while (request := hear()) is not None:
        seconds, best = timed(step, request["seconds"], clock)
        say(seconds=seconds, best=best, peak_rss=peak_rss())
    say(ended=True)  # only then may the next workload be sent: a line sent earlier could land in the fork's buffer


def in_fork(engine: Any, spec: dict[str, Any]) -> None:
    """measure in a child; its errors, and a death by a signal, become the answer."""
    child = os.fork()
    if child == 0:
        try:
            measure(engine, spec)
        except BaseException:
            say(error=traceback.format_exc())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        say(error=f"the worker was ended by signal {os.WTERMSIG(status)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=("autograd", "torch", "jax", "onnxruntime"))
    parser.add_argument("--no-fork", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    name = "benchmarks.jax_peer" if arguments.engine == "jax" else arguments.engine
    engine = importlib.import_module(name)
    importlib.import_module(f"{name}.nn.functional") if name in ("autograd", "torch") else None
    say(version=engine.__version__)
    while (spec := hear()) is not None:
        measure(engine, spec) if arguments.no_fork else in_fork(engine, spec)


if __name__ == "__main__":
    main()
