"""Augmentation in the form of Train: its sliders, its preview, and what the address says of it."""

import numpy as np
import pytest

from digitcore.datasets import Augmentation
from digitcore.errors import DatasetError
from digitcore.models.hyperparameters import AUGMENTATION
from pages.parts import augmentation_preview, session
from tests.pages.conftest import texts, widget


@pytest.mark.parametrize("model", ["softmax", "cnn"])
def test_the_form_has_every_knob_and_puts_it_into_the_spec_and_the_address(model, open_app):
    app = open_app(model=model, open_augmentation="yes")
    box = widget(app.expander, "Augmentation")
    assert [slider.label for slider in box.slider] == [record.label for record in AUGMENTATION]
    assert [slider.help for slider in box.slider] == [record.help for record in AUGMENTATION]
    assert {slider.value for slider in box.slider} == {0.0}
    assert augmentation_preview.NOTHING_YET in texts(app)
    widget(app.slider, "Random rotation (°)").set_value(20.0).run()
    assert not app.exception
    assert app.session_state["spec"].parameters["augment_rotation"] == 20.0
    assert dict(app.query_params)["augment_rotation"] == "20"
    assert augmentation_preview.NOTHING_YET not in texts(app)


def test_a_link_fills_the_sliders(open_app):
    app = open_app(open_augmentation="yes", augment_shift="1.5", augment_noise="0.3")
    assert not app.exception
    assert widget(app.slider, "Random shift (pixels)").value == 1.5
    assert widget(app.slider, "Random noise").value == 0.3
    app = open_app(open_augmentation="yes", augment_shift="nan", augment_noise="-1")
    said = texts(app).replace("\\", "")
    assert "augment_shift must be a number from 0 to 100" in said
    assert "augment_noise must be a number from 0 to 1" in said


def test_the_preview_shows_eight_variants_of_the_first_image(open_app, monkeypatch):
    shown = []
    monkeypatch.setattr(augmentation_preview, "show_images", lambda images, *_, **__: shown.append(images))
    open_app(open_augmentation="yes", augment_rotation="30")
    open_app(open_augmentation="yes", augment_rotation="30", augment_erasing="0.3")
    once, twice = shown[0], shown[-1]
    assert once.shape == twice.shape == (8, 8, 8)
    assert len(np.unique(once.reshape(8, -1), axis=0)) == 8
    assert np.any(once != twice)
    first = session.dataset("digits").images[0]
    assert abs(once.mean() - first.mean()) < 1
    assert np.all([np.any(variant != first) for variant in once])


def test_a_data_set_that_is_not_there_leaves_the_form_as_it_is(open_app, monkeypatch):
    monkeypatch.setattr(session, "dataset", _is_missing)
    app = open_app(open_augmentation="yes", augment_rotation="31")
    assert not app.exception
    assert "No variants can be shown: There is no such file: bring it" in texts(app).replace("\\", "")
    assert widget(app.slider, "Random rotation (°)").value == 31.0


def _is_missing(name):
    raise DatasetError("There is no such file: bring it")


def test_variants_are_made_once(monkeypatch):
    made = []
    monkeypatch.setattr(augmentation_preview, "augment", lambda images, *_, **__: made.append(images) or images)
    for _ in range(2):
        augmentation_preview._variants("digits", Augmentation(shift=0.123))
    assert len(made) == 1
