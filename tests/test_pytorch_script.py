"""A PyTorch training script, kept as text and run with only its imports changed; the same script under PyTorch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import device as device_class
from autograd.device import cgroup_quota, default_threads, usable_cores

ROOT = Path(__file__).resolve().parent.parent

TORCH_IMPORTS = """
import torch
from torch import nn, optim
import torch.nn.functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset
"""
OUR_IMPORTS = """
import autograd as torch
from autograd import nn, optim
import autograd.nn.functional as F
from autograd.optim import lr_scheduler
from autograd.utils.data import DataLoader, TensorDataset
"""

SCRIPT = """
import numpy as np

torch.manual_seed(0)
torch.set_num_threads(1)
use_mps = torch.backends.mps.is_available()
device = torch.device("mps" if use_mps else "cuda" if torch.cuda.is_available() else "cpu")


class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.conv = nn.Conv2d(8, 12, kernel_size=3, stride=2, padding=1, bias=False)
        self.drop = nn.Dropout(p=0.5)
        self.fc = nn.Linear(12, classes)

    def forward(self, x):
        x = self.features(x)
        x = F.relu(self.conv(x))
        x = F.adaptive_avg_pool2d(x, 1)
        x = torch.flatten(x, 1)
        return self.fc(self.drop(x))


rng = np.random.default_rng(0)
images = rng.standard_normal((64, 1, 8, 8)).astype(np.float32) * 0.5
labels = rng.integers(0, 4, 64)
images[:, 0] += np.sin(np.arange(8) * (labels[:, None, None] + 0.5)) * 2
dataset = TensorDataset(torch.from_numpy(images), torch.tensor(labels, dtype=torch.int64))
loader = DataLoader(dataset, batch_size=16, shuffle=False)

model = Net().to(device)
if initial is not None:
    model.load_state_dict({k: torch.tensor(v) for k, v in initial.items()})
initial = {k: v.cpu().numpy().copy() for k, v in model.state_dict().items()}
model = model.to(memory_format=torch.channels_last)
model.drop.p = 0.0  # random streams differ between libraries
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True)
scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, epochs=6, steps_per_epoch=len(loader))

losses = []
for epoch in range(6):
    model.train()
    for x, y in loader:
        x, y = x.to(device).to(memory_format=torch.channels_last), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())

model.eval()
correct = 0
with torch.no_grad():
    for x, y in loader:
        pred = model(x).argmax(dim=1)
        correct += (pred == y).sum().item()
accuracy = correct / len(dataset)
probabilities = F.softmax(model(torch.randn(3, 1, 8, 8)), dim=1).detach().numpy()
final = {k: v.detach().cpu().numpy() for k, v in model.state_dict().items()}
count = sum(p.numel() for p in model.parameters() if p.requires_grad)
rate = scheduler.get_last_lr()[0]
kinds = {str(p.dtype).replace("torch.", "") for p in model.parameters()}
"""


def run(imports, initial=None):
    space = {"initial": initial, "__name__": "script"}
    exec(compile(imports + SCRIPT, "script.py", "exec"), space)
    return space


def test_the_script_learns():
    space = run(OUR_IMPORTS)
    assert len(space["losses"]) == 24 and space["accuracy"] >= 0.95
    assert space["losses"][-1] < 0.5 * space["losses"][0]
    np.testing.assert_allclose(space["probabilities"].sum(1), 1, rtol=1e-5)
    assert space["count"] == 8 * 9 + 8 + 16 + 12 * 8 * 9 + 12 * 4 + 4 and space["kinds"] == {"float32"}
    again = run(OUR_IMPORTS)
    assert again["losses"] == space["losses"], "the same seed gives the same bits"


@pytest.mark.filterwarnings("ignore")
def test_the_script_does_what_it_does_under_pytorch(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    theirs = run(TORCH_IMPORTS)
    ours = run(OUR_IMPORTS, theirs["initial"])
    np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=1e-4, atol=1e-4)
    assert list(ours["final"]) == list(theirs["final"]) and ours["accuracy"] == theirs["accuracy"]
    for name, value in theirs["final"].items():
        np.testing.assert_allclose(ours["final"][name], value, rtol=1e-3, atol=1e-4, err_msg=name)
    assert ours["rate"] == pytest.approx(theirs["rate"], rel=1e-12) and ours["count"] == theirs["count"]


# --------------------------------------------------------------------------------------------- devices and threads


def test_names_of_old_scripts_and_other_backends():
    x = autograd.autograd.Variable(autograd.ones(2), requires_grad=True)
    assert x.requires_grad and x.tolist() == [1, 1]
    assert not autograd.backends.mps.is_available() and not autograd.backends.cuda.is_built()
    autograd.backends.cudnn.deterministic = True  # has no effect, as results are
    assert autograd.utils.data.TensorDataset and autograd.utils.checkpoint.checkpoint
    with pytest.raises(AttributeError, match="did you mean 'data'"):
        _ = autograd.utils.dat


def test_devices():
    cpu = autograd.device("cpu")
    assert cpu == "cpu" and cpu.type == "cpu" and cpu.index is None and repr(cpu) == "device(type='cpu')"
    gpu = autograd.device("cuda", 1)
    assert gpu == autograd.device("cuda:1") == "cuda:1" and gpu.index == 1 and {gpu: 1}["cuda:1"] == 1
    x = autograd.zeros(2)
    assert x.device == cpu and isinstance(x.device, device_class) and x.to(cpu) is x and x.device.type == "cpu"
    assert not autograd.cuda.is_available() and autograd.cuda.device_count() == 0
    for use in (
        lambda: x.to(gpu), lambda: x.cuda(), lambda: autograd.zeros(2, device=gpu),
        lambda: autograd.nn.Linear(1, 1).to(gpu), lambda: autograd.cuda.synchronize(),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="computes on the CPU only"):
            use()
    with pytest.raises(RuntimeError, match="device: expected one of cpu, cuda"):
        autograd.device("gpu")


def test_top_level_names():
    assert autograd.relu is autograd.nn.functional.relu
    assert autograd.float == np.float32 and autograd.bool == np.bool_ and autograd.long == np.int64
    assert autograd.tensor([1.0]).dtype == autograd.float32 and autograd.is_tensor(autograd.ones(1))
    assert set(autograd.__all__) <= set(dir(autograd)) and "nn" in dir(autograd)
    for name in autograd.__all__:
        assert hasattr(autograd, name)
    with pytest.raises(AttributeError, match=r"has no 'manual_sead'.*'manual_seed'"):
        getattr(autograd, "manual_sead")  # noqa: B009


def test_threads_default_to_what_the_process_may_use(tmp_path):
    assert default_threads({"AUTOGRAD_NUM_THREADS": "3", "OMP_NUM_THREADS": "2"}) == 3
    assert default_threads({"OMP_NUM_THREADS": "2,4"}) == 2
    assert default_threads({}) == usable_cores() >= 1
    with pytest.raises(ValueError, match="AUTOGRAD_NUM_THREADS: expected a number of at least 1, got 'many'"):
        default_threads({"AUTOGRAD_NUM_THREADS": "many"})


def test_the_quota_of_the_control_group(tmp_path):
    membership = tmp_path / "cgroup"
    membership.write_text("0::/outer/inner\n")
    inner = tmp_path / "fs/outer/inner"
    inner.mkdir(parents=True)
    assert cgroup_quota(tmp_path / "fs", membership) is None
    (inner / "cpu.max").write_text("max 100000\n")
    assert cgroup_quota(tmp_path / "fs", membership) is None
    (inner.parent / "cpu.max").write_text("250000 100000\n")
    assert cgroup_quota(tmp_path / "fs", membership) == 2.5
    (inner / "cpu.max").write_text("50000 100000\n")
    assert cgroup_quota(tmp_path / "fs", membership) == 0.5
    membership.write_text("5:cpu,cpuacct:/job\n1:memory:/x\n")
    job = tmp_path / "fs/cpu/job"
    job.mkdir(parents=True)
    (job / "cpu.cfs_quota_us").write_text("300000\n")
    (job / "cpu.cfs_period_us").write_text("100000\n")
    assert cgroup_quota(tmp_path / "fs", membership) == 3.0
    assert cgroup_quota(tmp_path, tmp_path / "missing") is None


def test_import_is_quick_and_light():
    """Rooms are imported when used; nothing heavy comes along."""
    code = (
        "import sys, time, numpy\n"
        "start = time.process_time()\n"
        "import autograd\n"
        "seconds = time.process_time() - start\n"
        "heavy = {'autograd.nn', 'autograd.io', 'safetensors', 'PIL', 'matplotlib', 'hypothesis', 'torch'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(seconds)\n"
        "import autograd.nn.functional as F\n"
        "F.relu, autograd.optim.SGD, autograd.save\n"
    )
    found = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
        )
        found.append(float(done.stdout))
    assert min(found) < 0.15
