"""Runs PyTorch's own sample inputs of layers (module_db) through the layers of the same name, and prints the score.

    python tests/conformance/modules.py [NAME ...]

With torch's weights every float64 sample must agree in results and in the gradients of inputs and parameters, in
training and in evaluation; every error input must be refused. Needs torch and expecttest.
"""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from runner import Score, print_reasons
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db
from translate import VALUE, Untranslatable, accepts, array, compare_gradients, differs, flat, ours

from autograd import nn
from autograd.tensor import Tensor

# Where layers differ from PyTorch's on purpose: name -> [(reason, what is found in the sample or its fault)].
DEVIATIONS = {
    **{
        f"nn.LPPool{d}d": [("|x|^p where torch has x^p, which is NaN for x < 0 and p = 1.5", "(1.5, 2)")]
        for d in (1, 2, 3)
    },
    "nn.NLLLoss": [("weights are cast to x's dtype", "expected scalar type")],
    "nn.CrossEntropyLoss": [("ignore_index has no meaning for probabilities", "ignore_index is not supported")],
}
OTHER_GRADIENTS = {"CTCLoss": "torch returns the gradient of the logits before log_softmax"}
ABSENT = {"nn.LinearCrossEntropyLoss": "a Linear and a CrossEntropyLoss do this"}


def names() -> dict[str, list[Any]]:
    """The ModuleInfos by dotted name."""
    found: dict[str, list[Any]] = {}
    for info in module_db:
        found.setdefault(info.name, []).append(info)
    return found


def find(name: str) -> Any:
    """Our layer of this dotted name, or None."""
    return getattr(nn, name.removeprefix("nn."), None)


def samples_of(info: Any, training: bool) -> Iterator[Any]:
    """A few generators need arguments that vary with torch's version; all take these."""
    yield from info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training)


def build(layer: Any, *args: Any, **kwargs: Any) -> Any:
    """A layer of ours in float64; PyTorch's `device` has no meaning here."""
    return layer(*args, **{k: v for k, v in kwargs.items() if k != "device"}).to(np.float64)


def compare(layer: Any, kind: Any, sample: Any, training: bool) -> str | None:
    """What is wrong with one sample, or None. layer: ours; kind: PyTorch's."""
    made, called = sample.constructor_input, sample.forward_input
    theirs = kind(*made.args, **made.kwargs).to(torch.float64)
    mine = build(layer, *ours(made.args, [], {}), **ours(made.kwargs, [], {}))
    theirs.train(training), mine.train(training)
    if getattr(theirs, "has_uninitialized_params", lambda: False)():  # lazy: the first call says what they are
        theirs(*called.args), mine(*ours(called.args, [], {}))
    found, expected = ([k for k, _ in layer.named_parameters()] for layer in (mine, theirs))
    if found != expected:
        return f"parameters {found}, expected {expected}"
    mine.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    leaves: list[tuple[torch.Tensor, Tensor]] = []
    known: dict[int, Tensor] = {}
    args = [ours(x, leaves, known) for x in called.args]
    kwargs = {k: ours(v, leaves, known) for k, v in called.kwargs.items()}
    wants, gots = list(flat(theirs(*called.args, **called.kwargs))), list(flat(mine(*args, **kwargs)))
    if len(gots) != len(wants):
        return f"{len(gots)} results, expected {len(wants)}"
    for k, (got, want) in enumerate(zip(gots, wants)):
        if fault := differs(array(got), array(want), VALUE):
            return f"result {k}: {fault}"
    for (key, want), got in zip(theirs.named_buffers(), mine.buffers()):
        if fault := differs(array(got), array(want), VALUE):
            return f"{key} afterwards: {fault}"
    if kind.__name__ in OTHER_GRADIENTS:
        return None
    leaves += [(p, q) for p, q in zip(theirs.parameters(), mine.parameters()) if p.requires_grad]
    return compare_gradients(leaves, wants, gots)


def refuses(layer: Any, wrong: Any) -> str | None:
    """None if a wrong sample is refused where it must be, else what happened."""
    made, called = wrong.module_error_input.constructor_input, wrong.module_error_input.forward_input

    def construct(*args: Any, **kwargs: Any) -> tuple:
        build(layer, *args, **kwargs)
        return ()

    fault = accepts(construct, made.args, made.kwargs)
    if fault is None or wrong.error_on is ModuleErrorEnum.CONSTRUCTION_ERROR:  # earlier than torch is as good
        return fault
    return accepts(build(layer, *ours(made.args, [], {}), **ours(made.kwargs, [], {})), called.args, called.kwargs)


def errors_of(info: Any) -> Iterator[Any]:
    if info.module_error_inputs_func is not None:
        yield from info.module_error_inputs_func(info, "cpu", torch.float64, False, True)


def run(name: str, infos: list[Any]) -> Score:
    """All samples and error inputs of one layer."""
    samples = errors = 0
    skipped: Counter = Counter()
    faults: list[str] = []
    layer = find(name)

    def note(fault: str) -> None:
        reason = next((reason for reason, part in DEVIATIONS.get(name, ()) if part in fault), None)
        if reason is None:
            faults.append(fault)
        else:
            skipped[reason] += 1

    torch.manual_seed(0)
    for info in infos:
        for training in (True, False):
            for sample in samples_of(info, training):
                try:
                    fault = compare(layer, info.module_cls, sample, training)
                except Untranslatable as error:
                    skipped[f"no counterpart: {error}"] += 1
                    continue
                except Exception as error:
                    where = traceback.extract_tb(error.__traceback__)[-1]
                    fault = f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"
                samples += fault is None
                if fault is not None:
                    made = sample.constructor_input
                    note(f"{made.args} {made.kwargs} training={training}: {fault}")
        for wrong in errors_of(info):
            fault = refuses(layer, wrong)
            errors += fault is None
            if fault:
                note(f"error input: {fault}; torch: {wrong.error_regex:.90}")
    return Score(name, samples, errors, skipped, faults)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="torch's names, e.g. nn.Conv2d; default: all")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    known = names()
    chosen = options.names or known
    present = {n: known[n] for n in chosen if find(n) is not None}
    scores = [run(name, infos) for name, infos in present.items()]
    for score in scores:
        for fault in score.faults[:3]:
            print(f"{score.name}: {fault:.400}")
    for name in (n for n in chosen if n not in present):
        print(f"absent: {name}: {ABSENT[name]}")
    passed = [s for s in scores if s.passed]
    print_reasons(scores)
    print(
        f"{len(passed)} of {len(present)} layers present agree with torch ({len(known)} in module_db): "
        f"{sum(s.samples for s in scores)} samples, {sum(s.errors for s in scores)} error inputs, "
        f"{sum(sum(s.skipped.values()) for s in scores)} skipped with a reason"
    )
    return 0 if len(passed) == len(present) else 1


if __name__ == "__main__":
    sys.exit(main())
