"""The benchmarks' parts: they are not run here, but every model, case and step of the machinery is."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "benchmarks" / "suite.py").is_file():
    pytest.skip("the benchmarks belong to the source", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks import cases, contest, report, suite, workloads  # noqa: E402

PARAMETERS = {"ResNet-18 224x224, batch 16": 11_689_512, "GoogLeNet 96x96, batch 32": 6_624_904,
              "MobileNetV2 96x96, batch 32": 3_504_872, "LeNet-5, batch 1": 61_706}  # fmt: skip


@pytest.mark.parametrize("name", workloads.TRAINING)
def test_every_workload_trains(name):
    workload = workloads.TRAINING[name]
    model = workload.model(autograd)
    x, labels = workload.batch(autograd, 2)
    loss = autograd.nn.functional.cross_entropy(model(x), labels)
    loss.backward()
    assert np.isfinite(loss.item()) and all(p.grad is not None for p in model.parameters())
    if name in PARAMETERS:  # torchvision's published counts
        assert sum(p.numel() for p in model.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", [*cases.random(12), "depthwise 32,384,6,3", "conv 64,6,14,16,5 valid"])
def test_cases_run_and_count_right(name):
    case = cases.CASES[name]
    function, inputs = case.make(autograd)
    out = function()
    if name.startswith(("random conv", "random gemm", "depthwise", "conv")):
        terms = inputs[0].shape[-1] if "gemm" in name else inputs[1].numel() // inputs[1].shape[0]
        assert case.flops == 2 * out.numel() * terms
        assert case.bytes == 4 * (out.numel() + sum(x.numel() for x in inputs))


def test_random_cases_are_the_same_every_time():
    assert list(cases.random(36)) == list(cases.random(36)) != list(cases.random(36, seed=1))


@pytest.fixture
def worker():
    worker = contest.Worker("autograd")
    yield worker
    worker.close()


def test_a_worker_runs_one_workload_after_the_other(worker):
    rules = contest.Rules()
    for kind, name in (("train", "MLP 16-16-3, batch 8"), ("infer", "LeNet-5, batch 1"), ("backward", "add 4x4")):
        worker.start(**rules.spec(kind, name, "", 1))
        answer = worker.round(0.001)
        assert 0 < answer["seconds"] < 1 and answer["peak_rss"] > 1e6
        worker.stop()


def test_a_workers_error_is_told_and_survived(worker):
    with pytest.raises(contest.WorkerError, match="KeyError: 'no such'"):
        worker.start(**contest.Rules().spec("train", "no such", "", 1))
    worker.start(**contest.Rules().spec("forward", "add 4x4", "", 1))
    worker.stop()


class FakeWorker:
    """Answers with times by mode."""

    version = "0"

    def __init__(self, seconds):
        self.table, self.stopped, self.mode = seconds, 0, ""

    def start(self, mode, **_):
        self.mode = mode
        if mode not in self.table:
            raise contest.WorkerError(f"no {mode}")

    def round(self, _):
        return {"seconds": self.table[self.mode], "best": self.table[self.mode] / 2}

    def stop(self):
        self.stopped += 1


class FakePool(contest.Pool):
    def get(self, engine, threads, tuned=False, number=0):
        times = {"autograd": {"": 1.0}, "torch": {"nchw": 4.0, "channels_last": 3.0, "compile channels_last": 5.0}}
        return self.workers.setdefault((engine, tuned, number, threads), FakeWorker(times[engine]))

    def drop(self, worker):
        self.workers = {key: w for key, w in self.workers.items() if w is not worker}


def test_the_best_mode_is_the_peer():
    """compile is tried in the memory format that won; a mode that cannot run is left out."""
    pool = FakePool()
    peers = {"torch": ("nchw", "channels_last", "broken", "compile"), "torch tuned": ()}
    row = contest.compare(pool, "train", "MLP 16-16-3, batch 8", 1, peers, contest.Rules(rounds=4))
    assert row["value"] == 1.0 and row["best"] == 0.5 and row["rounds"] == 4
    assert row["peers"]["torch"] == {"mode": "torch channels_last", "version": "0", "value": 3.0, "ratio": 3.0}
    assert row["peers"]["torch tuned"]["mode"] == "torch channels_last, tuned allocator"
    assert sum(w.stopped for w in pool.workers.values()) == 5  # nchw, channels_last, compile, tuned, autograd
    assert pool.lost == {("train", row["workload"], "torch compile channels_last")}
    again = contest.Rules().spec("train", row["workload"], "", 2)
    tried = contest.candidates(pool, "torch", ("channels_last", "compile"), contest.Rules(), again)
    assert [e.label for e in tried] == ["torch channels_last"]


def test_slow_rows_have_fewer_rounds():
    entries = [contest.Entry("a", FakeWorker({"": 10.0}), trial=10.0)]
    contest.run_rounds(entries, contest.Rules(rounds=9, limit=50))
    assert len(entries[0].times) == 5


def row(name="LeNet-5, batch 1", kind="train", ratio=2.0):
    peer = {"mode": "torch nchw", "version": "0", "value": 0.002, "ratio": ratio}
    own = {"workload": name, "kind": kind, "threads": 1, "value": 0.001, "best": 0.0005, "rounds": 9}
    return {**own, "peers": {"torch": peer}}


def test_results_grow_and_resume(tmp_path):
    results = report.Results(tmp_path / "deep" / "results.json", {"isa": "avx2"})
    results.add(row())
    again = report.Results(results.path, {"isa": "avx2"}, resume=True)
    assert again.has("train", "LeNet-5, batch 1", 1) and not again.has("train", "LeNet-5, batch 1", 2)
    again.add(row("LeNet-5, batch 64"))
    assert len(json.loads(results.path.read_text())["rows"]) == 2
    assert not report.Results(results.path, {}).rows


def test_report_of_rows(tmp_path):
    machine = {"fma_peak_gflops": 100.0, "copy_gb_per_s": 10.0}
    text = report.line(row(), machine)
    assert "1 ms" in text and "2.00x (torch nchw)" in text and text.endswith("goal 12")
    gemm = report.line(row("gemm 256^3", "forward"), machine)
    assert " 67 % of FMA peak" in gemm and " 16 % of copy" in gemm
    rows = [row(), row("LeNet-5, batch 64", ratio=8.0), row("gemm 256^3", "forward")]
    rows += [row("conv 16,64,56,64,3", "backward", 1.4), row("conv 32,192,12,64,1", "backward", 1.4)]
    rows[1]["peers"]["jax"] = {"ratio": 1.2}
    assert report.summary(rows, machine) == [
        "train: 4.00x torch, geometric mean of 2",
        "  below its goal of 12: 2.00x LeNet-5, batch 1, 1 threads",
        "train: 1.20x jax, geometric mean of 1",
        "  below its goal of 1.3: 1.20x LeNet-5, batch 64, 1 threads",
        "forward: 2.00x torch, geometric mean of 1",
        "backward: 1.40x torch, geometric mean of 2",
        "  below its goal of 1.5: 1.40x conv 16,64,56,64,3, 1 threads",
        "below 85 % of the FMA peak and 80 % of the copy bandwidth: 1 of 1",
        "  gemm 256^3: 67 % and 16 %",
    ]
    report.plot([row(), row("gemm 256^3", "forward", 0.5)], tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").stat().st_size > 5000


def test_suite(tmp_path, capsys):
    arguments = ["MLP 16", "add 4x4", "--kinds", "train,infer,backward,memory", "--threads", "1", "--rounds", "2",
                 "--seconds", "0.01", "--peers", "", "--out", str(tmp_path)]  # fmt: skip
    assert suite.main(arguments) == 0
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [r["kind"] for r in rows] == ["train", "infer", "backward", "memory"]
    assert 10e6 < rows[-1]["value"] < 150e6  # and not the memory of the process that started it
    capsys.readouterr()
    assert suite.main([*arguments, "--resume"]) == 0
    assert "batch 8 " not in capsys.readouterr().out  # every row was there


def test_suite_refuses_unknown_kinds(capsys):
    with pytest.raises(SystemExit):
        suite.main(["--kinds", "trian"])
    assert "'trian' is none of train, epoch" in capsys.readouterr().err
