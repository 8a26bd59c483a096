"""Train as one screen: what the model makes of the images, and the baseline that a run is set beside."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from digitcore.models.epoch import Epoch
from digitcore.runs import Run, RunSpec
from pages.parts import shared
from pages.parts.train import close_ups, curves_view, live_run
from tests.pages.conftest import button, said, widget

FIRST = {"model": "mlp", "epochs": "20"}


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]


def n_ghosts(app):
    """Number of charts with the curves of another training behind them."""
    return sum("beside those of another training" in chart.get("description", "") for chart in charts(app))


def digest_of(app):
    return app.session_state["spec"].digest


@pytest.fixture
def two_runs(open_app, train):
    """The page with a run, trained after another one with a lower rate in the same session; and the other's digest."""
    app = train(open_app(**FIRST))
    first = digest_of(app)
    rate = widget(app.select_slider, "Learning rate")
    return train(rate.set_value("0.03").run()), first


def test_a_run_is_shown_with_its_matrix_weights_and_mistakes(open_app, train):
    app = train(open_app(**FIRST))
    described = [chart.get("description", "") for chart in charts(app)]
    assert any(words.startswith("Confusion matrix of 10 classes") for words in described)
    assert "450 test images; stronger colour, more images, on a logarithmic scale." in said(app)
    components = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    weights = next(each for each in components if each.get("alt") == "First layer's weights")
    tiles = next(each["tiles"] for each in components if "tiles" in each)
    assert weights["n"] == 24
    run = shared.engine().run(digest_of(app))
    wrong = run.figures["test"].n_images - run.figures["test"].n_right
    assert len(tiles) == min(wrong, 12)
    assert all("taken for" in tile["alt"] for tile in tiles)


def test_the_run_before_is_the_baseline_of_the_next(two_runs):
    app, first = two_runs
    run, base = shared.engine().run(digest_of(app)), shared.engine().run(first)
    assert "Beside learning rate 0.01 → 0.03" in said(app).replace("*", "").replace(":gray[", "").replace("]", "")
    assert n_ghosts(app) == 2
    difference = 100 * (run.figures["test"].accuracy - base.figures["test"].accuracy)
    delta = next(metric.delta for metric in app.metric if metric.label == "Test accuracy")
    assert float(delta.split()[0].replace("−", "-")) == pytest.approx(difference, abs=0.051)


def test_without_another_run_there_is_no_baseline(open_app, train):
    app = train(open_app(**FIRST))
    assert n_ghosts(app) == 0
    assert not any(metric.delta for metric in app.metric)


def test_a_change_is_put_back_by_one_click(two_runs):
    app, first = two_runs
    button(app, ":material/undo: learning rate 0.01 → 0.03").click().run()
    assert digest_of(app) == first
    assert not app.exception


def marked(app):
    """Keys of the widgets that have a mark behind their labels."""
    styles = " ".join(each.proto.body for each in app.get("html"))
    return set(re.findall(r"\.st-key-(\S+) \[data-testid=stWidgetLabel\] p::after", styles))


def test_the_widgets_of_what_differs_from_the_baseline_are_marked(two_runs):
    app, _ = two_runs
    rate = widget(app.select_slider, "Learning rate")
    assert marked(app) == {rate.key}
    app.session_state["open_more"] = True
    app.run()
    units, seed = widget(app.text_input, "Hidden layers"), widget(app.slider, "Seed")
    dropout = widget(app.slider, "Dropout")
    for changed, value in ((units, "20"), (seed, 7), (dropout, 0.2)):
        widget(app.get(changed.type), changed.label).set_value(value).run()
    # The run before is that of the rate by now: its changes are counted from there.
    assert marked(app) == {units.key, seed.key, dropout.key}


def test_a_pinned_baseline_stays_and_is_in_the_link(two_runs, open_app, train):
    app, first = two_runs
    second = digest_of(app)
    button(app, ":material/keep: Pin").click().run()
    assert app.query_params["baseline"] == second
    app = train(widget(app.select_slider, "Learning rate").set_value("0.05").run())
    app = train(widget(app.select_slider, "Learning rate").set_value("0.1").run())
    assert "learning rate 0.03 → 0.1" in said(app)
    again = open_app(**FIRST, learning_rate="0.1", baseline=second)
    assert "learning rate 0.03 → 0.1" in said(again)
    button(again, "Let go").click().run()
    assert "baseline" not in again.query_params
    assert n_ghosts(again) == 0
    assert first != second


def test_swap_shows_the_baseline_beside_the_run(two_runs):
    app, first = two_runs
    second = digest_of(app)
    button(app, "Swap").click().run()
    assert digest_of(app) == first
    assert app.query_params["baseline"] == second
    assert "learning rate 0.03 → 0.01" in said(app)


def test_the_matrix_can_be_the_difference(two_runs):
    app, _ = two_runs
    widget(app.toggle, "Difference").set_value(True).run()
    described = [chart.get("description", "") for chart in charts(app)]
    assert any(words.startswith("Difference of two confusion matrices") for words in described)
    assert app.query_params["difference"] == "yes"


def test_the_loss_can_have_a_logarithmic_axis(two_runs):
    app, _ = two_runs
    widget(app.toggle, "Logarithmic loss").set_value(True).run()
    curves = [chart for chart in charts(app) if chart.get("description", "").startswith(("Loss of", "Accuracy of"))]
    assert [chart["layer"][0]["encoding"]["y"]["scale"].get("type") for chart in curves] == ["log", None]
    assert app.query_params["log"] == "yes"


def test_a_loss_of_zero_is_left_out_of_a_logarithmic_axis():
    spec = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 3})
    run, base = (
        Run(spec, "done", epochs=tuple(Epoch(n, loss, 0.9, None, None, 0.1) for n, loss in enumerate(losses, 1)))
        for losses in ([1.0, 0.02, 0.0], [2.0, 0.0, 0.0])
    )
    drawn = curves_view._curves("loss", run, base, log=True)
    tables = [pa.ipc.open_stream(content).read_pandas() for content in drawn["datasets"].values()]
    assert sorted(table["value"].tolist() for table in tables) == [[1.0, 0.02], [2.0]]
    assert drawn["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0.01, 2.0]


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc", "<b>" * 20])
def test_a_baseline_that_is_not_there_is_said(open_app, digest):
    app = open_app(**FIRST, baseline=digest)
    assert not app.exception
    assert "baseline must be the digest of a run kept on this server" in said(app)
    assert "baseline" not in app.query_params


def test_the_prediction_of_a_baseline_is_in_the_order_of_the_part(two_runs):
    app, first = two_runs
    run, base = shared.engine().run(digest_of(app)), shared.engine().run(first)
    close_up = close_ups.close_up_of(run, base)
    arrays = shared.engine().arrays(first)
    expected = arrays.probabilities["test"].argmax(axis=1)
    truth = close_up.part.labels
    for position, taken_for in close_up.learned:
        assert expected[position] == taken_for != truth[position]
    assert np.trace(close_up.counts) == run.figures["test"].n_right


def test_the_shown_weights_of_a_run_keep_no_others_in_memory(two_runs):
    app, first = two_runs
    run, base = shared.engine().run(digest_of(app)), shared.engine().run(first)
    close_up = close_ups.close_up_of(run, base)
    assert close_up.first_layer.base is None
    assert close_up.first_layer_before.base is None


def test_more_settings_count_what_differs_from_the_recipe(open_app):
    app = open_app(**FIRST, momentum="0.5", seed="4", batch_size="64")
    assert "More settings :blue[(3 changed)]" in [box.label for box in app.expander]
    assert isinstance(app.session_state["spec"], RunSpec)


def test_a_training_that_ends_while_the_page_is_drawn_leaves_no_button_waiting(open_app, monkeypatch):
    choose = live_run.chosen_run

    def ended(spec):
        if shared.engine().run(spec.digest) is not None:
            shared.engine().wait(spec.digest, 60)
        return choose(spec)

    app = open_app(model="mlp", epochs="6000", seed="81")
    monkeypatch.setattr(live_run, "chosen_run", ended)
    button(app, "Train").click().run()
    assert not app.exception
    assert not button(app, "See its mistakes").disabled


@pytest.mark.parametrize(
    ("settings", "is_said"),
    [
        ({"model": "mlp", "dropout": "0.5"}, True),
        ({"model": "mlp", "hard_fraction": "0.5"}, True),
        ({"model": "mlp"}, False),
        # Its curve is that of all images as they are.
        ({"model": "softmax", "hard_fraction": "0.5"}, False),
    ],
)
def test_where_the_line_of_the_training_part_is_of_harder_images_it_is_said(settings, is_said, open_app, train):
    words = "measured during each epoch, on its images as they are trained on"
    assert (words in said(train(open_app(epochs="5", seed="2217", **settings)))) == is_said


def _figures_of_a_training_that_has_begun():
    from digitcore.runs import Run
    from digitcore.specs.recipes import RECIPES
    from pages.parts.train import figures_view

    figures_view.show(Run(RECIPES["digits-mlp"].spec, "running"), None)


def test_before_the_first_epoch_has_ended_no_time_is_told():
    app = AppTest.from_function(_figures_of_a_training_that_has_begun).run()
    assert not app.exception
    assert [(metric.label, metric.value) for metric in app.metric] == [("Training time", "–")]
