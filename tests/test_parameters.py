import pytest

from digitcore.errors import InvalidSetting
from digitcore.models import hyperparameters as h
from digitcore.parameters import Number, clean_parameters, short_text, shortened, slider_stops, unknown_name

EVERY = [*h.SOFTMAX, *h.MLP, *h.CNN]


@pytest.mark.parametrize("record", EVERY, ids=lambda record: record.name)
def test_the_default_is_valid_and_survives_a_link(record):
    assert record.clean(record.default) == record.default
    assert record.parse(record.text(record.default)) == record.default


@pytest.mark.parametrize("record", EVERY, ids=lambda record: record.name)
def test_every_record_has_label_and_help(record):
    assert record.label
    assert record.help.endswith((".", "kernel."))


@pytest.mark.parametrize("record", [r for r in EVERY if hasattr(r, "slider")], ids=lambda record: record.name)
def test_the_slider_stays_within_what_is_valid(record):
    low, high = record.slider
    assert record.minimum <= low < high <= record.maximum


@pytest.mark.parametrize("record", [r for r in EVERY if getattr(r, "scale", "") == "log"], ids=lambda r: r.name)
def test_the_stops_of_a_logarithmic_slider_rise_and_are_valid(record):
    stops = slider_stops(record, extra=[record.slider[0]])
    numbers = [stop for stop in stops if stop is not None]
    assert numbers == sorted(set(numbers))
    assert (stops[0] is None) == (record.none_label is not None)
    assert [record.clean(stop) for stop in stops] == stops


def test_extra_values_are_offered():
    assert 0.24 in slider_stops(h.LEARNING_RATE, extra=[0.24])
    assert 1001 in slider_stops(h.EPOCHS, extra=[1001])


@pytest.mark.parametrize(
    ("record", "value", "message"),
    [
        (h.EPOCHS, 0, "epochs must be a whole number from 1 to 100000, got 0"),
        (h.EPOCHS, 1.5, "got 1.5"),
        (h.EPOCHS, True, "got True"),
        (h.EPOCHS, None, "got None"),
        (h.BATCH_SIZE, 0, r"or None \(full batch\), got 0"),
        (h.LEARNING_RATE, float("inf"), "got inf"),
        (h.LEARNING_RATE, "0.1", "learning_rate must be a number"),
        (h.OPTIMIZER, "lion", "one of 'sgd', 'adam'"),
        (h.OPTIMIZER, "adm", r"got 'adm'\. Did you mean 'adam'\?$"),
        (h.HIDDEN_UNITS, "32-banana", "got '32-banana'"),
        (h.HIDDEN_UNITS, ["32", "banana"], r"got \['32', 'banana'\]"),
        (h.HIDDEN_UNITS, (0,), "layer sizes from 1 to 8192"),
        (h.HIDDEN_UNITS, 32, "got 32"),
        (h.CHANNELS, (), "1 to 6 layer sizes"),
    ],
)
def test_what_is_not_valid_is_named_with_what_is(record, value, message):
    with pytest.raises(InvalidSetting, match=message):
        record.clean(value)


@pytest.mark.parametrize("given", ["64-32", "64, 32", "64 32", [64, 32], (64, 32)])
def test_layer_sizes_come_in_many_ways(given):
    assert h.HIDDEN_UNITS.clean(given) == (64, 32)


@pytest.mark.parametrize("given", ["", "none", ()])
def test_no_hidden_layer_is_allowed(given):
    assert h.HIDDEN_UNITS.clean(given) == ()


def test_a_setting_without_effect_is_reset():
    assert clean_parameters(h.SOFTMAX, {"optimizer": "adam", "momentum": 0.9})["momentum"] == 0.0
    assert clean_parameters(h.SOFTMAX, {"optimizer": "sgd", "momentum": 0.9})["momentum"] == 0.9


def test_a_kind_of_momentum_has_no_effect_without_momentum():
    nesterov = {"momentum_kind": "nesterov"}
    assert clean_parameters(h.SOFTMAX, nesterov)["momentum_kind"] == "classical"
    assert clean_parameters(h.SOFTMAX, {**nesterov, "momentum": 0.5})["momentum_kind"] == "nesterov"
    adam = {**nesterov, "momentum": 0.5, "optimizer": "adam"}
    assert clean_parameters(h.SOFTMAX, adam)["momentum_kind"] == "classical"


def test_all_problems_come_in_one_message():
    with pytest.raises(InvalidSetting, match=r"Did you mean 'epochs'.*momentum must be"):
        clean_parameters(h.SOFTMAX, {"epoch": 3, "momentum": 2})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("adam", "'adam'"),
        ("a" * 60, repr("a" * 60)),
        ("a" * 61, repr("a" * 60 + "…")),
        ("a" * 1_000_000, repr("a" * 60 + "…")),
        (0.1, "0.1"),
        (None, "None"),
        ([0] * 1000, "[" + "0, " * 19 + "0,…"),
        (10**5000, "a number of thousands of digits"),
        ([10**5000], "a number of thousands of digits"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_a_long_value_is_shown_by_its_beginning(value, shown):
    assert shortened(value) == shown


@pytest.mark.parametrize("record", EVERY, ids=lambda record: record.name)
@pytest.mark.parametrize("value", ["x" * 1_000_000, [0.5] * 100_000, 10**5000], ids=["text", "list", "number"])
def test_a_message_never_echoes_a_long_value(record, value):
    with pytest.raises(InvalidSetting) as caught:
        record.clean(value)
    assert len(str(caught.value)) < 300


def test_a_long_name_is_unknown_in_a_short_message():
    message = str(unknown_name("setting", "epochz" * 200_000, ["epochs"]))
    assert message == f"Unknown setting '{'epochz' * 10}…': known are epochs."


def test_a_text_of_the_greatest_length_is_taken_and_a_longer_one_refused():
    assert short_text("32-16", "hidden_units", 5) == "32-16"
    with pytest.raises(InvalidSetting, match="^hidden_units must have at most 4 characters, got '32-16': shorten it$"):
        short_text("32-16", "hidden_units", 4)


def optional_number(**changes):
    own = dict(name="decay", label="Decay", help="Pulls.", default=None, none_label="none", minimum=0.0, maximum=1.0)
    return Number(**own | dict(slider=(0.0, 0.5), step=0.1) | changes)


def test_a_linear_slider_with_none_has_a_stop_for_it():
    assert slider_stops(optional_number()) == [None, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert len(slider_stops(optional_number(step=None))) == 1 + 21


def test_a_default_that_is_not_valid_is_refused_where_it_is_declared():
    with pytest.raises(InvalidSetting, match="default of the parameter 'decay' is not valid: decay must be a number"):
        optional_number(none_label=None)
