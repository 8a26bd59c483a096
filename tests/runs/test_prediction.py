import numpy as np
import pytest

from digitcore.datasets import load_dataset
from digitcore.errors import InvalidSetting
from digitcore.runs import Run, RunSpec
from digitcore.runs.prediction import RunModel
from digitcore.runs.training import split_for, train_spec


@pytest.fixture(scope="module", params=["softmax", "mlp", "cnn"])
def trained(request):
    """A run on digits, its arrays and its model."""
    spec = RunSpec(dataset="digits", model=request.param, parameters={"epochs": 3}, scaling="raw")
    outcome = train_spec(spec)
    run = Run(spec, "done", evaluation=outcome.evaluation)
    return run, outcome.arrays, RunModel(run, outcome.arrays, load_dataset("digits").class_names)


def test_an_image_gets_the_probabilities_that_the_run_gave_it(trained):
    run, arrays, model = trained
    part = split_for(run.spec).test
    for position in (0, 17, 123):
        np.testing.assert_allclose(
            model.probabilities(part.images[position]), arrays["probabilities.test"][position], atol=1e-6
        )


def test_a_part_gets_the_probabilities_that_the_evaluation_gave_it(trained):
    run, arrays, model = trained
    part = split_for(run.spec).test
    probabilities = model.predict_proba(part.images)
    assert (probabilities.dtype, probabilities.shape) == (np.float64, (part.n_images, 10))
    np.testing.assert_array_equal(probabilities, arrays["probabilities.test"])
    accuracy = np.mean(model.predict(part.images) == part.labels)
    assert accuracy == pytest.approx(run.figures["test"].accuracy)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 8, 8)), r"must be uint8 of shape \(n_images, 8, 8\) .*, got float64 of shape \(2, 8, 8\)"),
        (np.zeros((2, 64), np.uint8), r"got uint8 of shape \(2, 64\)"),
        (np.zeros((8, 8), np.uint8), r"got uint8 of shape \(8, 8\)"),
        (np.zeros((0, 8, 8), np.uint8), "at least one"),
        (np.full((2, 8, 8), 255, np.uint8), "must be 0 to 16 as those of Digits 8×8, got 255"),
    ],
    ids=["type", "rows", "one image", "none", "range"],
)
def test_images_unlike_those_of_the_data_set_are_refused(trained, images, message):
    *_, model = trained
    with pytest.raises(InvalidSetting, match=message):
        model.predict_proba(images)


def test_every_explanation_has_an_image_for_every_class(trained):
    run, _, model = trained
    image = load_dataset("digits").images[0]
    assert model.occlusion(image).shape == model.gradients(image).shape == (10, 8, 8)
    if run.spec.model == "softmax":
        np.testing.assert_allclose(model.contributions(image), model.gradients(image) * image, rtol=1e-5)


def test_a_class_that_the_training_lacked_is_impossible():
    # Five images cannot be of ten classes.
    spec = RunSpec(dataset="digits", model="mlp", parameters={"epochs": 2}, split={"max_train": 5})
    outcome = train_spec(spec)
    missing = outcome.evaluation.missing_classes["train"]
    assert len(missing) >= 5
    model = RunModel(
        Run(spec, "done", evaluation=outcome.evaluation), outcome.arrays, load_dataset("digits").class_names
    )
    image = load_dataset("digits").images[0]
    assert [f"{index}" for index in np.flatnonzero(model.probabilities(image) == 0)] == list(missing)
    assert not model.gradients(image)[[int(name) for name in missing]].any()


def test_a_prediction_leaves_torchs_threads_as_they_were():
    import torch

    spec = RunSpec(dataset="digits", model="mlp", parameters={"epochs": 1})
    outcome, digits = train_spec(spec), load_dataset("digits")
    model = RunModel(Run(spec, "done", evaluation=outcome.evaluation), outcome.arrays, digits.class_names)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model.probabilities(digits.images[0])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
