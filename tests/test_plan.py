"""`autograd plan`: the arithmetic, and the prediction against a run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograd.cli import main
from autograd.cli.plan import MIB, Trial, available, predict

RUN = """
import sys
from autograd.cli import main
from autograd.cli.plan import peak_memory
main(["train", "--data", "digits", "--model", "resnet32", "--batch-size", "256", "--epochs", "1", "--no-report",
      "--threads", "1", "--validation", "0", "--out", sys.argv[1]])
print(peak_memory())
"""


def test_straight_line() -> None:
    plan = predict([Trial(8, 100 * MIB, 1.0), Trial(24, 132 * MIB, 2.4)], 1000, 300, 1000 * MIB)
    assert (plan.fixed, plan.per_picture) == (84 * MIB, 2 * MIB)
    assert plan.peak(100) == 284 * MIB and plan.epoch_seconds == pytest.approx(0.1 * 1100)
    assert plan.largest_batch == 408
    assert predict([Trial(8, MIB, 1.0), Trial(24, MIB, 1.0)], 50, 0, 10 * MIB).largest_batch == 50
    assert predict([Trial(8, 2 * MIB, 1.0), Trial(24, 4 * MIB, 1.0)], 50, 0, MIB).largest_batch == 0


def test_free_memory_is_that_of_the_machine() -> None:
    assert 16 * MIB < available() < 1 << 50


@pytest.mark.slow
def test_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["plan", "--model", "mlp", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"memory  \d+ MiB at 32 pictures per step .*; [\d,]+ MiB are free", out)
    assert "fits; up to" in out and "with 1 thread" in out
    monkeypatch.setattr("autograd.cli.plan.available", lambda: 60 * MIB)
    assert main(["plan", "--model", "resnet20", "--batch-size", "512", "--threads", "1"]) == 1
    assert "too much:" in capsys.readouterr().out
    assert main(["plan", "--model", "resnet2"]) == 2


@pytest.mark.slow
def test_prediction_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", "digits", "--model", "resnet32", "--batch-size", "256", "--epochs", "1", "--validation", "0"]
    assert main(["plan", *options, "--threads", "1"]) == 0
    out = capsys.readouterr().out
    memory = float(re.search(r"memory  ([\d,]+) MiB", out)[1].replace(",", "")) * MIB
    seconds = float(re.search(r"time    ([\d.]+) s per epoch", out)[1])
    done = subprocess.run([sys.executable, "-c", RUN, str(tmp_path)], capture_output=True, text=True, check=True)
    peak = float(done.stdout.splitlines()[-1])
    took = json.loads((tmp_path / "history.json").read_text())["epochs"][0]["seconds"]
    print(f"memory: {memory / MIB:.0f} MiB predicted, {peak / MIB:.0f} used; epoch: {seconds} s predicted, {took} used")
    assert 0.7 < memory / peak < 1.4
    assert 0.3 < seconds / took < 3  # a busy machine
