"""onnxruntime as a peer for inference: the PyTorch model is exported in another process and run here."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import workloads


def export(name: str, path: str) -> None:
    """Writes PyTorch's model of an inference workload as ONNX, with its batch norms folded by the exporter."""
    import torch

    workload = workloads.INFERENCE[name]
    x, _ = workload.batch(torch)
    torch.onnx.export(workload.model(torch).eval(), (x,), path, input_names=["x"], dynamo=False)


def session(spec: dict[str, Any]) -> Callable[[], Any]:
    """A call of the exported model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = spec["threads"]
    options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        command = [sys.executable, "-W", "ignore", "-c", "import sys; from benchmarks.onnx_peer import export; "
                   "export(*sys.argv[1:])", spec["name"], path]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        model = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    shape = workloads.INFERENCE[spec["name"]].shape
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return lambda: model.run(None, {"x": x})
