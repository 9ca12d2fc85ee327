"""The command: training from end to end, its errors, Ctrl-C."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autograd import io
from autograd.cli import data, main
from autograd.version import __version__
from autograd.vision.datasets import Digits
from autograd.vision.models import list_models

FAST = ["--model", "mlp", "--batch-size", "128", "--no-report"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOGRAD_DATA", str(tmp_path / "no-data"))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "autograd", *arguments]


@pytest.mark.slow
@pytest.mark.long  # CI runs the README's line, which is the same
def test_train_without_arguments_reaches_98_5_percent(tmp_path: Path) -> None:
    one_thread = {**os.environ, "AUTOGRAD_NUM_THREADS": "1"}  # waits for nobody, so that its own time tells
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command("train"), capture_output=True, text=True, check=True, env=one_thread)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    accuracy = float(re.findall(r"^test accuracy ([\d.]+) %$", done.stdout, re.M)[0])
    print(f"autograd train: {accuracy} % in {seconds:.1f} s of one core")
    assert accuracy >= 98.5 and seconds < 60
    assert done.stdout.count("\nepoch ") == 20 and done.stderr == ""
    for kind in ("checkpoint", "report"):
        path = re.findall(rf"^{kind} (.*)$", done.stdout, re.M)[0]
        assert (tmp_path / path).stat().st_size > 5000


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quickly trained MLP."""
    folder = tmp_path_factory.mktemp("run")
    assert main(["train", *FAST, "--epochs", "6", "--out", str(folder)]) == 0
    return folder


def test_evaluate_prints_what_train_printed(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(trained), "--no-report"]) == 0  # nothing is left to train
    first = capsys.readouterr().out
    assert "epoch " not in first.replace("continuing with epoch", "")
    assert main(["evaluate", str(trained / "last.safetensors")]) == 0
    out = capsys.readouterr().out
    accuracy = re.findall(r"^test accuracy ([\d.]+) %", first, re.M) + re.findall(
        r"^test accuracy ([\d.]+) %", out, re.M
    )
    assert len(accuracy) == 2 and accuracy[0] == accuracy[1] and float(accuracy[0]) > 85
    assert len(re.findall(r"^\d +[\d.]+ % +[\d.]+ % +\d+$", out, re.M)) == 10


def test_predict(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = Digits(train=False)
    for k in range(3):
        Image.fromarray((data.images[k, 0] * 15.9).astype(np.uint8)).save(tmp_path / f"{k}.png")
    assert main(["predict", str(trained), "0.png", "1.png", "2.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    guesses = [re.fullmatch(r"\d\.png: (\d) ([\d.]+) %, \d [\d.]+ %, \d [\d.]+ %", line) for line in lines]
    assert all(guesses) and len(lines) == 3
    assert sum(int(g[1]) == label for g, label in zip(guesses, data.labels) if g) >= 2


def test_summary(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary"]) == 0
    assert "lenet5 " in capsys.readouterr().out
    assert main(["summary", "lenet5", "--batch-size", "2"]) == 0
    out = capsys.readouterr().out
    assert "2 x 6 x 28 x 28" in out and re.search(r"^total +61,706 +", out, re.M)
    assert main(["summary", str(trained)]) == 0
    assert "1 x 10" in capsys.readouterr().out


def test_same_seed_same_bits_for_any_number_of_threads_and_workers(tmp_path: Path) -> None:
    options = ["--epochs", "2", "--model", "digits_cnn", "--batch-size", "128", "--no-report", "--seed", "3"]
    found = []
    for name, more in {"a": ["--threads", "1"], "b": ["--threads", "2", "--workers", "2"]}.items():
        assert main(["train", *options, "--out", name, *more]) == 0
        found.append(io.load(tmp_path / name / "last.safetensors"))
    for key in ("model", "optimizer"):
        a, b = (dict(flat(state[key])) for state in found)
        assert a == b


def flat(state: object, path: str = "") -> list[tuple[str, object]]:
    if isinstance(state, dict):
        return [pair for key, value in state.items() for pair in flat(value, f"{path}/{key}")]
    return [(path, np.asarray(state).tobytes() if hasattr(state, "array") else repr(state))]


def test_ctrl_c_saves_and_prints_the_command_that_continues(tmp_path: Path) -> None:
    settings = ["--model", "mlp", "--batch-size", "16", "--epochs", "4", "--no-report"]
    process = subprocess.Popen(
        command("train", *settings, "--out", "broken"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("epoch 1/4"):
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            break
    rest, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    continuing = re.findall(r"^  autograd (train --resume .*)$", rest, re.M)[0]
    assert re.search(r"interrupted (in epoch \d, after batch \d+,|after epoch \d,) saved", rest)
    assert main([*continuing.split(), "--no-report"]) == 0
    assert main(["train", *settings, "--out", "whole"]) == 0
    a, b = (dict(flat(io.load(tmp_path / name / "last.safetensors"))) for name in ("broken", "whole"))
    for key in a:
        if "seconds" not in key and "images_per_s" not in key and "history" not in key:
            assert a[key] == b[key], key


def test_folder_of_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for name, colour in {"green": (0, 255, 0), "red": (255, 0, 0)}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for k in range(10):
            noise = rng.integers(0, 60, (12, 12, 3)) + np.array(colour) * 0.7
            Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "photos" / name / f"{k}.png")
    assert (
        main(["train", "--data", "photos", "--image-size", "12", "--epochs", "8", "--batch-size", "8", "--no-report"])
        == 0
    )
    out = capsys.readouterr().out
    assert "14 training and 4 test pictures, 2 classes" in out and "test accuracy 100.00 %" in out
    assert main(["predict", "runs/photos-small_cnn", "photos/red/0.png", "--top", "1"]) == 0
    assert capsys.readouterr().out.startswith("photos/red/0.png: red ")


def test_cached_pictures_give_the_same_bits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for k in range(8):
        (tmp_path / f"photos/{'ab'[k % 2]}").mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"photos/{'ab'[k % 2]}/{k}.png")
    settings = ["train", *FAST, "--data", "photos", "--image-size", "8", "--epochs", "1", "--validation", "0"]
    for name, cache in {"none": [], "written": ["--cache", "kept"], "mapped": ["--cache", "kept"]}.items():
        assert main([*settings, *cache, "--out", name]) == 0
    (file,) = Path("kept").glob("*-photos-8-RGB.npy")
    assert file.stat().st_size == 128 + 8 * 3 * 8 * 8
    none, written, mapped = (
        [value for key, value in flat(io.load(tmp_path / name / "last.safetensors")) if "/model" in key]
        for name in ("none", "written", "mapped")
    )
    assert none and none == written == mapped


def test_report_is_written_and_missing_matplotlib_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["train", "--model", "mlp", "--batch-size", "256", "--epochs", "1"]) == 0
    out = capsys.readouterr().out
    assert "no report: plots need matplotlib: pip install cygrad[train]" in out
    assert (tmp_path / "runs/digits-mlp/last.safetensors").is_file()


def test_missing_safetensors_is_noticed_before_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert main(["train", *FAST]) == 2
    out, err = capsys.readouterr()
    assert "epoch" not in out and re.fullmatch(r"autograd: error: .*pip install 'cygrad\[io\]'\n", err)


def test_gradcheck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gradcheck", "mul", "--cases", "3"]) == 0
    assert "0 failed" in capsys.readouterr().out
    assert main(["gradcheck", "conv3"]) == 2
    assert capsys.readouterr().err.startswith("autograd: error: gradcheck: 'conv3'")


ALL_MODELS = f"autograd summary lists all {len(list_models())}"
ERRORS = {
    "trian": "no command 'trian' (did you mean 'train'?); "
    "there are: train, plan, evaluate, predict, explain, summary, export, gradcheck, bench",
    "train --model lenet4": "--model: unknown name 'lenet4' (did you mean 'lenet5' or 'alexnet' or 'resnet44'?); "
    f"{ALL_MODELS}",
    "train --data mnits": "--data: 'mnits' is neither a data set (did you mean 'mnist' or 'kmnist' or 'emnist'?) nor "
    "a folder; data sets: "
    "digits, mnist, fashion-mnist, kmnist, emnist, cifar10, cifar100, svhn",
    "train --optimizer adamv": "--optimizer: unknown name 'adamv' (did you mean 'adam' or 'adamw'?); there are: "
    "sgd, adam, adamw, rmsprop",
    "train --epoch 3": "unknown option '--epoch' (did you mean '--epochs'?); see autograd train --help",
    "train --epochs 0": "argument --epochs: invalid positive whole number value: '0'",
    "train --lr fast": "argument --lr: invalid positive number value: 'fast'",
    "train --target-accuracy 200": "argument --target-accuracy: invalid accuracy value: '200'",
    "train --resume nowhere": "--resume: there is no checkpoint nowhere",
    "train --image-size 9": "--image-size, --gray and --cache are for folders; digits comes as it is",
    "evaluate nowhere.safetensors": "nowhere.safetensors: No such file or directory",
    "predict": "the following arguments are required: [CHECKPOINT] IMAGE",
    "summary lenet6": f"MODEL: unknown name 'lenet6' (did you mean 'lenet5' or 'alexnet' or 'resnet56'?); {ALL_MODELS}",
}


@pytest.mark.parametrize("arguments", ERRORS)
def test_mistakes_get_one_line_and_exit_code_2(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(arguments.split())
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert (code, capsys.readouterr().err) == (2, f"autograd: error: {ERRORS[arguments]}\n")


def test_missing_data_says_where_it_was_sought(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data", "mnist"]) == 2
    assert re.fullmatch(r"autograd: error: MNIST: no \S+; .*AUTOGRAD_DATA.*\n", capsys.readouterr().err)


def test_a_foreign_or_damaged_checkpoint_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    io.save({"weight": np.zeros(3)}, tmp_path / "weights.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    for name in ("weights", "junk"):
        assert main(["evaluate", f"{name}.safetensors"]) == 2
        assert re.fullmatch(rf"autograd: error: {name}\.safetensors: .*\n", capsys.readouterr().err)


def test_resume_refuses_other_settings(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(trained), "--lr", "0.5"]) == 2
    assert "--lr: this run began with 0.004; to use 0.5, start afresh without --resume" in capsys.readouterr().err
    assert main(["train", "--resume", str(trained), "--epochs", "50"]) == 2
    assert "--epochs: the onecycle schedule of this run ends after 6 epochs" in capsys.readouterr().err


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(FileNotFoundError):
        main(["evaluate", "nowhere.safetensors", "--debug"])


def test_runs_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for _ in range(2):
        assert main(["train", *FAST, "--epochs", "1"]) == 0
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {"digits-mlp", "digits-mlp-2"}


def test_target_accuracy_stops_early(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *FAST, "--epochs", "9", "--target-accuracy", "30"]) == 0
    assert "the target accuracy of 30.00 % is reached" in capsys.readouterr().out


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, text in {
        ("--version",): __version__,
        ("--help",): "train",
        ("train", "--help"): "examples:",
    }.items():
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        assert stop.value.code == 0 and text in capsys.readouterr().out


def test_validation_data_decide_and_test_data_only_report(tmp_path: Path) -> None:
    """A seeded, stratified tenth of the training data; no picture is in two parts."""
    bundle = data.load("digits")
    smaller, validation = data.hold_out(bundle, 0.1, seed=3)
    labels = data.labels_of(validation)
    counts = np.bincount(labels, minlength=10)
    assert len(smaller.train) + len(validation) == len(bundle.train) and counts.max() - counts.min() <= 1
    assert not set(smaller.train.indices) & set(validation.indices)
    assert (
        validation.indices == data.hold_out(bundle, 0.1, seed=3)[1].indices != data.hold_out(bundle, 0.1, 4)[1].indices
    )
    assert data.hold_out(bundle, 0, 3)[0].train is bundle.train
    assert main(["train", *FAST, "--epochs", "2", "--validation", "0.1", "--out", "run"]) == 0
    rows = io.load(tmp_path / "run" / "best.safetensors")["history"]
    best = max(rows, key=lambda row: row["validation_accuracy"])
    assert rows[-1]["epoch"] == best["epoch"] and rows[-1]["test_accuracy"] is not None
    assert main(["train", *FAST, "--epochs", "2", "--out", "all"]) == 0  # without: the training loss decides
    rows = io.load(tmp_path / "all" / "best.safetensors")["history"]
    assert rows[-1]["epoch"] == min(rows, key=lambda row: row["train_loss"])["epoch"]


def test_a_run_is_exported_and_used_as_a_file(tmp_path, capsys):
    """checkpoint -> .onnx -> predict and summary say the same as for the checkpoint."""
    pytest.importorskip("onnx")
    from PIL import Image

    assert main(["train", "--epochs", "1", "--no-report", "--out", str(tmp_path / "run")]) == 0
    Image.fromarray(np.arange(64, dtype="u1").reshape(8, 8) * 4).save(tmp_path / "p.png")
    for name in ("m.onnx", "w.pt", "w.safetensors"):
        assert main(["export", str(tmp_path / "run"), str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "run"), str(tmp_path / "p.png")]) == 0
    expected = capsys.readouterr().out
    assert main(["predict", "--model", str(tmp_path / "m.onnx"), str(tmp_path / "p.png")]) == 0
    assert capsys.readouterr().out == expected
    totals = []
    for path in (tmp_path / "run", tmp_path / "m.onnx"):
        assert main(["summary", str(path)]) == 0
        totals.append(capsys.readouterr().out.splitlines()[-1].split())
    assert totals[0] == totals[1]
    weights = str(tmp_path / "w.pt")
    assert main(["export", "digits_cnn", str(tmp_path / "again.onnx"), "--weights", weights, "--image-size", "8"]) == 0
    assert main(["export", str(tmp_path / "run"), str(tmp_path / "m.h5")]) == 2
    assert main(["predict", str(tmp_path / "run")]) == 2
