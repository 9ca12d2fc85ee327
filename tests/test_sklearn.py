"""scikit-learn's own checks of estimators, and a network of one's own in a pipeline."""

import pickle

import numpy as np
import pytest

import autograd as ag
from autograd import nn
from autograd.vision.datasets import Digits

pytest.importorskip("sklearn")

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from autograd.sklearn import NeuralNetClassifier, NeuralNetRegressor


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("kind", [NeuralNetClassifier, NeuralNetRegressor])
def test_check_estimator(kind):
    check_estimator(kind(max_epochs=60))


def convolutional(channels, outputs):
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, outputs)
    )


def test_pictures():
    data = Digits(train=True)
    X, y = (data.images[:400] / 16).astype(np.float32), np.array(list("abcdefghij"))[data.labels[:400]]
    net = NeuralNetClassifier(convolutional, max_epochs=12, random_state=0).fit(X[:300], y[:300])
    assert net.score(X[300:], y[300:]) > 0.75 and net.losses_[-1] < net.losses_[0]
    assert net.predict_proba(X[:2]).dtype == np.float32
    again = NeuralNetClassifier(convolutional, max_epochs=12, random_state=0).fit(X[:300], y[:300])
    np.testing.assert_array_equal(again.predict_proba(X), pickle.loads(pickle.dumps(net)).predict_proba(X))


def test_a_search_over_a_pipeline(rng):
    X = rng.standard_normal((80, 3)) * [1, 10, 100]
    pipeline = make_pipeline(StandardScaler(), NeuralNetRegressor(random_state=0, max_epochs=30))
    state = ag.get_rng_state()
    search = GridSearchCV(pipeline, {"neuralnetregressor__lr": [1e-6, 0.01]}, cv=2).fit(X, X @ [1, 0.2, -0.01])
    assert search.best_params_ == {"neuralnetregressor__lr": 0.01} and search.best_score_ > 0.9
    np.testing.assert_array_equal(ag.get_rng_state(), state)


def test_an_unknown_optimizer_names_the_near_one():
    with pytest.raises(ValueError, match=r"optimizer: no 'adm' \(did you mean 'adam'"):
        NeuralNetClassifier(optimizer="adm").fit(np.eye(2), [0, 1])
