"""The names of the array API standard against NumPy; `python tests/conformance/array_api.py` prints the score."""

import array_api
import pytest


@pytest.mark.parametrize("name", array_api.CALLS)
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_numpy(name):
    assert array_api.present(name)
    assert array_api.fault(name) is None


def test_what_is_absent_has_a_reason():
    assert [name for name in array_api.ABSENT if array_api.present(name)] == []
    assert all(array_api.present(name) for name in array_api.DIFFERENT)
