"""PyTorch's sample inputs through every op of the same name; `python tests/conformance/runner.py` prints the score."""

import warnings

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import runner

NAMES = runner.names()
PRESENT = [name for name in NAMES if runner.find(name) is not None]
LEAST = 300  # ops under torch's own name
SAMPLES = 20  # of each op in CI, where all 13,000 would take too long


def check(name, count, limit=None):
    with np.errstate(all="ignore"):
        score = runner.run(name, NAMES[name], limit)
    assert not score.faults, "\n".join(score.faults[:10])
    count(cases=score.samples + score.errors)
    if not score.samples:
        pytest.skip(f"no sample input can be translated: {dict(score.skipped)}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PRESENT)
def test_agrees_with_torch(name, count):
    check(name, count, SAMPLES)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PRESENT)
def test_agrees_with_torch_on_all_samples(name, count):
    check(name, count)


def test_enough_ops_are_present():
    assert len(PRESENT) >= LEAST, f"{len(PRESENT)} ops; absent: {sorted(set(NAMES) - set(PRESENT))}"
