"""Training: the same bits twice and after a resume, callbacks, report, metrics."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, nn, optim
from autograd.data import DataLoader, TensorDataset
from autograd.errors import FormatError, ShapeError
from autograd.nn import functional as F
from autograd.ops.random import manual_seed
from autograd.train import (
    Callback,
    Checkpoint,
    EarlyStopping,
    Progress,
    TargetAccuracy,
    Trainer,
    class_scores,
    confusion_matrix,
    load_checkpoint,
    most_confused,
    summarize,
)
from autograd.vision.models import get_model

CLASSES = ["left", "middle", "right"]


def pictures(count: int = 60, seed: int = 0) -> tuple[Any, Any]:
    """Noise of 8 x 8 with a bright column whose place is the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.random((count, 1, 8, 8), dtype=np.float32) * 0.3
    for image, label in zip(images, labels):
        image[0, :, 1 + 2 * label] += 0.6
    return images, labels


def make(
    tmp_path: Path, *callbacks: Callback, lr: float = 0.01, epochs: int = 4, seed: int = 0
) -> tuple[Trainer, Any, Any]:
    """A small network with batch norm and dropout, Adam, one-cycle, shuffled loader."""
    manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(16, 3),
    )
    train = DataLoader(TensorDataset(*map(Tensor, pictures())), 8, shuffle=True, seed=seed)
    test = DataLoader(TensorDataset(*map(Tensor, pictures(30, seed=1))), 30)
    optimizer = optim.Adam(model.parameters(), lr=lr)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=lr, total_steps=epochs * len(train))
    return Trainer(model, optimizer, F.cross_entropy, scheduler, callbacks, tmp_path, seed, flow_every=2), train, test


def leaves(state: Any, path: str = "") -> dict[str, Any]:
    """A nested state as {path: array or plain value}, without what a clock measured."""
    if isinstance(state, Tensor):
        return {path: state.array}
    if isinstance(state, dict):
        return {k: v for key, x in state.items() if key not in ("seconds", "images_per_s")
                for k, v in leaves(x, f"{path}/{key}").items()}  # fmt: skip
    if isinstance(state, (list, tuple)):
        return {k: v for i, x in enumerate(state) for k, v in leaves(x, f"{path}/{i}").items()}
    return {path: state}


def assert_same_bits(a: Any, b: Any) -> None:
    a, b = leaves(a), leaves(b)
    assert a.keys() == b.keys()
    for key in a:
        if isinstance(a[key], np.ndarray):
            assert a[key].dtype == b[key].dtype and a[key].tobytes() == b[key].tobytes(), key
        else:
            assert a[key] == b[key], key


class InterruptAt(Callback):
    """Ctrl-C after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_batch_end(self, trainer: Trainer) -> None:
        if trainer.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def test_same_seed_gives_the_same_bits_and_another_one_others(tmp_path: Path) -> None:
    states = []
    for seed in (0, 0, 1):
        trainer, train, test = make(tmp_path, seed=seed)
        trainer.fit(train, test, 2)
        states.append(trainer.state_dict())
    assert_same_bits(states[0], states[1])
    assert states[0]["model"]["0.weight"].array.tobytes() != states[2]["model"]["0.weight"].array.tobytes()


@pytest.mark.parametrize("step", [1, 5, 8, 13, 16])  # 8 steps an epoch: within, at the end of, between epochs
def test_resume_after_interrupt_has_the_bits_of_the_unbroken_run(tmp_path: Path, step: int) -> None:
    whole, train, test = make(tmp_path / "whole", Checkpoint())
    whole.fit(train, test, 4)
    broken, train, test = make(tmp_path / "broken", Checkpoint(), InterruptAt(step))
    with pytest.raises(KeyboardInterrupt):
        broken.fit(train, test, 4)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumed, train, test = make(tmp_path / "broken", Checkpoint(), seed=0)
    manual_seed(99)
    resumed.load_state_dict(load_checkpoint(tmp_path / "broken" / "last.safetensors"))
    assert resumed.step == step
    resumed.fit(train, test, 4)
    a, b = (load_checkpoint(tmp_path / name / "last.safetensors") for name in ("whole", "broken"))
    assert_same_bits({**a, "callbacks": a["callbacks"]["Checkpoint"]}, {**b, "callbacks": b["callbacks"]["Checkpoint"]})
    assert resumed.history.without_clock() == whole.history.without_clock()


KILLED = """
import sys; from pathlib import Path
sys.path.insert(0, {tests!r})
from test_train import make
from autograd.train import Callback, Checkpoint, load_checkpoint
class Pace(Callback):
    def on_batch_end(self, trainer):
        print(trainer.step, flush=True)
trainer, train, test = make(Path({folder!r}), Checkpoint(every=3), Pace(), epochs=12)
if {resume}:
    trainer.load_state_dict(load_checkpoint({folder!r} + "/last.safetensors"))
    print("resumed", trainer.step)
trainer.fit(train, test, 12)
"""


def test_resume_after_kill_9_has_the_bits_of_the_unbroken_run(tmp_path: Path) -> None:
    def program(resume: bool) -> list[str]:
        code = KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "killed"), resume=resume)
        return [sys.executable, "-c", code]

    process = subprocess.Popen(program(False), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 53:  # within epoch 7, two steps after a save
            process.kill()
            break
    process.wait()
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    done = subprocess.run(program(True), capture_output=True, text=True, check=True)
    resumed_at = int(done.stdout.split()[1])
    assert 0 < resumed_at < 96
    whole, train, test = make(tmp_path / "whole", Checkpoint(every=3), Callback(), epochs=12)
    whole.fit(train, test, 12)
    a, b = (load_checkpoint(tmp_path / name / "last.safetensors") for name in ("whole", "killed"))
    a["callbacks"] = b["callbacks"] = None
    assert_same_bits(a, b)


def test_checkpoint_holds_best_and_last(tmp_path: Path) -> None:
    trainer, train, test = make(tmp_path, Checkpoint())
    trainer.fit(train, test, 3)
    accuracies = trainer.history.column("test_accuracy")
    best = load_checkpoint(tmp_path / "best.safetensors")
    assert best["epoch"] == 1 + accuracies.index(max(accuracies))
    assert load_checkpoint(tmp_path / "last.safetensors")["epoch"] == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors"]


def test_damaged_and_foreign_checkpoints_are_refused(tmp_path: Path) -> None:
    trainer, train, test = make(tmp_path, Checkpoint())
    trainer.fit(train, test, 1)
    path = tmp_path / "last.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"last\.safetensors"):
        load_checkpoint(path)
    with pytest.raises(FormatError, match="version"):
        trainer.load_state_dict({**trainer.state_dict(), "version": 99})


class Scripted(Callback):
    """Puts given values into the history."""

    order = -1

    def __init__(self, **columns: list[float]) -> None:
        self.columns = columns

    def on_epoch_end(self, trainer: Trainer) -> None:
        for name, values in self.columns.items():
            trainer.history[-1][name] = values[trainer.epoch - 1]


def test_early_stopping_waits_for_patience(tmp_path: Path) -> None:
    losses = [1.0, 0.8, 0.9, 0.7, 0.75, 0.72, 0.71, 0.6]
    trainer, train, test = make(tmp_path, EarlyStopping(3), Scripted(test_loss=losses), epochs=8)
    trainer.fit(train, test, 8)
    assert trainer.epoch == 7 and trainer.stop_reason == "test_loss has not improved for 3 epochs"
    again, train, test = make(tmp_path, EarlyStopping(3), Scripted(test_loss=losses), epochs=8)
    again.load_state_dict(trainer.state_dict())
    again.fit(train, test, 8)
    assert again.epoch == 7
    with pytest.raises(ValueError, match="patience=0"):
        EarlyStopping(0)


def test_target_accuracy_stops(tmp_path: Path) -> None:
    trainer, train, test = make(tmp_path, TargetAccuracy(0.9), Scripted(test_accuracy=[0.5, 0.91, 0.95]), epochs=3)
    trainer.fit(train, test, 3)
    assert trainer.epoch == 2 and "90.00 %" in str(trainer.stop_reason)


def test_training_learns_and_evaluation_leaves_the_mode(tmp_path: Path) -> None:
    trainer, train, test = make(tmp_path, lr=0.03, epochs=8)
    history = trainer.fit(train, test, 8)
    assert history[-1]["test_accuracy"] > 0.95 and history[-1]["train_loss"] < history[0]["train_loss"]
    seen = trainer.evaluate(test)
    assert trainer.model.training and seen.probabilities.shape == (30, 3)
    assert seen.accuracy == history[-1]["test_accuracy"]
    np.testing.assert_allclose(seen.probabilities.sum(1), 1, rtol=1e-6)
    expected = -np.log(seen.probabilities[np.arange(30), seen.labels]).mean()
    assert seen.loss == pytest.approx(expected, rel=1e-5)
    flow = history[-1]
    assert set(flow["gradient_norms"]) == {"0.weight", "6.weight"} and all(
        v > 0 for v in flow["update_ratios"].values()
    )


def test_diverging_loss_is_an_error(tmp_path: Path) -> None:
    trainer, train, _ = make(tmp_path)
    trainer.loss = lambda scores, y: F.cross_entropy(scores * float("inf"), y)
    with pytest.raises(FloatingPointError, match="epoch 1, batch 1: lower the learning rate"):
        trainer.fit(train, None, 1)


def test_progress_writes_a_line_per_epoch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer, train, test = make(tmp_path, Progress())
    trainer.fit(train, test, 2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for word in ("epoch 1/2", "loss", "accuracy", "images/s", "ETA"):
        assert word in lines[0]


@pytest.mark.parametrize("with_rich", [True, False])
def test_progress_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_rich: bool) -> None:
    import io

    if not with_rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    stream = io.StringIO()
    bar = Progress(stream, bar=True)
    monkeypatch.setattr("autograd.train.progress.REDRAW_SECONDS", 0.0)
    trainer, train, test = make(tmp_path, bar)
    trainer.fit(train, test, 2)
    assert "epoch 2/2  loss" in stream.getvalue() and "ETA" in stream.getvalue()


def test_metrics() -> None:
    labels, predicted = [0, 0, 1, 1, 1, 2], [0, 1, 1, 1, 2, 2]
    counts = confusion_matrix(labels, predicted, 4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 2, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    scores = class_scores(counts)
    np.testing.assert_allclose(scores.precision, [1, 2 / 3, 1 / 2, 0])
    np.testing.assert_allclose(scores.recall, [1 / 2, 2 / 3, 1, 0])
    assert scores.support.tolist() == [2, 3, 1, 0]
    assert most_confused(counts) == [(0, 1, 1), (1, 2, 1)]
    with pytest.raises(ShapeError, match="argmax"):
        confusion_matrix([0, 1], np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"class 7 lies outside 0 \.\. 2"):
        confusion_matrix([0, 7], [0, 1], 3)


def test_summary_counts() -> None:
    layers = summarize(get_model("lenet5"), (2, 1, 28, 28))
    assert sum(layer.parameters for layer in layers) == 61706
    first = layers[0]
    assert (first.kind, first.shape, first.parameters) == ("Conv2d", (2, 6, 28, 28), 156)
    assert first.flops == 2 * 6 * 28 * 28 * (2 * 25 - 1 + 1)  # 25 products, 24 sums, 1 bias
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Softmax(1))
    assert [layer.flops for layer in summarize(model, (1, 1, 6, 6))] == [2 * 16 * 18, 2 * 16, 2 * 4 * 4, 0, 5 * 8]


@pytest.mark.parametrize("name", ["alexnet", "digits_cnn", "googlenet", "lenet5", "mlp", "resnet20", "small_cnn"])
def test_models_have_the_right_shapes(name: str) -> None:
    from autograd.vision.models import model_entry

    size = max(28, model_entry(name).min_size)
    model = get_model(name, 7, 1, image_size=size).eval()
    assert model(Tensor(np.zeros((2, 1, size, size), np.float32))).shape == (2, 7)


def test_unknown_models_list_near_names() -> None:
    with pytest.raises(ValueError, match=r"no model 'resnet2' \(did you mean .*'resnet20'.* all 60"):
        get_model("resnet2")
    with pytest.raises(TypeError, match="lenet5: unknown option 'drop'"):
        get_model("lenet5", drop=1)


def test_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    class Twice(Callback):
        def on_batch_end(self, trainer: Trainer) -> None:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0)  # lets the interpreter see the signal
            raise AssertionError("not reached")

    trainer, train, test = make(tmp_path, Twice())
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(train, test, 1)
