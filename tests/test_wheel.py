"""What users get: the wheel built from the sdist, in a fresh environment, away from the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 5 << 20
LEFT_OUT = shutil.ignore_patterns(".*", "*.so", "build", "dist", "runs", "*.egg-info", "__pycache__")


def run(*command, cwd, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AUTOGRAD"))}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment | variables, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT, folder / "source", ignore=LEFT_OUT)
    done = run(sys.executable, "-m", "build", "--outdir", folder, folder / "source", cwd=folder)  # wheel from sdist
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(list(folder.glob("cygrad-*.tar.gz"))) == 1
    (found,) = folder.glob("cygrad-*.whl")
    return found


@pytest.mark.slow
@pytest.mark.long
def test_the_wheel_is_small_and_knows_no_machine(wheel):
    assert wheel.stat().st_size <= LIMIT
    traces = [os.fsencode(place) for place in (ROOT, wheel.parent, Path.home(), sys.prefix)] + [b"build-env-"]
    own = os.fsencode(sys.base_prefix)  # the interpreter's linker flags may put its folder into extensions
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            assert not name.startswith(("tests", "benchmarks", "kernels")), name
            content = archive.read(name).replace(own, b"")
            assert not [trace for trace in traces if trace in content], name


@pytest.mark.slow
@pytest.mark.long
def test_the_wheel_works_in_a_fresh_environment(wheel, tmp_path):
    assert run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path).returncode == 0
    programs = tmp_path / "env" / "bin"
    done = run(programs / "python", "-m", "pip", "install", "-q", f"{wheel}[train]", cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    def autograd(*arguments, **variables):
        return run(programs / "autograd", *arguments, cwd=tmp_path, **variables)

    for arguments, variables in ((("--epochs", "2"), {}), (("--epochs", "1"), {"AUTOGRAD_ISA": "base"})):
        done = autograd("train", *arguments, **variables)
        assert done.returncode == 0, done.stderr
        accuracy = [float(line.split()[2]) for line in done.stdout.splitlines() if line.startswith("test accuracy")]
        assert len(accuracy) == 1 and accuracy[0] > 80
    done = autograd("gradcheck", "add")
    assert done.returncode == 0, done.stdout + done.stderr
    done = autograd("bench")
    assert done.returncode != 0 and "checkout" in done.stderr and "Traceback" not in done.stderr
