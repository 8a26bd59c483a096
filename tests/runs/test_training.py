import time

import numpy as np
import pytest

from digitcore.datasets import load_dataset, split
from digitcore.evaluation import predictions
from digitcore.models.torch_backend.network import NetworkTraining
from digitcore.runs import RunSpec, train_spec
from digitcore.runs.training import model_for, split_for, split_of_run


def spec(model="softmax", epochs=5, **changes):
    parameters = {"epochs": epochs, "batch_size": 64}
    return RunSpec(dataset="digits", model=model, parameters=parameters, **changes)


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_every_part_is_evaluated_with_the_probabilities_that_are_kept(model):
    outcome = train_spec(spec(model, split={"validation": "cut"}))
    divided = split(load_dataset("digits"), validation="cut")
    assert list(outcome.evaluation.parts) == ["train", "validation", "test"]
    for part in divided.parts:
        probabilities = outcome.arrays[f"probabilities.{part.name}"]
        assert probabilities.shape == (part.n_images, 10)
        right = (predictions(probabilities) == part.labels).mean()
        assert outcome.evaluation.parts[part.name].accuracy == pytest.approx(right)


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_the_weights_that_are_kept_give_the_probabilities_that_are_kept(model):
    described = spec(model)
    outcome = train_spec(described)
    dataset = load_dataset("digits")
    weights = {name[8:]: array for name, array in outcome.arrays.items() if name.startswith("weights.")}
    restored = model_for(described, dataset).restore(weights, classes=np.arange(10), n_features=64)
    test = split(dataset).test
    np.testing.assert_allclose(
        restored.predict_proba(test.features()), outcome.arrays["probabilities.test"], rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
def test_the_same_spec_gives_the_same_bits(model):
    one, other = train_spec(spec(model)), train_spec(spec(model))
    assert one.tensors == other.tensors


def test_another_seed_gives_other_weights():
    assert train_spec(spec("mlp")).tensors != train_spec(spec("mlp", random_state=1)).tensors


def test_epochs_are_reported_in_order():
    seen = []
    outcome = train_spec(spec(), on_epoch=seen.append)
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4, 5]
    assert outcome.epochs == seen


def test_the_training_stops_when_asked_and_is_evaluated_as_it_stands():
    seen = []
    outcome = train_spec(spec(epochs=50), on_epoch=seen.append, should_stop=lambda: len(seen) == 3)
    assert outcome.state == "cancelled"
    assert len(outcome.epochs) == 3
    assert outcome.evaluation.n_epochs == 3


def test_a_training_that_is_stopped_before_it_begins_has_nothing():
    outcome = train_spec(spec(), should_stop=lambda: True)
    assert (outcome.state, outcome.epochs, outcome.tensors) == ("cancelled", [], None)


def test_a_class_that_the_training_part_lacks_has_no_probability():
    outcome = train_spec(spec(split={"max_train": 3, "validation": "test"}))
    assert outcome.state == "done"
    missing = [int(name) for name in outcome.evaluation.missing_classes["train"]]
    assert len(missing) >= 7
    assert (outcome.arrays["probabilities.test"][:, missing] == 0).all()
    assert outcome.evaluation.parts["test"].n_images == 450


def test_a_foreseen_failure_is_a_state_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITCORE_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "mnist" / f"{name}-ubyte.gz").write_bytes(b"junk")
    outcome = train_spec(RunSpec(dataset="mnist", model="softmax"))
    assert outcome.state == "failed"
    assert "must begin with two zero bytes" in outcome.reason


def test_the_positions_of_each_parts_images_are_kept():
    spec = RunSpec(
        dataset="digits", model="softmax", parameters={"epochs": 1}, split={"validation": "cut", "max_images": 300}
    )
    outcome = train_spec(spec)
    for part in split_for(spec).parts:
        np.testing.assert_array_equal(outcome.arrays.indices[part.name], part.indices)


@pytest.mark.parametrize("validation", ["cut", "test"])
def test_a_run_is_shown_with_the_images_that_it_kept_even_if_the_shuffle_changes(validation):
    spec = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 1}, split={"validation": validation})
    arrays = train_spec(spec).arrays
    other = spec.with_changes(split={"random_state": 1})  # what another shuffle would give
    restored = split_of_run(other, arrays)
    for kept, shown in zip(split_for(spec).parts, restored.parts, strict=True):
        np.testing.assert_array_equal(kept.indices, shown.indices)
    np.testing.assert_array_equal(restored.validation.labels, split_for(spec).validation.labels)


def test_parts_of_a_run_that_kept_no_positions_are_derived_again():
    spec = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 1})
    arrays = {name: array for name, array in train_spec(spec).arrays.items() if not name.startswith("indices.")}
    np.testing.assert_array_equal(split_of_run(spec, arrays).test.indices, split_for(spec).test.indices)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_what_a_process_does_once_is_no_part_of_a_trainings_time(model, monkeypatch):
    described = spec(model, epochs=2)
    before = train_spec(described)
    slow = {"left": 1}
    one_epoch = NetworkTraining.one_epoch

    def compiles_first(training):
        if slow["left"]:
            slow["left"] -= 1
            time.sleep(0.7)
        return one_epoch(training)

    monkeypatch.setattr(NetworkTraining, "one_epoch", compiles_first)
    monkeypatch.setattr("digitcore.runs.training._prepared", set())
    start = time.perf_counter()
    outcome = train_spec(described)
    in_all = time.perf_counter() - start
    assert slow["left"] == 0
    # Holds however slow the machine is: what the training took and what came before it are parts of the whole.
    assert outcome.seconds <= in_all - 0.7
    assert outcome.tensors == before.tensors


def test_a_process_prepares_each_kind_of_training_once(monkeypatch):
    monkeypatch.setattr("digitcore.runs.training._prepared", set())
    fits = []
    monkeypatch.setattr(NetworkTraining, "one_epoch", counted(NetworkTraining.one_epoch, fits))
    for seed in range(3):
        train_spec(spec("mlp", epochs=1, random_state=seed))
    assert len(fits) == 3 + 1


def counted(function, calls):
    def counts(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return counts
