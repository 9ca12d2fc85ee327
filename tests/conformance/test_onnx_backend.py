"""ONNX's own backend suite: prints the score; what does not pass is listed here, with the reason."""

import fnmatch
import unittest
import warnings

import numpy as np
import pytest

onnx_test = pytest.importorskip("onnx.backend.test")

STRINGS = "works on strings"
RANDOM = "draws random numbers: no two implementations agree on them"
TRAINING = "the preview training domain, which no exporter writes"
CLASSIC = "the domain of classical machine learning"
IMAGE = "decodes image files"

# Patterns of case names -> why they are not expected to pass.
LEFT_OUT = {
    "test_strnorm*": STRINGS, "test_string_*": STRINGS, "test_regex_*": STRINGS,
    "test_tfidfvectorizer_*": "counts n-grams of tokens", "test_image_decoder_*": IMAGE,
    "test_ai_onnx_ml_label_encoder_*": CLASSIC, "test_ai_onnx_ml_tree_ensemble_*": CLASSIC,
    "test_adagrad*": TRAINING, "test_adam*": TRAINING, "test_momentum*": TRAINING, "test_nesterov*": TRAINING,
    "test_gradient_of_*": TRAINING,
    "test_bernoulli*": RANDOM, "test_training_dropout*": RANDOM,
    "test_*deform_conv*": "deformable convolution", "test_loop16_seq_none_*": "an optional sequence as loop state",
    "test_attention_4d_causal_fp16*": "float16 sums are rounded at other places than NumPy's",
}  # fmt: skip


def outcomes():
    """Case name -> None, or the last line of what went wrong."""
    import autograd

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        suite = onnx_test.BackendTest(autograd.onnx.backend, __name__)
        found = {}
        for case in suite.test_cases.values():
            for name in sorted(n for n in dir(case) if n.startswith("test_") and n.endswith("_cpu")):
                result = unittest.TestResult()
                case(name).run(result)
                bad = result.errors + result.failures + [(c, f"skipped: {why}") for c, why in result.skipped]
                found[name] = bad[0][1].strip().splitlines()[-1] if bad else None
    return found


@pytest.mark.slow
def test_the_backend_suite(capsys):
    found = outcomes()
    passed = [name for name, fault in found.items() if fault is None]
    unexpected = {
        name: fault
        for name, fault in found.items()
        if fault is not None and not any(fnmatch.fnmatch(name, pattern) for pattern in LEFT_OUT)
    }
    with capsys.disabled():
        print(f"\nONNX backend suite: {len(passed)} of {len(found)} pass; {len(found) - len(passed)} left out")
    assert not unexpected
    assert len(passed) >= 1900
    light = [name for name in passed if name in LIGHT]
    assert len(light) == 9


LIGHT = {
    f"test_{name}_cpu"
    for name in ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet",
                 "vgg19", "zfnet512")
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if "shuffle" in n or "squeeze" in n else pytest.mark.long) for n in sorted(LIGHT)]
)
def test_light_models_on_random_weights(name):
    """The light models' weights are constant, which hides faults; with random ones they equal onnxruntime."""
    from pathlib import Path

    import onnx

    runtime = pytest.importorskip("onnxruntime")
    from autograd.onnx.backend import Backend

    folder = Path(onnx_test.__file__).parent / "data" / "light"
    model = onnx.load(folder / f"light_{name.removeprefix('test_').removesuffix('_cpu')}.onnx")
    rng = np.random.default_rng(0)
    ranges = {n.output[0]: n for n in model.graph.node if n.op_type == "ConstantOfShape"}
    variances = {n.input[4] for n in model.graph.node if n.op_type == "BatchNormalization"}
    shapes = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    for output, node in ranges.items():
        shape = shapes[node.input[0]]
        fan_in = max(int(np.prod(shape[1:])), 1)
        values = (
            rng.standard_normal(shape) * (2 / fan_in) ** 0.5 if len(shape) > 1 else rng.standard_normal(shape) * 0.1
        )
        values = np.abs(values) + 0.5 if output in variances else values
        model.graph.node.remove(node)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values.astype("f4"), output))
    given = [v for v in model.graph.input if v.name not in {t.name for t in model.graph.initializer}]
    x = rng.standard_normal([d.dim_value for d in given[0].type.tensor_type.shape.dim]).astype("f4")
    (ours,) = Backend.prepare(model).run([x])
    (theirs,) = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {given[0].name: x}
    )
    assert np.abs(ours - theirs).max() <= 1e-4 * max(np.abs(theirs).max(), 1e-30)
