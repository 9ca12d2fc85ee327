"""Every op of the registry, checked from its declaration: results, gradients, layouts, errors, variants, threads."""

import os

import numpy as np
import pytest
from hypothesis import given

from autograd import ops
from autograd.checking.checks import CHECKS
from autograd.checking.opcheck import check_op
from autograd.op import registry
from autograd.tape import declared
from autograd.testing import assert_gradients, cases

RECORDS = [
    pytest.param(record, id=name) for name, record in registry().items() if record.module.startswith("autograd.")
]
EVERY_OP = pytest.mark.parametrize("record", RECORDS)
MANY = 10 if os.environ.get("HYPOTHESIS_PROFILE") == "ci" else 1


@pytest.mark.parametrize(
    ("check", "record"),
    [
        pytest.param(check, *row.values, id=f"{check}-{row.id}")
        for row in RECORDS
        for check in CHECKS
        if check != "threads" or not row.values[0].composite  # threads are the kernels' business, in ops of their own
        if check != "at once" or row.values[0].at_once
    ],
)
def test_check(check, record, count):
    number = {"reference": 24, "gradients": 12, "adjoint": 12, "second order": 8, "threads": 1}.get(check, 8)
    if record.composite:  # made of ops that are checked themselves
        number = -(-number // 4)
    report = check_op(record, number * MANY, seed=1, checks=[check])
    count(cases=report.runs.get(check, 0))
    assert report.ok, str(report)
    if check == "adjoint" and record.linear_in and record.differentiable:
        assert report.runs, f"declared linear in {record.linear_in}, but in no sample case"


@pytest.mark.slow
@EVERY_OP
def test_drawn_by_hypothesis(record, count):
    """The same with shrinking: a failure here is reported with the smallest sizes that show it."""

    @given(cases(record))
    def test(case):
        count(cases=1)
        assert_gradients(record, case)

    if not record.random:
        test()


@EVERY_OP
def test_declaration_is_complete(record):
    assert record.doc, "no docstring"
    assert record.samples is not None, "no samples="
    assert record.reference is not None or record.random, "no reference="
    assert 0 < record.bound < 0.1
    assert set(record.linear_in) <= set(record.signature.parameters), "linear_in names no input"
    assert set(record.axes) <= set(record.signature.parameters), "axes names no input"
    if record.differentiable and not record.composite:
        assert record.rules, "no gradient rules; differentiable=False if it has none"
        missing = set(record.inputs) - set(record.rules)
        assert not missing, f"inputs {missing} have neither a rule nor None"


@EVERY_OP
def test_samples_are_reproducible(record):
    from autograd.sampling import Sampler

    one, two = record.samples(Sampler(3)), record.samples(Sampler(3))
    for a, b in zip(one.args, two.args):
        np.testing.assert_array_equal(a, b)


def test_handles_are_complete():
    """Every op that the tape or the tensor declares by name is defined by a family of ops."""
    assert [name for name, handle in declared().items() if handle.record is None] == []


def test_aliases_resolve():
    for alias, name in ops.ALIASES.items():
        assert name in registry(), f"{alias}={name}"
        assert alias not in registry(), f"{alias} is an op of its own"
        assert ops.namespace()[alias] is registry()[name].call
