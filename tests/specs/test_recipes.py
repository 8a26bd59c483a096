"""The recipes against their sources, typed in by hand a second time, and this project's own recipes."""

import pytest

from digitcore.errors import InvalidSetting
from digitcore.runs import train_spec
from digitcore.runs.training import images_and_labels, model_for, split_for, threads_for
from digitcore.specs.recipes import OWN, RECIPES, load_recipe, recipe_of, recipe_values

# data set, split, test size, watched, scaling, model
DATA = {
    "digits-mlp": ("digits", "random", 0.25, "test", "raw", "mlp"),
    "mnist-cnn": ("mnist", "official", 0.25, "test", "unit", "cnn"),
    "mnist-softmax": ("mnist", "random", 0.0, "cut", "unit", "softmax"),
    "mnist-dense": ("mnist", "official", 0.25, "test", "unit", "mlp"),
    "mnist-dropout-mlp": ("mnist", "random", 0.25, "test", "unit", "mlp"),
}
PARAMETERS = {
    "digits-mlp": dict(
        hidden_units=(32, 16),
        optimizer="sgd",
        learning_rate=0.01,
        momentum=0.0,
        batch_size=None,
        epochs=1001,
        initialization="xavier",
        initial_bias=0.01,
        dropout=0.0,
        patience=None,
    ),
    "mnist-cnn": dict(
        channels=(32,),
        kernel_size=3,
        padding="valid",
        pool_size=2,
        pool_stride=1,
        dropout=0.25,
        hidden_units=(128,),
        optimizer="sgd",
        learning_rate=0.01,
        batch_size=32,
        epochs=10,
        patience=None,
    ),
    "mnist-softmax": dict(batch_size=100, learning_rate=0.24, epochs=1000, patience=10, optimizer="sgd"),
    "mnist-dense": dict(
        hidden_units=(512,),
        optimizer="rmsprop",
        learning_rate=0.001,
        rho=0.9,
        epsilon=1e-7,
        batch_size=128,
        epochs=10,
    ),
    "mnist-dropout-mlp": dict(
        hidden_units=(100, 100),
        dropout=0.1,
        optimizer="adam",
        learning_rate=0.01,
        batch_size=32,
        epochs=10,
    ),
}
ACCURACIES = {
    "digits-mlp": 0.947,
    "mnist-cnn": 0.9842,
    "mnist-softmax": 0.92,
    "mnist-dense": 0.9793,
    "mnist-dropout-mlp": 16776 / 17500,
}
TABLES = {
    "Learning rate": {"0.001": 86.5, "0.005": 95.3, "0.01": 94.7, "0.05": 93.8, "0.1": 96.9},
    "Test size": {"0.10": 97.2, "0.18": 96.0, "0.25": 94.7, "0.32": 95.7, "0.40": 95.4},
    "Epochs": {"301": 89.3, "501": 93.1, "1,001": 94.7, "1,501": 96.0, "2,001": 97.1},
    "Hidden units (two layers)": {"16-10": 96.0, "16-16": 94.0, "32-16": 94.7, "64-64": 96.2, "128-64": 97.6},
    "Hidden layers": {"16": 96.2, "32-16": 94.7, "32-16-16": 95.6, "32-32-16-16": 96.4, "64-32-32-16-16": 93.3},
    "Optimizer": {"SGD": 94.7, "Adam": 96.9, "Adam with AMSGrad": 96.4, "Adagrad": 96.7, "RMSprop": 94.4},
}


# Digests of this project's own recipes, under which their runs are kept.
OWN_DIGESTS = {
    "mnist-instant": "fdc119c120b1e79290d7",
    "mnist-accurate": "a9fc2feb8279a8a08a1f",
    "mnist-best": "08bbec5eb28aa5a05953",
    "mnist-mlp-augmented": "3ab3feea26a588c22456",
    "fashion-cnn": "e1e8707298aaf6f4286b",
    "digits-best": "87e9a349619013071bf8",
}


@pytest.mark.parametrize("name", list(DATA))
def test_the_data_are_the_sources(name):
    spec = RECIPES[name].spec
    split = spec.split
    assert (spec.dataset, split.kind, split.test_size, split.validation, spec.scaling, spec.model) == DATA[name]
    assert split.random_state == (42 if name == "digits-mlp" else 0)
    assert not split.stratify
    assert split.max_train is None


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_the_hyperparameters_are_the_sources(name):
    parameters = RECIPES[name].spec.parameters
    assert {key: parameters[key] for key in PARAMETERS[name]} == PARAMETERS[name]


@pytest.mark.parametrize("name", list(ACCURACIES))
def test_the_published_accuracy_is_the_sources(name):
    assert RECIPES[name].accuracy == pytest.approx(ACCURACIES[name], abs=1e-9)
    assert RECIPES[name].accuracy_part == ("validation" if name == "mnist-softmax" else "test")


def test_the_softmax_recipe_holds_out_one_fifth():
    assert RECIPES["mnist-softmax"].spec.split.validation_size == 0.2


@pytest.mark.parametrize("table", RECIPES["digits-mlp"].variations, ids=lambda table: table.title)
def test_the_tables_are_the_sources(table):
    percent = [round(100 * accuracy, 1) for accuracy in table.accuracies]
    assert dict(zip(table.labels, percent, strict=True)) == TABLES[table.title]


def test_a_tables_changes_give_the_settings_they_are_labelled_with():
    spec = RECIPES["digits-mlp"].spec
    for table in RECIPES["digits-mlp"].variations:
        if table.title.startswith("Hidden"):
            for label, changes in zip(table.labels, table.changes, strict=True):
                changed = spec.with_changes(**changes)
                assert "-".join(map(str, changed.parameters["hidden_units"])) == label


def test_the_published_curve_of_the_cnn_is_the_sources():
    curve = RECIPES["mnist-cnn"].published_curve
    assert curve["loss"] == (0.3676, 0.1771, 0.1262, 0.0984, 0.0807, 0.0699, 0.0597, 0.0534, 0.0482, 0.0435)
    assert curve["accuracy"] == (0.8946, 0.9470, 0.9631, 0.9711, 0.9768, 0.9797, 0.9827, 0.9841, 0.9858, 0.9870)


@pytest.mark.parametrize(
    ("name", "sums"),
    [
        # The first by adding up the source's rows; the second are the class counts of MNIST's test images.
        ("mnist-softmax", (1312, 1604, 1348, 1427, 1362, 1280, 1397, 1461, 1390, 1419)),
        ("mnist-dense", (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)),
    ],
)
def test_the_rows_of_a_published_confusion_matrix_are_the_true_classes(name, sums):
    matrix = RECIPES[name].published_confusion
    assert tuple(sum(row) for row in matrix) == sums
    assert {len(row) for row in matrix} == {10}


@pytest.mark.parametrize(("name", "n_images", "right"), [("mnist-softmax", 14000, 12911), ("mnist-dense", 10000, 9824)])
def test_a_published_confusion_matrix_has_all_images_and_the_right_ones_on_its_diagonal(name, n_images, right):
    matrix = RECIPES[name].published_confusion
    assert sum(sum(row) for row in matrix) == n_images
    assert sum(matrix[place][place] for place in range(10)) == right


@pytest.mark.parametrize(
    ("name", "truth", "prediction", "count"),
    [
        ("mnist-softmax", 4, 9, 56),  # the pair that the source names
        ("mnist-softmax", 9, 4, 35),
        ("mnist-dense", 4, 6, 8),
        ("mnist-dense", 6, 4, 1),
        ("mnist-dense", 7, 2, 9),
    ],
)
def test_a_cell_of_a_published_confusion_matrix_is_the_sources(name, truth, prediction, count):
    assert RECIPES[name].published_confusion[truth][prediction] == count


def test_recipes_without_a_published_confusion_matrix_have_none():
    without = {name for name, recipe in RECIPES.items() if recipe.published_confusion is None}
    assert without == {"digits-mlp", "mnist-cnn", "mnist-dropout-mlp", *OWN_DIGESTS}


def test_a_recipe_is_recognised_whatever_its_seed():
    spec = RECIPES["mnist-cnn"].spec
    assert recipe_of(spec.with_changes(random_state=3)).name == "mnist-cnn"
    assert recipe_of(spec.with_changes(parameters={"epochs": 3})) is None


def test_an_unknown_recipe_is_refused_with_a_hint():
    with pytest.raises(InvalidSetting, match="Did you mean 'mnist-cnn'"):
        load_recipe("mnist-cn")


def test_the_values_of_recipes_and_tables_are_offered():
    assert {0.24, 0.001, 0.05} <= recipe_values("learning_rate")
    assert {301, 1001, 2001, 10, 1000} <= recipe_values("epochs")


def test_digits_mlp_trains_to_within_three_points_of_its_source():
    outcome = train_spec(RECIPES["digits-mlp"].spec)
    assert outcome.evaluation.parts["test"].accuracy == pytest.approx(0.947, abs=0.03)
    assert outcome.evaluation.parts["test"].n_images == 450


def test_own_recipes_are_those_with_a_measured_figure_and_keep_their_digests():
    own = {name: recipe.spec.digest for name, recipe in RECIPES.items() if recipe.measured is not None}
    assert own == OWN_DIGESTS


@pytest.mark.parametrize("name", list(OWN_DIGESTS))
def test_an_own_recipe_states_what_was_measured_and_claims_no_source(name):
    recipe = RECIPES[name]
    measured = recipe.measured
    assert recipe.source == OWN
    assert (recipe.accuracy, recipe.accuracy_label) == (measured.accuracy, "Measured")
    assert (measured.low is None) == (measured.high is None) == (measured.n_trainings == 1)
    if measured.low is not None:
        assert 0.9 < measured.low < measured.accuracy < measured.high < 1
    # No epoch is chosen by, and none shows, the test part.
    assert recipe.spec.split.validation == "none"


def test_a_measured_accuracy_is_told_with_its_interval_and_number():
    assert RECIPES["digits-best"].accuracy_words.endswith("10 splits")
    assert RECIPES["digits-mlp"].accuracy_label == "Published"


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.measured is None])
def test_the_words_beside_an_accuracy_do_not_say_it_again(name):
    assert f"{100 * RECIPES[name].accuracy:.4g}" not in RECIPES[name].accuracy_words


def test_digits_best_reads_more_than_97_5_percent_of_the_test_images_in_a_third_of_its_epochs():
    spec = RECIPES["digits-best"].spec.with_changes(parameters={"epochs": 20})
    data = split_for(spec)
    model = model_for(spec, data.dataset)
    # Two threads would wait for each other beside other tests.
    with threads_for(spec, 1):
        model.fit(*images_and_labels(data.train, spec.scaling))
        accuracy = model.score(*images_and_labels(data.test, spec.scaling))
    assert accuracy >= 0.975
