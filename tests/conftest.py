"""Fixtures and the summary shared by all tests.

Profiles: HYPOTHESIS_PROFILE=dev (default, few examples) or ci (many). Both are derandomized: same code, same tests.
AUTOGRAD_DATA names the folder with data sets; tests that need files from it say so when they are skipped.
"""

import gc
import importlib
import importlib.util
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from autograd import kernels, tape
from autograd.op import registry

ROOT = Path(__file__).resolve().parent.parent
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
for name, examples in (("dev", 5), ("ci", 100)):
    settings.register_profile(
        name, max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

counts = {"cases": 0, "planted": 0, "caught": 0, "equivalent": 0}


def _setup() -> dict:
    """The names of setup.py, without running its setup() call."""
    source = (ROOT / "setup.py").read_text().partition("\nsetup(")[0]
    space = {"__file__": str(ROOT / "setup.py"), "__name__": "setup_for_tests"}
    exec(compile(source, "setup.py", "exec"), space)
    return space


def _stale(setup: dict) -> list[str]:
    """Extensions built from other sources than those beside them."""
    names = [] if setup["source_hash"]() == kernels.SOURCE_HASH else ["kernels"]
    for name in setup["COMPILED"]:
        module = importlib.import_module(f"autograd.{name}")
        stem = ROOT / "autograd" / name.replace(".", "/")
        sources = [path for suffix in (".py", ".pxd") if (path := stem.with_suffix(suffix)).exists()]
        if Path(module.__file__).stat().st_mtime < max(p.stat().st_mtime for p in sources):
            names.append(name)
    return names


def pytest_configure(config):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored in the background
    config.addinivalue_line("markers", "slow: many examples or minutes; run with -m slow")
    config.addinivalue_line("filterwarnings", "error")
    if not config.option.markexpr:
        config.option.markexpr = "not slow"


def pytest_sessionstart(session):
    """A stale build would test old code. Installed packages (no sources beside them) cannot be stale."""
    if Path(kernels.__file__).resolve().is_relative_to(ROOT):
        stale = _stale(_setup())
        if stale:
            pytest.exit(f"stale build of {', '.join(stale)}: python setup.py build_ext --inplace", returncode=3)


@pytest.fixture(autouse=True)
def unchanged_modes():
    """Tests may switch threads, instruction set, algorithms and grad mode; the next test starts afresh."""
    threads, isa, grad = kernels.get_num_threads(), kernels.isa(), tape.grad_enabled()
    winograd = kernels.winograd()
    yield
    kernels.set_num_threads(threads)
    kernels.set_isa(isa)
    kernels.set_winograd(winograd)
    tape.set_grad_enabled(grad)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def count():
    """Adds to the figures of the summary: count(cases=3)."""

    def add(**more):
        for key, value in more.items():
            counts[key] += value

    return add


@pytest.fixture(scope="session")
def data_dir():
    """The folder that AUTOGRAD_DATA names."""
    folder = os.environ.get("AUTOGRAD_DATA")
    if not folder:
        pytest.skip("AUTOGRAD_DATA is not set")
    return Path(folder)


@pytest.fixture
def no_leaked_threads():
    """The threads of loaders end with the test."""
    from loaders import loader_threads

    yield
    deadline = time.monotonic() + 5
    while loader_threads() and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert not loader_threads()


@pytest.fixture
def scratch_ops():
    """Ops that a test declares are gone afterwards."""
    before = dict(registry())
    yield registry()
    for name in set(registry()) - set(before):
        del registry()[name]
        tape.declared().pop(name, None)


@pytest.fixture
def load_module(tmp_path):
    """Writes a module and imports it; it is forgotten after the test."""
    loaded = []

    def load(name, text):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        sys.modules.pop(name, None)


def pytest_terminal_summary(terminalreporter):
    tests = sum(len(terminalreporter.stats.get(kind, ())) for kind in ("passed", "failed"))
    terminalreporter.write_line(
        f"registry: {len(registry())} ops, {len(kernels.isas())} kernel variants, {counts['cases']} cases, "
        f"{counts['caught']} of {counts['planted']} planted faults caught "
        f"({counts['equivalent']} equivalent), {tests} tests"
    )
