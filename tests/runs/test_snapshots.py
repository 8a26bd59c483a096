import copy

import numpy as np
import pytest

from digitcore.models import CNN, MLP, SoftmaxRegression
from digitcore.runs import RunSpec, snapshots
from digitcore.runs.snapshots import MOST_SNAPSHOTS, QUANTILES, Recorder, snapshot_epochs
from digitcore.runs.training import train_spec

MODELS = {
    "softmax": SoftmaxRegression(epochs=3),
    "mlp": MLP(hidden_units=(12, 7), epochs=3, random_state=0),
    "cnn": CNN(channels=(4,), hidden_units=(8,), epochs=3, random_state=0),
}


@pytest.mark.parametrize("n_epochs", [1, 2, 48, 49, 50, 51, 100, 1001, 100_000])
def test_at_most_fifty_epochs_are_kept_the_first_and_the_last_among_them(n_epochs):
    kept = snapshot_epochs(n_epochs)
    assert len(kept) <= MOST_SNAPSHOTS
    assert (min(kept), max(kept)) == (0, n_epochs)
    assert n_epochs >= MOST_SNAPSHOTS or len(kept) == n_epochs + 1


def test_early_epochs_are_kept_more_often_than_late_ones():
    kept = sorted(snapshot_epochs(1000))
    assert sum(epoch <= 100 for epoch in kept) > sum(epoch > 900 for epoch in kept)


@pytest.mark.parametrize("most", [2, 3, 4, 5, 6])
def test_few_snapshots_have_the_start_and_the_end_as_well(most):
    kept = snapshot_epochs(500, most=most)
    assert {0, 500} <= kept
    assert len(kept) <= most


def recorded(model, digits):
    epochs = model.iter_fit(*digits)
    recorder = Recorder(model, *digits)
    kept = [model.get_weights()]
    for epoch in epochs:
        recorder.take(epoch.number)
        kept.append(model.get_weights())
    return recorder.arrays, kept


@pytest.mark.parametrize("name", MODELS)
def test_the_first_layer_is_that_of_each_epoch(name, digits):
    arrays, kept = recorded(MODELS[name], digits)
    first = {"softmax": "output.weight", "mlp": "dense_1.weight", "cnn": "conv_1.weight"}[name]
    assert arrays["epochs"].tolist() == [0, 1, 2, 3]
    assert arrays["first_layer"].dtype == np.float16
    for snapshot, weights in zip(arrays["first_layer"], kept, strict=True):
        np.testing.assert_allclose(snapshot, weights[first], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("activation", ["leaky_relu", "gelu", "tanh", "sigmoid"])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_no_unit_is_called_dead_without_a_relu(name, activation, digits):
    model = copy.deepcopy(MODELS[name])
    arrays, _ = recorded(model, digits)
    assert any(key.startswith("silent.") for key in arrays)
    others, _ = recorded(model.set_params(activation=activation), digits)
    assert set(others) == {key for key in arrays if not key.startswith("silent.")}


@pytest.mark.parametrize("name", MODELS)
def test_the_spread_of_weights_is_that_of_each_epoch(name, digits):
    arrays, kept = recorded(MODELS[name], digits)
    layers = {key.rsplit(".", 1)[0] for key in kept[0]}
    assert {key.removeprefix("weights.") for key in arrays if key.startswith("weights.")} == layers
    for layer in layers:
        expected = [np.quantile(weights[f"{layer}.weight"], QUANTILES) for weights in kept]
        np.testing.assert_allclose(arrays[f"weights.{layer}"], expected, atol=1e-6)
        assert arrays[f"gradients.{layer}"].shape == (4, 5)


def test_silent_units_are_counted(digits):
    model = MLP(hidden_units=(10,), epochs=1, random_state=0, learning_rate=1e-8).fit(*digits)
    model.module_.dense_1.bias.data[:3] = -1000.0
    recorder = Recorder(model, *digits)
    assert recorder.arrays["silent.dense_1"][0] >= 0.3
    silent = (model.activations(digits[0][: snapshots.N_PROBED])["dense_1"].max(axis=0) <= 0).mean()
    assert recorder.arrays["silent.dense_1"].tolist() == [pytest.approx(silent)]


def test_a_large_first_layer_is_kept_less_often(digits, monkeypatch):
    monkeypatch.setattr(snapshots, "MOST_BYTES", 2 * 12 * 64 * 2 * 3)
    model = MLP(hidden_units=(12,), epochs=30, random_state=0)
    arrays, _ = recorded(model, digits)
    assert arrays["epochs"].tolist()[0] == 0
    assert len(arrays["epochs"]) <= 6


def test_weights_beyond_half_precision_stay_finite(digits):
    model = SoftmaxRegression(epochs=1).fit(*digits)
    model.coef_[0, 0] = 1e30
    assert np.isfinite(Recorder(model, *digits).arrays["first_layer"]).all()


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_a_training_keeps_its_snapshots_and_is_not_changed_by_them(model, monkeypatch):
    spec = RunSpec(dataset="digits", model=model, parameters={"epochs": 2})
    outcome = train_spec(spec)
    assert outcome.arrays.snapshots["epochs"].tolist() == [0, 1, 2]
    monkeypatch.setattr(Recorder, "_look", lambda recorder: {"first_layer": np.zeros(1)})
    plain = train_spec(spec).arrays
    for name in (name for name in plain if not name.startswith("snapshots.")):
        np.testing.assert_array_equal(outcome.arrays[name], plain[name])


def test_a_stopped_training_keeps_the_epoch_it_ended_with(monkeypatch):
    monkeypatch.setattr(snapshots, "MOST_SNAPSHOTS", 2)
    monkeypatch.setattr(snapshots, "MOST_BYTES", 1)
    spec = RunSpec(dataset="digits", model="mlp", parameters={"epochs": 500})
    done = []
    outcome = train_spec(spec, on_epoch=done.append, should_stop=lambda: len(done) == 7)
    assert outcome.state == "cancelled"
    assert outcome.arrays.snapshots["epochs"].tolist()[-1] == 7
