import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import digitcore
from digitcore.datasets import load_dataset
from digitcore.errors import ComparisonError, InvalidSetting
from digitcore.evaluation.comparison import compare_predictions, pair_sentence
from digitcore.experiments.comparison import compare
from digitcore.runs import Run, RunSpec, Store, train_spec
from digitcore.runs.arrays import RunArrays
from digitcore.runs.training import split_for


def spec(epochs, seed=0, **changes):
    parameters = {"epochs": epochs, "batch_size": 64, "learning_rate": 0.1}
    return RunSpec(dataset="digits", model="softmax", parameters=parameters, random_state=seed, **changes)


class Trained:
    """Runs that were trained here, and their arrays by digest."""

    def __init__(self):
        self._arrays = {}

    def run(self, described, **changes):
        outcome = train_spec(described)
        self._arrays[described.digest] = outcome.arrays
        run = Run(described, outcome.state, epochs=tuple(outcome.epochs), evaluation=outcome.evaluation)
        return replace(run, **changes)

    def arrays(self, digest):
        return self._arrays[digest]

    def change(self, digest, **arrays):
        self._arrays[digest] = RunArrays({**self._arrays[digest], **arrays})


@pytest.fixture(scope="module")
def trained():
    return Trained()


@pytest.fixture(scope="module")
def one_each(trained):
    """Two models with one seed each."""
    return [trained.run(spec(1)), trained.run(spec(40))]


@pytest.fixture(scope="module")
def over_seeds(trained):
    """Two models with three seeds each."""
    return {f"{epochs} epochs": [trained.run(spec(epochs, seed)) for seed in range(3)] for epochs in (1, 40)}


def predictions_of(run, trained):
    return RunArrays(trained.arrays(run.digest)).probabilities["test"].argmax(axis=1)


def test_two_runs_are_compared_image_by_image(one_each, trained):
    compared = compare(one_each, trained.arrays)
    short, long = (predictions_of(run, trained) for run in one_each)
    pair = compare_predictions(split_for(one_each[0].spec).test.labels, long, short)
    row = compared.differences.iloc[0]
    assert (row["a"], row["b"]) == tuple(compared.models["name"]) == tuple(compared.figures["name"])[::-1]
    assert (row["difference"], row["low"], row["high"]) == (pair.difference, pair.low, pair.high)
    assert (row["n_only_a"], row["n_only_b"], row["told_apart"]) == (pair.counts.n_only_a, pair.counts.n_only_b, True)
    assert str(compared) == pair_sentence(pair, '"40 epochs"', '"1 epoch"')
    assert compared.models["letters"].tolist() == ["a", "b"]


def test_the_names_are_what_differs(one_each, trained):
    names = compare(one_each, trained.arrays).figures["name"].tolist()
    assert all(f"{epochs} epoch" in name for epochs, name in zip((1, 40), names, strict=True))
    assert not any("Digits" in name for name in names)
    named = compare({"short": one_each[0], "long": [one_each[1]]}, trained.arrays)
    assert named.figures["name"].tolist() == ["short", "long"]
    assert str(named).startswith("long is better by ")
    with_commas = compare({"mlp, short": one_each[0], "long": one_each[1]}, trained.arrays)
    assert str(with_commas).startswith('"long" is better by ')


def test_the_figures_are_those_of_the_runs(one_each, trained):
    figures = compare(one_each, trained.arrays).figures
    for row, run in zip(figures.itertuples(), one_each, strict=True):
        expected = run.figures["test"]
        assert (row.accuracy, row.loss, row.n_images) == (expected.accuracy, expected.loss, expected.n_images)
        assert (row.seed, row.digest, row.epochs_trained) == (0, run.digest, len(run.epochs))


def test_the_disagreements_are_images_that_are_predicted_differently(one_each, trained):
    table = compare(one_each, trained.arrays).disagreements
    part = split_for(one_each[0].spec).test
    short, long = (predictions_of(run, trained) for run in one_each)
    assert sorted(table["position"].unique()) == sorted(part.indices[short != long])
    assert (table.groupby("position").size() == 2).all()
    np.testing.assert_array_equal(table["truth"], load_dataset("digits").labels[table["position"]])
    np.testing.assert_array_equal(table["right"], table["prediction"] == table["truth"])
    of_long = table[table["name"] == compare(one_each, trained.arrays).models["name"][0]]
    expected = dict(zip(part.indices.tolist(), long.tolist(), strict=True))
    assert dict(zip(of_long["position"], of_long["prediction"], strict=True)) == {
        position: expected[position] for position in of_long["position"]
    }


def test_the_curves_are_the_epochs_of_all_runs(one_each, trained):
    curves = compare(one_each, trained.arrays).curves
    assert len(curves) == 41
    assert curves["train_accuracy"].tolist() == [epoch.train_accuracy for run in one_each for epoch in run.epochs]


def test_models_of_several_seeds_are_compared_over_them(over_seeds, trained):
    compared = compare(over_seeds, trained.arrays)
    short, long = ([run.figures["test"].accuracy for run in runs] for runs in over_seeds.values())
    row = compared.differences.iloc[0]
    assert (row["a"], row["b"]) == ("40 epochs", "1 epochs")
    assert row["difference"] == pytest.approx(np.mean(long) - np.mean(short))
    assert row["p_value"] == pytest.approx(stats.ttest_rel(long, short).pvalue)
    assert (row["n_a_wins"], row["n_b_wins"], row["n_compared"]) == (3, 0, 3)
    assert compared.models["n_seeds"].tolist() == [3, 3]
    assert compared.models["sd"].tolist() == pytest.approx([np.std(long, ddof=1), np.std(short, ddof=1)])
    over, images = compared.sentences
    assert "points on average over 3 seeds (" in over
    assert images.startswith("On other images like these 450, 40 epochs would be better by ")


def test_runs_in_a_list_are_grouped_by_what_differs_beside_the_seed(over_seeds, trained):
    runs = [run for runs in over_seeds.values() for run in runs]
    compared = compare(runs, trained.arrays)
    assert compared.models["n_seeds"].tolist() == [3, 3]
    named = compare(over_seeds, trained.arrays)
    np.testing.assert_allclose(compared.differences["p_value"], named.differences["p_value"])


def test_three_models_over_seeds_share_the_level(over_seeds, trained):
    more = {**over_seeds, "39 epochs": [trained.run(spec(39, seed)) for seed in range(3)]}
    compared = compare(more, trained.arrays)
    differences = compared.differences
    np.testing.assert_allclose(differences["adjusted_p_value"], np.minimum(3 * differences["p_value"], 1))
    told_apart = differences["adjusted_p_value"] < 0.05
    np.testing.assert_array_equal(differences["told_apart"], told_apart)
    assert "(98.33 % interval " in compared.sentences[0]
    assert len(compared.sentences) == 4


def test_three_models_of_one_seed_are_compared_together(one_each, trained):
    compared = compare([*one_each, trained.run(spec(39))], trained.arrays)
    assert len(compared.differences) == 3
    assert "is the most accurate, with" in str(compared)


def test_the_parts_order_does_not_matter(one_each, trained):
    long = one_each[1]
    kept = RunArrays(trained.arrays(long.digest))
    expected = compare(one_each, trained.arrays).differences
    turned = Trained()
    turned._arrays = {run.digest: trained.arrays(run.digest) for run in one_each}
    turned.change(
        long.digest,
        **{
            "indices.test": kept.indices["test"][::-1].copy(),
            "probabilities.test": kept.probabilities["test"][::-1].copy(),
        },
    )
    assert compare(one_each, turned.arrays).differences.equals(expected)


def test_kept_runs_are_compared_from_the_store(one_each, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITCORE_HOME", str(tmp_path))
    monkeypatch.delenv("DIGITCORE_STORE", raising=False)
    store = Store()
    for run in one_each:
        store.begin(run.spec, "here")
        store.finish(run, train_spec(run.spec).tensors)
    kept = [store.load(run.digest) for run in one_each]
    assert "is better by" in str(digitcore.compare(kept))


def test_another_part_can_be_compared(one_each, trained):
    assert compare(one_each, trained.arrays, part="train").figures["n_images"].iloc[0] == 1347
    with pytest.raises(
        ComparisonError, match="^The run '.*' has no validation part: compare another part, or train it"
    ):
        compare(one_each, trained.arrays, part="validation")
    with pytest.raises(InvalidSetting, match="^part must be one of train, validation, test, got 'tests'$"):
        compare(one_each, trained.arrays, part="tests")


def test_other_test_images_are_refused(one_each, trained):
    other = trained.run(spec(40, split={"random_state": 1}))
    with pytest.raises(ComparisonError, match=r"^The images differ \(450 of .*, 450 of .*, \d+ in common\), so the"):
        compare([one_each[0], other], trained.arrays)


def test_other_data_are_refused(one_each, trained):
    mnist = Run(RunSpec(dataset="mnist", model="softmax"), "done")
    with pytest.raises(ComparisonError, match=r"^The runs are of different data sets \(digits, mnist\), so their"):
        compare([one_each[0], mnist], trained.arrays)


@pytest.mark.parametrize(
    ("choose", "error", "message"),
    [
        (lambda one, seeds: one[:1], ComparisonError, "^At least 2 runs are needed for a comparison, got 1$"),
        (lambda one, seeds: [], ComparisonError, "^At least 2 runs are needed for a comparison, got 0$"),
        (lambda one, seeds: {}, ComparisonError, "^At least 2 runs are needed for a comparison, got 0$"),
        (lambda one, seeds: [one[0], one[0]], ComparisonError, "^A run is given twice"),
        (lambda one, seeds: [one[0], "cnn"], InvalidSetting, "^runs must be Run objects, .*, got str$"),
        (lambda one, seeds: seeds["1 epochs"], ComparisonError, "^All runs are of the same model with different seeds"),
        (lambda one, seeds: {"A": one, "B": seeds["1 epochs"][1:]}, ComparisonError, "^The runs of 'A' differ in more"),
        (
            lambda one, seeds: {"A": one[0], "B": seeds["40 epochs"]},
            ComparisonError,
            "^The model 'A' was trained with one seed and others with several: train it with at least 2 seeds",
        ),
        (
            lambda one, seeds: [one[0], replace(one[1], evaluation=None, state="failed")],
            ComparisonError,
            "^The run '.*40 epochs.*' is failed and was not evaluated",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(choose, error, message, one_each, over_seeds, trained):
    with pytest.raises(error, match=message):
        compare(choose(one_each, over_seeds), trained.arrays)


def test_a_bad_confidence_is_refused(one_each, over_seeds, trained):
    for runs in (one_each, over_seeds):
        with pytest.raises(InvalidSetting, match="^confidence must be a number between 0 and 1"):
            compare(runs, trained.arrays, confidence=math.nan)
