"""`autograd bench`: times workloads in alternating rounds with PyTorch's best mode and prints ratios.

Ratio = the peer's best mode over ours: above 1 we are faster. Medians over rounds. Where torch is not installed,
only our times are shown. Kinds: train (whole steps), epoch (MNIST through the loader), infer, forward and backward
(single ops; backward includes the forward call), memory, import, wheel.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from autograd import kernels
from benchmarks import cases, footprint, machine, report, workloads
from benchmarks.contest import ROOT, Pool, Rules, WorkerError, compare

TABLES: dict[str, list[str]] = {
    "train": list(workloads.TRAINING),
    "epoch": [workloads.EPOCH],
    "infer": list(workloads.INFERENCE),
    "forward": list(cases.CASES),
    "backward": list(cases.CASES),
    "memory": list(workloads.TRAINING),
    "import": ["import, beyond NumPy's"],
    "wheel": ["wheel"],
}

# Which modes of a peer are tried; "plain SGD" is PyTorch's optimizer without fused=True.
LAYOUTS = ("nchw", "channels_last")
MODES: dict[str, dict[str, Sequence[str]]] = {
    "train": {"torch": (*LAYOUTS, "plain SGD", "compile"), "jax": ("nchw", "nhwc")},
    "epoch": {"torch": ("0 workers", "1 workers", "2 workers")},
    "infer": {"torch": (*LAYOUTS, "compile"), "jax": ("nchw", "nhwc"), "onnxruntime": ("",)},
    "forward": {"torch": LAYOUTS},
    "backward": {"torch": LAYOUTS},
}

# What --all regenerates: file by file, the kinds in it.
FILES = {
    "training": ("train", "epoch"),
    "inference": ("infer",),
    "kernels": ("forward", "backward"),
    "footprint": ("memory", "import", "wheel"),
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="autograd bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", help="parts of workload names; default: all", metavar="NAME")
    parser.add_argument("--kinds", default="train,epoch", help=f"of {', '.join(TABLES)} (default: train,epoch)")
    parser.add_argument("--threads", default="1,2", help="thread counts (default: 1,2)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.2, help="length of one round")
    parser.add_argument("--limit", type=float, default=45, help="seconds of rounds for one row, from 3 rounds on")
    parser.add_argument("--quick", action="store_true", help="short rounds, one thread, no compile: minutes")
    parser.add_argument("--all", action="store_true", help="every kind, into benchmarks/results")
    parser.add_argument("--resume", action="store_true", help="keep the rows that the result file has")
    parser.add_argument(
        "--peers", default="torch,torch tuned,jax,onnxruntime", help="who to compare with, if installed"
    )
    parser.add_argument("--jax-python", help="Python of an environment that has jax and NumPy")
    parser.add_argument("--isa", choices=("avx2",), help="hold every engine to this instruction set")
    parser.add_argument("--pin", action="store_true", help="tie the processes to as many cores as they have threads")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: for one thread on a busy machine"
    )
    parser.add_argument("--out", type=Path, help="folder for results (default: runs/bench)")
    options = parser.parse_args(arguments)
    options.kinds = list(TABLES) if options.all else options.kinds.split(",")
    if unknown := [kind for kind in options.kinds if kind not in TABLES]:
        parser.error(f"--kinds: {unknown[0]!r} is none of {', '.join(TABLES)}")
    options.peers = [peer for peer in options.peers.split(",") if peer and installed(peer, options)]
    options.threads = [1] if options.quick else [int(n) for n in options.threads.split(",")]
    options.out = options.out or (ROOT / "benchmarks" / "results" if options.all else Path("runs/bench"))
    return options


def rules_of(options: argparse.Namespace, kind: str) -> Rules:
    """A single op's rounds are a quarter as long, there being so many of them."""
    rounds, seconds, limit, images = options.rounds, options.seconds, options.limit, 60_000
    if options.quick:
        rounds, seconds, limit, images = 3, 0.1, 5, 6400
    if kind in ("forward", "backward"):
        seconds /= 4
    return Rules(rounds, seconds, limit, options.clock, options.pin, images)


def installed(peer: str, options: argparse.Namespace) -> bool:
    """Whether a peer can be run here; jax lives in an environment of its own."""
    if peer == "jax":
        return bool(options.jax_python)
    return importlib.util.find_spec(peer.split()[0]) is not None


def peers_of(kind: str, options: argparse.Namespace) -> dict[str, Sequence[str]]:
    """The peers of a kind and the modes to try."""
    modes: dict[str, Sequence[str]] = {peer: m for peer, m in MODES[kind].items() if peer in options.peers}
    if options.quick:
        modes = {peer: [m for m in tried if m not in ("compile", "plain SGD")] for peer, tried in modes.items()}
    if "torch tuned" in options.peers and kind in ("train", "epoch"):
        modes["torch tuned"] = ()
    return modes


def chosen(options: argparse.Namespace, kind: str) -> Iterator[tuple[str, int]]:
    """The workloads of a kind that the arguments name, with each number of threads."""
    for name in TABLES[kind]:
        if not options.what or any(part.lower() in name.lower() for part in options.what):
            once = kind in ("memory", "import", "wheel")
            for threads in options.threads[:1] if once else options.threads:
                yield name, threads


def measure(kind: str, name: str, threads: int, options: argparse.Namespace, pool: Pool) -> dict[str, Any]:
    """One row of any kind."""
    rules = rules_of(options, kind)
    own: dict[str, Callable[[], dict[str, Any]]] = {
        "memory": lambda: footprint.memory(name, threads, options.peers, rules),
        "import": lambda: footprint.imports(options.peers),
        "wheel": footprint.wheel,
    }
    return own[kind]() if kind in own else compare(pool, kind, name, threads, peers_of(kind, options), rules)


def run(kind: str, results: report.Results, options: argparse.Namespace, pool: Pool) -> None:
    """All rows of a kind that are not there yet."""
    for name, threads in chosen(options, kind):
        if results.has(kind, name, threads):
            continue
        try:
            row = measure(kind, name, threads, options, pool)
        except WorkerError as error:
            print(f"{name}: {error}", flush=True)
            continue
        results.add(row)
        print(report.line(row, results.machine), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if options.isa:
        kernels.set_isa(options.isa)
    limits = machine.describe()
    print(f"{limits['processor']}, {limits['isa']}: FMA peak {limits['fma_peak_gflops']:.0f} GFLOP/s a core, "
          f"copy {limits['copy_gb_per_s']:.1f} GB/s")  # fmt: skip
    files = FILES if options.all else {"results": tuple(options.kinds)}
    pool = Pool(options.isa, options.jax_python)
    try:
        for file, kinds in files.items():
            results = report.Results(options.out / f"{file}.json", limits, options.resume)
            print(f"\n{report.HEADER}")
            for kind in kinds:
                run(kind, results, options, pool)
            print("\n".join(report.summary(results.rows, limits)))
            if any(report.ratio(row) is not None for row in results.rows):
                report.plot(results.rows, results.path.with_suffix(".png"))
            print(f"results {results.path}")
    finally:
        pool.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
