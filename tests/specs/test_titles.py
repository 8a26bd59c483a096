import pytest

from digitcore.specs.recipes import RECIPES
from digitcore.specs.run_spec import RunSpec
from digitcore.specs.settings import switch_model
from digitcore.specs.titles import differences_from, nearest_recipe, recipe_name, short_titles, spec_title, spec_titles

DIGITS = RECIPES["digits-mlp"].spec
# So many settings that no recipe is near.
MANY = {
    "epochs": 9,
    "batch_size": 8,
    "learning_rate": 0.3,
    "optimizer": "adam",
    "patience": 3,
    "weight_decay": 0.01,
}


def changed(**parameters):
    return DIGITS.with_changes(parameters=parameters)


@pytest.mark.parametrize(
    ("spec", "title"),
    [
        (DIGITS, "digits-mlp"),
        (changed(learning_rate=0.05), "digits-mlp, rate 0.05"),
        (changed(learning_rate=0.05, epochs=1), "digits-mlp, 1 epoch, rate 0.05"),
        (changed(batch_size=64, optimizer="adam"), "digits-mlp, batch 64, Adam"),
        (DIGITS.with_changes(random_state=3), "digits-mlp, seed 3"),
        (RECIPES["mnist-softmax"].spec.with_changes(parameters={"batch_size": None}), "mnist-softmax, full batch"),
        (RunSpec(dataset="digits", model="cnn"), "Digits 8×8, CNN, 30 epochs"),
        (changed(epochs=5).with_changes(dataset="fashion-mnist"), "digits-mlp on Fashion-MNIST, 5 epochs"),
        (RunSpec(dataset="fashion-mnist", model="mlp"), "Fashion-MNIST, MLP, 30 epochs"),
        (switch_model(DIGITS, "cnn"), "CNN trained like digits-mlp"),
        (switch_model(changed(epochs=9), "softmax"), "Softmax regression trained like digits-mlp, 9 epochs"),
        (
            RunSpec(dataset="digits", model="softmax", random_state=2),
            "Digits 8×8, Softmax regression, 30 epochs, seed 2",
        ),
    ],
)
def test_a_title_names_what_differs(spec, title):
    assert spec_title(spec) == title


def test_a_heading_counts_what_it_does_not_name():
    spec = RunSpec(dataset="digits", model="cnn", parameters=MANY)
    assert len(spec_title(spec).split(", ")) > 6
    start = "Digits 8×8, CNN, 9 epochs"
    assert spec_title(spec, most=5) == f"{start}, batch 8, rate 0.3, 3 more"
    # A short start leaves room for more.
    assert spec_title(changed(epochs=5, learning_rate=0.1, batch_size=8, optimizer="adam"), most=5).endswith("Adam")
    assert spec_title(spec, most=1) == f"{start}, 5 more"


@pytest.mark.parametrize("varied", ["model", "dataset", "epochs", "learning_rate"])
def test_a_title_does_not_mention_what_is_varied(varied):
    title = spec_title(changed(learning_rate=0.05, epochs=77), varied=[varied])
    words = {"model": ("MLP", "mlp"), "dataset": ("Digits", "digits"), "epochs": ("77",), "learning_rate": ("0.05",)}
    assert not any(word in title for word in words[varied])
    assert title


def test_specs_that_differ_in_one_setting_have_different_titles():
    softmax = switch_model(DIGITS, "softmax")
    specs = [
        *(changed(learning_rate=rate) for rate in (0.01, 0.02, 0.03)),
        *(DIGITS.with_changes(random_state=seed) for seed in range(1, 4)),
        *(softmax.with_changes(random_state=seed) for seed in range(3)),
        *(softmax.with_changes(split={"random_state": seed}) for seed in range(3)),
        *(changed(epochs=n).with_changes(dataset=dataset) for n in (3, 4) for dataset in ("mnist", "fashion-mnist")),
    ]
    specs = list({spec.digest: spec for spec in specs}.values())
    assert len(set(spec_titles(specs))) == len(specs)


def test_a_list_leaves_out_what_all_its_trainings_share():
    spec = RunSpec(dataset="digits", model="cnn", parameters=MANY)
    titles = spec_titles([spec, spec.with_changes(random_state=1)])
    start = "Digits 8×8, CNN, 9 epochs"
    assert titles == [start, f"{start}, seed 1"]


@pytest.mark.parametrize(
    ("titles", "short"),
    [
        (["digits-mlp, rate 0.05, 50 epochs", "digits-mlp, 50 epochs"], ["rate 0.05", "digits-mlp, 50 epochs"]),
        (["Softmax, 20 epochs", "MLP, 20 epochs"], ["Softmax", "MLP"]),
        (["a, b", "b, c", "b"], ["a", "c", "b"]),
        (["a, from b (c, d)", "a, from b (e, d)"], ["from b (c, d)", "from b (e, d)"]),
        (["alone, with parts"], ["alone, with parts"]),
        ([], []),
    ],
)
def test_a_short_title_leaves_out_what_all_share(titles, short):
    assert short_titles(titles) == short


def test_the_nearest_recipe_is_the_one_of_the_title_or_else_of_the_same_data_set_and_model():
    dense = RECIPES["mnist-dense"].spec
    assert nearest_recipe(dense.with_changes(parameters={"epochs": 3}), "digits-mlp") == "mnist-dense"
    assert nearest_recipe(RunSpec(dataset="digits", model="cnn"), "mnist-cnn") == "digits-best"
    assert nearest_recipe(RunSpec(dataset="digits", model="softmax"), "mnist-cnn") == "mnist-cnn"
    switched = switch_model(RECIPES["digits-mlp"].spec, "cnn")
    assert spec_title(switched) == "CNN trained like digits-mlp"
    assert nearest_recipe(switched, "mnist-cnn") == "digits-mlp"


def test_words_within_a_title_have_a_small_first_letter():
    spec = RECIPES["digits-mlp"].spec.with_changes(split={"validation": "cut"})
    assert spec_title(spec) == "digits-mlp, validation: held out"


def test_a_training_on_another_data_set_is_not_one_of_the_recipe():
    assert recipe_name(DIGITS.with_changes(random_state=9)) == "digits-mlp"
    assert recipe_name(DIGITS.with_changes(dataset="fashion-mnist")) is None
    assert recipe_name(switch_model(DIGITS, "cnn")) is None


def test_the_seed_is_no_difference_from_a_recipe():
    assert differences_from(DIGITS.with_changes(random_state=9), "digits-mlp") == []
    assert differences_from(changed(learning_rate=0.05), "digits-mlp") == ["rate 0.05"]
    assert "Softmax regression" in differences_from(switch_model(DIGITS, "softmax"), "digits-mlp")
