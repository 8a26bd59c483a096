"""What a visitor changes in the form of Train draws the form and the plan alone, and the rest where that follows."""

import pytest

from digitcore.experiments.phenomena import PHENOMENA
from digitcore.specs.links import query_to_spec
from pages.parts.messages import plain

BRIEF = {"model": "mlp", "epochs": "30"}
# Of the metric that has the accuracy of the test part.
TESTED = "Test accuracy"


def labels(visitor, kind):
    return [each.label for each in visitor.find(kind)]


def figure(visitor):
    (metric,) = visitor.find("metric", TESTED)
    return metric.body


async def train(visitor):
    (button,) = visitor.find("button", "Train")
    await visitor.press(button)
    await visitor.wait_until(lambda: "See its mistakes" in labels(visitor, "button"), 60)
    # The fragment that followed the training may have the page drawn once more yet.
    await visitor.rerun()


async def drop(visitor, share):
    """Move the dropout; return how many whole pages that draws."""
    before = visitor.n_whole
    (slider,) = visitor.find("slider", "Dropout")
    await visitor.set(slider, double_array_value=[share])
    return visitor.n_whole - before


def test_a_moved_slider_draws_the_form_and_the_plan_alone(visit):
    async def move(visitor):
        assert "press **Train**" in visitor.texts()
        assert await drop(visitor, 0.1) == 0
        assert visitor.query["dropout"] == "0.1"
        await train(visitor)
        shown, n_bytes = figure(visitor), visitor.n_bytes
        assert await drop(visitor, 0.2) == 0
        assert visitor.n_bytes - n_bytes < 20_000
        assert visitor.query["dropout"] == "0.2"
        assert "the form has other settings by now" in visitor.texts()
        assert "dropout 0.2" in visitor.texts()
        assert figure(visitor) == shown
        assert await drop(visitor, 0.1) == 0
        assert "the form has other settings by now" not in visitor.texts()
        assert "Train" not in labels(visitor, "button")
        assert visitor.errors == []

    visit(move, query={**BRIEF, "seed": "31"})


def test_settings_that_were_trained_before_show_their_run(visit):
    async def go_back(visitor):
        await train(visitor)
        first = figure(visitor)
        await drop(visitor, 0.7)
        await train(visitor)
        assert figure(visitor) != first
        assert await drop(visitor, 0.0) == 1
        assert figure(visitor) == first
        (button,) = visitor.find("button", "See its mistakes")
        assert not button.disabled

    visit(go_back, query={**BRIEF, "seed": "32", "dropout": "0"})


def test_the_verdict_says_whether_the_form_has_what_it_suggests(visit):
    async def apply_it(visitor):
        await train(visitor)
        (button,) = visitor.find("button", "Apply")
        await visitor.press(button)
        assert "Applied" in labels(visitor, "button")
        assert await drop(visitor, 0.2) == 1
        assert "Applied" not in labels(visitor, "button")
        (button,) = visitor.find("button", "Apply")
        assert not button.disabled
        assert await drop(visitor, 0.3) == 0

    visit(apply_it, query={**BRIEF, "seed": "37"})


def test_the_table_of_layers_follows_while_it_is_open(visit):
    async def widen(visitor):
        (text,) = visitor.find("text_input", "Hidden layers")
        before = visitor.n_whole
        await visitor.set(text, string_value="5")
        assert "385 parameters in all" in visitor.texts()
        assert visitor.n_whole == before + 1

    # 64 x 5 + 5 of the first layer, 5 x 10 + 10 of the second one, each with its biases.
    visit(widen, query={**BRIEF, "seed": "33", "open_layers": "yes"})


def test_a_slider_that_trains_shows_what_it_has_trained(visit):
    async def tune(visitor):
        (toggle,) = visitor.find("checkbox", "Train as I move the sliders")
        await visitor.set(toggle, bool_value=True)
        await visitor.wait_until(lambda: "See its mistakes" in labels(visitor, "button"), 60)
        first = figure(visitor)
        await drop(visitor, 0.7)
        await visitor.wait_until(lambda: visitor.find("metric", TESTED) and figure(visitor) != first, 60)
        await visitor.wait_until(lambda: "See its mistakes" in labels(visitor, "button"), 60)
        assert "the form has other settings by now" not in visitor.texts()

    visit(tune, query={**BRIEF, "seed": "34"})


def test_a_setting_that_is_not_valid_is_told_and_the_rest_stays(visit):
    async def mistype(visitor):
        await train(visitor)
        (text,) = visitor.find("text_input", "Hidden layers")
        before = visitor.n_whole
        await visitor.set(text, string_value="many")
        assert len(visitor.errors) == 1
        assert "hidden" in visitor.errors[0].lower()
        assert visitor.n_whole == before
        figure(visitor)
        (text,) = visitor.find("text_input", "Hidden layers")
        await visitor.set(text, string_value="7")
        assert "hidden layers 7" in visitor.texts()
        assert len(visitor.errors) == 1

    visit(mistype, query={**BRIEF, "seed": "35"})


def test_the_next_phenomenon_takes_the_place_of_the_one_before(visit):
    async def go_on(visitor):
        first, second = PHENOMENA["rate-too-high"], PHENOMENA["rate-too-low"]
        assert plain(first.title) in visitor.texts()
        (button,) = visitor.find("button", "Next")
        await visitor.press(button)
        assert visitor.query["phenomenon"] == second.name
        assert query_to_spec(visitor.query, ignored=["phenomenon"])[1] == second.variation
        assert plain(first.title) not in visitor.texts()
        assert plain(second.title) in visitor.texts()

    visit(go_on, query={"phenomenon": "rate-too-high"})


@pytest.mark.parametrize("name", ["recipe", "Model"])
def test_another_recipe_or_model_fills_the_form(visit, name):
    async def choose(visitor):
        label, wanted = ("Recipe", "mnist-cnn") if name == "recipe" else ("Model", "Softmax regression")
        (box,) = visitor.find("selectbox", label)
        option = next(option for option in box.options if option.startswith(wanted))
        await visitor.set(box, string_value=option)
        model = query_to_spec(visitor.query)[1].model
        assert model == ("cnn" if name == "recipe" else "softmax")
        assert visitor.errors == []

    visit(choose, query={**BRIEF, "seed": "36"})
