"""One engine in a process of its own: builds a workload, warms it up, then times rounds on request.

Two thread pools in one process disturb each other, so engines never share one. Reads `round SECONDS` lines on
standard input and answers each with the seconds per call; says `ready {facts}` first.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import time
from collections.abc import Callable
from typing import Any

from benchmarks import workloads

MODES = ("nchw", "channels_last", "compile")


def training_step(engine: Any, name: str, mode: str) -> Callable[[], Any]:
    """zero_grad, forward, cross-entropy, backward, SGD with momentum and weight decay."""
    model, x, labels = workloads.TRAINING[name](engine)
    if mode == "channels_last" and x.dim() == 4:
        model = model.to(memory_format=engine.channels_last)
        x = x.contiguous(memory_format=engine.channels_last)
    fused = {"fused": True} if engine.__name__ == "torch" else {}
    optimizer = engine.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, **fused)
    criterion = engine.nn.CrossEntropyLoss()
    forward = engine.compile(model) if mode == "compile" else model

    def step() -> None:
        optimizer.zero_grad()
        criterion(forward(x), labels).backward()
        optimizer.step()

    return step


def inference(engine: Any, name: str, mode: str) -> Callable[[], Any]:
    """A forward pass in eval mode without recording."""
    model, x, _ = workloads.TRAINING[name](engine)
    model.eval()
    if mode == "channels_last" and x.dim() == 4:
        model = model.to(memory_format=engine.channels_last)
        x = x.contiguous(memory_format=engine.channels_last)
    forward = engine.compile(model) if mode == "compile" else model

    def step() -> None:
        with engine.no_grad():
            forward(x)

    return step


def single_op(engine: Any, name: str, mode: str, backward: bool) -> Callable[[], Any]:
    """Forward, or forward and backward, of one op."""
    function, inputs, _, _ = workloads.OPS[name](engine)
    if not backward:
        return function
    if mode == "channels_last":
        for x in inputs:
            if x.dim() == 4:
                x.data = x.data.contiguous(memory_format=engine.channels_last)
    for x in inputs:
        x.requires_grad_()
    g = engine.ones_like(function().detach())

    def step() -> None:
        for x in inputs:
            x.grad = None
        function().backward(g)

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=("autograd", "torch"))
    parser.add_argument("kind", choices=("train", "infer", "forward", "backward"))
    parser.add_argument("name")
    parser.add_argument("--mode", choices=MODES, default="nchw")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    engine = importlib.import_module(arguments.engine)
    engine.set_num_threads(arguments.threads)
    engine.manual_seed(0)
    if arguments.kind == "train":
        step = training_step(engine, arguments.name, arguments.mode)
    elif arguments.kind == "infer":
        step = inference(engine, arguments.name, arguments.mode)
    else:
        step = single_op(engine, arguments.name, arguments.mode, arguments.kind == "backward")
    for _ in range(3):
        step()
    print("ready", json.dumps({"version": engine.__version__}), flush=True)
    while True:
        try:
            seconds = float(input().split()[1])
        except EOFError:
            break
        calls, start = 0, time.perf_counter()
        while calls < 2 or time.perf_counter() - start < seconds:
            step()
            calls += 1
        elapsed = (time.perf_counter() - start) / calls
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"seconds": elapsed, "peak_rss_kb": rss}), flush=True)


if __name__ == "__main__":
    main()
