"""PyTorch's sample inputs of layers through the layers of the same name; `python tests/conformance/modules.py`."""

import warnings

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import modules

NAMES = modules.names()
PRESENT = [name for name in NAMES if modules.find(name) is not None]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PRESENT)
def test_layer_agrees_with_torch(name, count):
    score = modules.run(name, NAMES[name])
    assert score.passed, "\n".join(score.faults[:10])
    count(cases=score.samples + score.errors)


def test_what_is_absent_has_a_reason():
    assert set(NAMES) - set(PRESENT) == set(modules.ABSENT)
