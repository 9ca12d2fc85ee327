"""Accumulation, clipping, averaged weights, mixtures, auxiliary heads, freezing, rates found, event files."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from autograd import Tensor, io, nn, optim
from autograd.cli import main
from autograd.data import DataLoader, TensorDataset
from autograd.nn import functional as F
from autograd.ops.random import manual_seed
from autograd.train import (
    Checkpoint,
    CSVLog,
    History,
    TensorBoard,
    Trainer,
    Unfreeze,
    WeightAverage,
    balanced_weights,
    find_rate,
    freeze,
    head_of,
    load_checkpoint,
)
from autograd.train.tensorboard import crc32c
from autograd.vision.models import get_model
from autograd.vision.transforms import MixUp

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(48, 6)).astype(np.float32), np.arange(48) % 3


def data(batch: int, shuffle: bool = False) -> DataLoader:
    return DataLoader(TensorDataset(Tensor(X), Tensor(Y)), batch, shuffle=shuffle, seed=1)


def model() -> Any:
    manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def run(net: Any, batch: int = 8, epochs: int = 1, lr: float = 0.1, **options: Any) -> Trainer:
    trainer = Trainer(net, optim.SGD(net.parameters(), lr), seed=0, **options)
    trainer.fit(data(batch), epochs=epochs)
    return trainer


def values(net: Any) -> np.ndarray:
    return np.concatenate([p.array.ravel() for p in net.parameters()])


def test_accumulated_batches_count_as_one() -> None:
    parts, whole = run(model(), 5, accumulate=4), run(model(), 20)  # the last ones of 5, 5, ... 3 too
    assert parts.step == whole.step == 3 and parts.epoch == 1
    np.testing.assert_allclose(values(parts.model), values(whole.model), rtol=1e-5, atol=1e-6)
    assert parts.history[0]["train_loss"] == pytest.approx(whole.history[0]["train_loss"])


def test_clipping_bounds_the_step() -> None:
    net = model()
    before = values(net)
    trainer = Trainer(net, optim.SGD(net.parameters(), 1.0), clip=0.01)
    trainer.fit(data(48), epochs=1)
    assert np.linalg.norm(values(net) - before) == pytest.approx(0.01, rel=1e-3)
    for options in ({"clip": 0}, {"accumulate": 0}, {"ema": 1.0}):
        with pytest.raises(ValueError, match=next(iter(options)).replace("ema", "decay")):
            Trainer(net, None, **options)


def test_averaged_weights_are_the_recurrence_and_what_is_evaluated() -> None:
    net = model()
    average, expected = WeightAverage(net, 0.6), values(net).astype(np.float64)
    for step in range(8):
        for p in net.parameters():
            p.array[...] += 1
        average.update()
        keep = min(0.6, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * values(net)
    own = values(net)
    with average.applied():
        np.testing.assert_allclose(values(net), expected, rtol=1e-5)
    assert np.array_equal(values(net), own)

    trainer = run(model(), ema=0.5)
    seen = trainer.evaluate(data(48))
    with trainer.average.applied():
        scores = trainer.model(Tensor(X))
    assert seen.loss == pytest.approx(F.cross_entropy(scores, Tensor(Y)).item(), rel=1e-6)


def test_a_resumed_run_gives_the_same_bits_with_all_techniques(tmp_path: Path) -> None:
    def make(folder: Path, epochs: int, state: Any = None) -> Trainer:
        net = model()
        mix = MixUp(0.4, num_classes=3)
        trainer = Trainer(
            net, optim.Adam(net.parameters(), 0.01), callbacks=[Checkpoint()], out_dir=folder, seed=0,
            accumulate=2, clip=1.0, ema=0.9, mix=lambda x, y, seed: (m := mix(x[:, :, None, None], y, seed))
            and (m[0][:, :, 0, 0], m[1]),
        )  # fmt: skip
        if state is not None:
            trainer.load_state_dict(state)
        trainer.fit(data(8, shuffle=True), data(48), epochs)
        return trainer

    whole = make(tmp_path / "a", 4)
    make(tmp_path / "b", 2)
    rest = make(tmp_path / "b", 4, load_checkpoint(tmp_path / "b/last.safetensors"))
    assert np.array_equal(values(whole.model), values(rest.model))
    assert all(np.array_equal(whole.average.values[k], rest.average.values[k]) for k in whole.average.values)
    assert whole.history.without_clock() == rest.history.without_clock()


class Headed(nn.Module):
    """A model with an auxiliary head."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc, self.aux = nn.Linear(6, 4), nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Any:
        x = self.body(x)
        return (self.fc(x), self.aux(x)) if self.training else self.fc(x)


def test_auxiliary_heads_count_three_tenths() -> None:
    manual_seed(0)
    net = Headed()
    main_loss, aux_loss = (F.cross_entropy(scores, Tensor(Y)).item() for scores in net(Tensor(X)))
    trainer = Trainer(net, optim.SGD(net.parameters(), 0.1))
    trainer.fit(data(48), data(48), epochs=1)
    assert trainer.history[0]["train_loss"] == pytest.approx(main_loss + 0.3 * aux_loss, rel=1e-5)
    assert trainer.history[0]["test_accuracy"] is not None


def test_googlenet_trains() -> None:
    manual_seed(0)
    net = get_model("googlenet", 2, 1)
    x = RNG.normal(size=(2, 1, 64, 64)).astype(np.float32)
    trainer = Trainer(net, optim.SGD(net.parameters(), 0.01))
    trainer.fit(DataLoader(TensorDataset(Tensor(x), Tensor(np.array([0, 1]))), 2), epochs=1)
    assert np.isfinite(trainer.history[0]["train_loss"])


def test_frozen_layers_stay_and_learn_later() -> None:
    net = model()
    freeze(net)
    assert head_of(net) is net[2]
    body, head = net[0].weight.array.copy(), net[2].weight.array.copy()
    run(net)
    assert np.array_equal(net[0].weight.array, body) and not np.array_equal(net[2].weight.array, head)
    freeze(net)
    trainer = Trainer(net, optim.SGD(net.parameters(), 0.1), callbacks=[Unfreeze(2)])
    trainer.fit(data(8), epochs=1)
    assert np.array_equal(net[0].weight.array, body)
    trainer.fit(data(8), epochs=2)
    assert not np.array_equal(net[0].weight.array, body)


def test_balanced_weights() -> None:
    assert balanced_weights([0, 0, 0, 1], 3).tolist() == pytest.approx([4 / 9, 4 / 3, 0])


def test_the_range_test_finds_a_rate_and_leaves_no_trace() -> None:
    net, loader = model(), data(8, shuffle=True)
    optimizer = optim.SGD(net.parameters(), 0.123, momentum=0.9)
    before = values(net)
    curve = find_rate(net, optimizer, loader, low=1e-4, high=100.0)
    assert np.all(np.diff(np.log(curve.rates)) > 0) and len(curve.rates) == len(curve.losses)
    assert 1e-3 < curve.suggestion < 10
    assert np.array_equal(values(net), before) and optimizer.param_groups[0]["lr"] == 0.123
    assert loader.epoch == 0 and all(p.grad is None for p in net.parameters())
    with pytest.raises(ValueError, match="never fell"):
        find_rate(net, optimizer, loader, lambda scores, y: F.cross_entropy(scores, y) * 0 + 1)


# ------------------------------------------------------------------------------------------- logs


def records(content: bytes) -> list[bytes]:
    """The data of TFRecords, checksums checked."""

    def masked(part: bytes) -> int:
        crc = crc32c(part)
        return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF

    found, at = [], 0
    while at < len(content):
        head = content[at : at + 8]
        (size,) = struct.unpack("<Q", head)
        body = content[at + 12 : at + 12 + size]
        assert struct.unpack("<I", content[at + 8 : at + 12])[0] == masked(head)
        assert struct.unpack("<I", content[at + 12 + size : at + 16 + size])[0] == masked(body)
        found.append(body)
        at += 16 + size
    return found


def fields(message: bytes) -> list[tuple[int, Any]]:
    """A protocol buffer's fields: (number, value)."""
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            value: Any = varint()
        elif key & 7 == 2:
            size = varint()
            value = message[at : at + size]
            at += size
        else:
            kind, size = {1: ("<d", 8), 5: ("<f", 4)}[key & 7]
            (value,) = struct.unpack(kind, message[at : at + size])
            at += size
        found.append((key >> 3, value))
    return found


def test_event_files(tmp_path: Path) -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, B.4
    trainer = run(model(), 4, 2, callbacks=[TensorBoard(every=5), CSVLog()], out_dir=tmp_path)
    (path,) = (tmp_path / "tensorboard").iterdir()
    head, *events = records(path.read_bytes())
    assert dict(fields(head))[3] == b"brain.Event:2"
    seen: dict[tuple[str, int], float] = {}
    for message in events:
        parts = dict(fields(message))
        for number, value in fields(parts[5]):
            assert number == 1
            scalar = dict(fields(value))
            seen[scalar[1].decode(), parts[2]] = scalar[2]
    assert seen["epoch/train_loss", 24] == pytest.approx(trainer.history[1]["train_loss"])
    assert ("step/train_loss", 5) in seen and ("epoch/test_loss", 12) not in seen
    assert len(History.read(tmp_path / "history.json")) == 2


# ------------------------------------------------------------------------------------------- the command

CLI = ["train", "--epochs", "2", "--no-report", "--threads", "1", "--batch-size", "128", "--out"]


@pytest.mark.parametrize(
    "options",
    [
        "--mix mixup --ema 0.9 --tensorboard",
        "--mix cutmix --label-smoothing 0.2",
        "--randaugment 5 --erasing 0.5",
        "--accumulate 3 --clip 1 --class-weights balanced",
        pytest.param("--optimizer sgd --scheduler cosine --warmup 1 --lr auto", marks=pytest.mark.slow),
    ],
)
def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str) -> None:
    assert main([*CLI, str(tmp_path), *options.split()]) == 0
    out = capsys.readouterr().out
    assert float(re.search(r"test accuracy ([\d.]+) %", out)[1]) > 50
    assert ("learning rate" in out) == ("auto" in options)
    assert any(tmp_path.glob("tensorboard/events.out.tfevents.*")) == ("tensorboard" in options)
    config = load_checkpoint(tmp_path / "last.safetensors")["config"]
    assert isinstance(config["lr"], float)
    assert main(["evaluate", str(tmp_path)]) == 0  # with the averaged weights where there are any
    assert re.search(r"accuracy ([\d.]+) %", out)[1]


def test_fine_tuning_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "w.safetensors"
    manual_seed(5)
    trained = get_model("digits_cnn", 4)
    io.save(trained.state_dict(), weights)
    assert main([*CLI, str(tmp_path / "run"), "--weights", str(weights), "--freeze", "0"]) == 0
    assert "new: classifier.2.weight, classifier.2.bias" in capsys.readouterr().out
    state = load_checkpoint(tmp_path / "run/last.safetensors")["model"]
    first = "features.0.0.weight"
    assert np.array_equal(state[first].array, trained.state_dict()[first].array)
    assert state["classifier.2.weight"].shape == (10, 256)


MISTAKES = {
    "--mix mixer": "--mix: unknown name 'mixer' (did you mean 'mixup'?)",
    "--warmup 1": "--warmup: goes with --scheduler cosine or step, not with onecycle",
    "--scheduler cosine --warmup 2": "--warmup: 2 epochs leave none of 2",
    "--class-weights even": "--class-weights: unknown name 'even'",
    "--randaugment 31": "argument --randaugment: invalid whole number from 0 to 30 value: '31'",
    "--erasing 2": "argument --erasing: invalid probability between 0 and 1 value: '2'",
    "--ema 1": "argument --ema: invalid decay between 0 and 1 value: '1'",
    "--weights none.safetensors": "none.safetensors",
    "--data cifar10": "cifar-10-binary.tar.gz; add --download, or set AUTOGRAD_DATA to a folder that has it",
}


@pytest.mark.parametrize("options", MISTAKES)
def test_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.setenv("AUTOGRAD_DATA", str(tmp_path))
    try:
        assert main([*CLI, str(tmp_path), *options.split()]) == 2
    except SystemExit as stopped:
        assert stopped.code == 2
    assert MISTAKES[options] in capsys.readouterr().err


def test_colour_pictures_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cifar-10/cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        labels = np.arange(20, dtype=np.uint8)[:, None] % 10
        pixels = RNG.integers(0, 256, (20, 3072), dtype=np.uint8)
        (folder / f"{name}.bin").write_bytes(np.concatenate([labels, pixels], 1).tobytes())
    monkeypatch.setenv("AUTOGRAD_DATA", str(tmp_path))
    assert main(["train", "--data", "cifar10", "--epochs", "1", "--no-report", "--out", str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    assert "resnet20, 272,474 parameters, on cifar10: 90 training and 20 test pictures, 10 classes" in out


def test_pictures_from_a_list_without_the_damaged_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["path,label"]
    for i in range(12):
        Image.fromarray(RNG.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{'ab'[i % 2]}")
    (tmp_path / "3.png").write_bytes(b"no picture")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    data = ["--data", str(tmp_path / "list.csv"), "--image-size", "8", "--gray", "--validation", "0"]
    assert main([*CLI, str(tmp_path / "run"), "--model", "mlp", *data]) == 2
    assert "3.png: not a readable picture" in capsys.readouterr().err
    with pytest.warns(UserWarning, match=r"left out 1 damaged pictures: .*3.png"):
        assert main([*CLI, str(tmp_path / "run"), "--model", "mlp", *data, "--skip-damaged"]) == 0
    assert re.search(r"8 training and 3 test pictures, 2 classes", capsys.readouterr().out)
