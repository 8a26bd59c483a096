"""The gallery of phenomena, and a phenomenon on Train: its box, its two trainings, and the way to the next one."""

import json

import pytest

from digitcore.datasets.mnist import MNIST
from digitcore.experiments.phenomena import PHENOMENA
from pages.parts import shared
from tests.pages.conftest import SECONDS, button, open_link, said

NAME = "dead-relus"


def labels(app):
    return [each.label for each in app.button]


@pytest.fixture
def shown(open_app):
    """Train after a link to a phenomenon, with both of its trainings done."""
    app = open_app(phenomenon=NAME)
    if "Show it" in labels(app):
        button(app, "Show it").click().run()
    phenomenon = PHENOMENA[NAME]
    # The variation is submitted by the run of the page that sees the baseline's end.
    for spec in (phenomenon.baseline, phenomenon.variation):
        shared.engine().wait(spec.digest, SECONDS)
        app.run()
    return app


def test_the_gallery_names_every_phenomenon_with_a_link(shared_engine, monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITCORE_DATA", str(tmp_path))
    app = open_link("phenomena")
    assert not app.exception
    for phenomenon in PHENOMENA.values():
        assert phenomenon.words in said(app)
    assert [each.value for each in app.subheader] == [each.title for each in PHENOMENA.values()]
    links = [each.proto.query_string for each in app.get("page_link") if each.proto.label == "Show it"]
    assert links == [f"phenomenon={name}" for name in PHENOMENA]
    assert said(app).count("Needs MNIST, which is downloaded once.") == 1


def test_what_is_on_the_machine_is_not_said_to_be_downloaded(shared_engine, monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITCORE_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    for name in MNIST.files:
        (tmp_path / "mnist" / f"{name}.gz").touch()
    assert "which is downloaded" not in said(open_link("phenomena"))


def test_a_link_sets_form_and_baseline_and_one_button_trains_both(open_app):
    phenomenon = PHENOMENA["full-batch"]
    app = open_app(phenomenon=phenomenon.name)
    assert not app.exception
    assert f"**{phenomenon.title}.** {phenomenon.words}" in said(app)
    assert app.session_state["spec"] == phenomenon.variation
    assert "baseline" not in app.query_params
    # One button stands out: the other one trains without the baseline.
    assert [each.label for each in app.button if each.proto.type == "primary"] == ["Show it"]
    assert "press **Show it**" in said(app)
    button(app, "Show it").click().run()
    assert shared.engine().run(phenomenon.baseline.digest) is not None
    for spec in (phenomenon.baseline, phenomenon.variation):
        assert shared.engine().wait(spec.digest, SECONDS).state == "done"
        app.run()
    assert not app.exception
    assert "Show it" not in labels(app)
    assert [each.label for each in app.button if each.proto.type == "primary"] == ["See its mistakes"]
    assert app.query_params["baseline"] == phenomenon.baseline.digest
    assert app.query_params["phenomenon"] == phenomenon.name
    assert "batch size 32 → full batch" in said(app) and "worse by" in said(app)


def test_a_trained_phenomenon_is_shown_at_once(shown, open_app):
    app = open_app(phenomenon=NAME)
    assert "Show it" not in labels(app)
    assert "worse by" in said(app)
    descriptions = [json.loads(chart.proto.spec).get("description", "") for chart in app.get("vega_lite_chart")]
    assert any("beside those of another training" in words for words in descriptions)


def test_settings_of_the_link_stay_and_the_button_brings_the_phenomenon_back(shown, open_app):
    app = open_app(phenomenon=NAME, epochs="7")
    assert app.session_state["spec"].parameters["epochs"] == 7
    button(app, "Show it").click().run()
    assert app.session_state["spec"] == PHENOMENA[NAME].variation
    assert "worse by" in said(app)


def test_previous_and_next_lead_through_the_phenomena(open_app):
    names = list(PHENOMENA)
    app = open_app(phenomenon=names[0], present="yes")
    assert button(app, "Previous").disabled
    button(app, "Next").click().run()
    assert app.query_params["phenomenon"] == names[1]
    assert app.session_state["spec"] == PHENOMENA[names[1]].variation
    assert button(app, "Next").proto.shortcut.lower() == "n"
    button(app, "Previous").click().run()
    assert app.query_params["phenomenon"] == names[0]


def test_a_presentation_of_something_else_leads_to_the_first_phenomenon(open_app):
    app = open_app(epochs="20", present="yes")
    button(app, "First phenomenon").click().run()
    assert app.query_params["phenomenon"] == next(iter(PHENOMENA))
    assert "First phenomenon" not in labels(app)


@pytest.mark.parametrize("name", ["momentun", "<b>", "9" * 90])
def test_an_unknown_phenomenon_is_said_in_a_sentence(open_app, name):
    app = open_app(phenomenon=name)
    assert not app.exception
    assert "In the link, " in said(app) and "he default was taken" in said(app)
    assert "In the link, unknown phenomenon" in said(app) or len(name) > 20
    assert "phenomenon" not in app.query_params
    assert "Show it" not in labels(app)
