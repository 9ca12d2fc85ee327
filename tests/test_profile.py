"""The profiler: what it counts, and that nothing of it stays behind."""

import json
import threading

import numpy as np
import pytest

import autograd
from autograd import nn, optim
from autograd.op import registry
from autograd.ops.batch_norm_relu import batch_norm_relu_train
from autograd.ops.pool import avg_pool2d_grad
from autograd.sampling import Sampler
from autograd.tape import Op


def make():
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 36, 3))
    return model, autograd.randn(5, 1, 8, 8), autograd.tensor(np.arange(5) % 3)


def step(model, x, labels):
    sgd = optim.SGD(model.parameters(), lr=0.1)
    nn.functional.cross_entropy(model(x), labels).backward()
    gradients = [p.grad.numpy().copy() for p in model.parameters()]
    sgd.step()
    return gradients


def forwards():
    return {name: (r.call.forward, r.call.kernel) for name, r in registry().items() if isinstance(r.call, Op)}


def test_counts_every_op_forward_and_backward():
    model, x, labels = make()
    with autograd.profile() as p:
        for _ in range(3):
            step(model, x, labels)
    rows = {row.name: row for row in p.key_averages()}
    assert rows["conv2d"].calls == rows["cross_entropy"].calls == rows["optimizer step"].calls == 3
    assert rows["conv2d"].forward > 0 and rows["conv2d"].backward > 0
    assert rows["optimizer step"].other > 0 and rows["optimizer step"].backward == 0
    x_bytes, w_bytes, b_bytes, y_bytes = 4 * 5 * 64, 4 * 36, 4 * 4, 4 * 5 * 4 * 36
    span = next(s for s in p.spans if s.name == "conv2d" and s.phase == "forward")
    assert span.bytes == x_bytes + w_bytes + b_bytes + y_bytes
    assert span.shapes == ((5, 1, 8, 8), (4, 1, 3, 3), (4,))
    assert sum(row.seconds for row in rows.values()) <= p.seconds


def test_an_op_inside_a_rule_belongs_to_the_rules_op():
    x = autograd.randn(3, 3, requires_grad=True)
    with autograd.profile() as p:
        autograd.tanh(x).backward(autograd.ones(3, 3))
        y = x * x
    del y
    inside = [s for s in p.spans if not s.counted]
    assert {s.phase for s in inside} <= {"forward"} and all(s.name != "tanh" for s in inside)
    assert [row.name for row in p.key_averages() if row.backward] == ["tanh"]


PRIMITIVES = [name for name, r in registry().items() if isinstance(r.call, Op) and r.samples]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_every_op_has_flops(name):
    record = registry()[name]
    for seed in range(3):
        args, attrs = record.samples(Sampler(seed))
        with autograd.profile() as p:
            record.call(*args, **attrs)
        span = next(s for s in p.spans if s.name == name)
        assert span.flops == int(span.flops) >= 0 and span.bytes >= 0
        if record.view and record.flops is None:
            assert span.flops == 0


def test_an_elementwise_op_counts_elements_and_a_reduction_its_input():
    with autograd.profile() as p:
        (autograd.ones(3, 4) + autograd.ones(4)).sum().reshape(1)
    assert {row.name: row.flops for row in p.key_averages()} == {"add": 12, "sum": 12, "reshape": 0}


def test_what_passes_more_than_once_over_its_numbers():
    x = np.ones((2, 4, 6, 6), np.float32)
    for name, call, flops in (
        ("softmax", lambda: autograd.softmax(x, axis=1), 5 * x.size),
        ("avg_pool2d_grad", lambda: avg_pool2d_grad(x, x_shape=(2, 4, 12, 18), kernel_size=(2, 3)), 6 * x.size),
        ("batch_norm_relu_train", lambda: batch_norm_relu_train(x), 6 * x.size),
    ):
        with autograd.profile() as p:
            call()
        assert [(span.name, span.flops) for span in p.spans] == [(name, flops)]


PRODUCTS = ["matmul", "linear", "linear_grad_w", "contract", "conv2d", "conv2d_grad_x", "conv2d_grad_w"]


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_count_every_term_twice(name):
    """With ones everywhere, the sum of the result counts the products; padding makes some that are not needed."""
    record = registry()[name]
    exact = 0
    for seed in range(20):
        args, attrs = record.samples(Sampler(seed))
        ones = [None if a is None else np.ones(np.shape(a)) for a in args[:2]]
        with autograd.profile() as p:
            out = record.call(*ones, **attrs)
        terms, flops = 2 * out.sum().item(), p.spans[0].flops
        assert flops >= terms
        exact += flops == terms
    assert exact == 20 if not name.startswith("conv") else exact > 0


def test_groups_by_shapes_break_rules_up():
    x, w = autograd.randn(2, 3, 6, 6, requires_grad=True), autograd.randn(4, 3, 3, 3, requires_grad=True)
    with autograd.profile() as p:
        autograd.nn.functional.conv2d(x, w).sum().backward()
    rows = {row.name: row for row in p.key_averages(group_by_input_shape=True)}
    assert rows["conv2d 2x3x6x6 4x3x3x3"].forward > 0 and rows["conv2d 2x3x6x6 4x3x3x3"].backward == 0
    assert rows["conv2d_grad_w 2x4x4x4 2x3x6x6"].backward > 0 and "conv2d" not in rows


def test_nothing_stays_behind_and_bits_are_the_same():
    model, x, labels = make()
    before, rules = forwards(), {name: r.rules for name, r in registry().items()}
    optimizer_step = optim.Optimizer.step
    plain = step(model, x, labels)
    model, x, labels = make()
    with autograd.profile():
        assert forwards()["tanh"] != before["tanh"]
        profiled = step(model, x, labels)
    assert all(np.array_equal(a, b) for a, b in zip(plain, profiled))
    assert forwards() == before and optim.Optimizer.step is optimizer_step
    assert all(r.rules is rules[name] for name, r in registry().items())


def test_an_exception_inside_restores_and_passes():
    before = forwards()
    with pytest.raises(autograd.ShapeError), autograd.profile() as p:
        autograd.randn(2, 3) @ autograd.randn(2, 3)
    assert forwards() == before
    assert [s.name for s in p.spans] == ["matmul"] and p.spans[0].bytes == 0
    with autograd.profile():
        autograd.relu(autograd.ones(2))


def test_a_graph_may_be_differentiated_after_the_profile():
    x = autograd.ones(3, requires_grad=True)
    with autograd.profile() as p:
        y = autograd.exp(x).sum()
    noted = len(p.spans)
    y.backward()
    assert np.allclose(x.grad.numpy(), np.e) and len(p.spans) == noted


def test_profiles_do_not_nest():
    with autograd.profile(), pytest.raises(RuntimeError, match="cannot be nested"), autograd.profile():
        pass


def test_threads_have_their_own_stacks():
    with autograd.profile() as p:
        threads = [threading.Thread(target=lambda: autograd.exp(autograd.ones(4))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    exps = [s for s in p.spans if s.name == "exp"]
    assert len(exps) == 3 and all(s.counted for s in exps)


def test_table():
    model, x, labels = make()
    with autograd.profile() as p:
        step(model, x, labels)
    lines = str(p).splitlines()
    assert lines[0].split()[:4] == ["op", "calls", "forward", "backward"]
    assert any(line.startswith("conv2d ") for line in lines) and lines[-3].startswith("outside of ops")
    names = [line.split()[0] for line in p.table(sort_by="name").splitlines()[2:-3]]
    assert names == sorted(names)
    assert len(p.table(row_limit=1).splitlines()) == len(lines) - len(p.key_averages()) + 1
    with pytest.raises(ValueError, match="sort_by is one of name, calls"):
        p.table(sort_by="cost")


def test_chrome_trace(tmp_path):
    x = autograd.ones(4, 4, requires_grad=True)
    with autograd.profile() as p, autograd.profiler.record_function("mine"):
        (x @ x).sum().backward()
    p.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == len(p.spans) and {"mine", "matmul"} <= {e["name"] for e in events}
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events) and events[0]["name"] == "mine"
    ends = [e["ts"] + e["dur"] for e in events]
    assert max(ends) == ends[0]  # the span around all the others
    assert "mine" not in {row.name for row in p.key_averages()}
    assert next(e for e in events if e["name"] == "matmul")["args"]["shapes"] == [[4, 4], [4, 4]]


def test_record_function_alone_does_nothing():
    with autograd.profiler.record_function("mine"):
        autograd.ones(2)
