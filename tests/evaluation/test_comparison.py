import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlxtend.evaluate import cochrans_q as mlxtend_cochrans_q
from mlxtend.evaluate import mcnemar as mlxtend_mcnemar
from mlxtend.evaluate import mcnemar_table
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q as statsmodels_cochrans_q
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.nonparametric import rank_compare_2indep
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from digitcore.errors import ComparisonError, DatasetError, DigitcoreError, InvalidSetting
from digitcore.evaluation.calibration import expected_calibration_error, reliability_table
from digitcore.evaluation.comparison import (
    MeanDifference,
    PairCounts,
    calibration_error_interval,
    check_same_images,
    cochrans_q,
    compact_letters,
    compare_predictions,
    compare_seeds,
    compare_several,
    corrected_resampled_t,
    difference_over_images,
    expected_best_of,
    folds_sentence,
    holm,
    images_sentence,
    loss_interval,
    mcnemar_mid_p,
    optimism_of_best,
    optimism_sentence,
    pair_counts,
    pair_sentence,
    paired_difference_interval,
    recall_intervals_table,
    seeds_sentence,
    several_sentence,
    smallest_visible_difference,
    summarise_accuracies,
    summarise_seeds,
)
from digitcore.evaluation.metrics import losses_of

CHECKED = settings(max_examples=60, deadline=None, derandomize=True)
few = st.integers(0, 40)
tables = st.tuples(few, few, few, few).filter(any)
p_value_lists = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def predictions_of(n_both, n_only_a, n_only_b, n_neither):
    """Truth and two predictions with a given 2x2 table."""
    right_a = np.repeat([1, 1, 0, 0], [n_both, n_only_a, n_only_b, n_neither])
    right_b = np.repeat([1, 0, 1, 0], [n_both, n_only_a, n_only_b, n_neither])
    return np.ones_like(right_a), right_a, right_b


def some_predictions(n_images=300, accuracies=(0.9, 0.85, 0.7), seed=0):
    """Truth, and predictions of models of given accuracies by their names."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(10, size=n_images)
    wrong = (truth + 1) % 10
    shares = {f"model {number}": share for number, share in enumerate(accuracies)}
    return truth, {name: np.where(rng.random(n_images) < share, truth, wrong) for name, share in shares.items()}


def some_probabilities(n_images, sharpness=1.0, seed=0):
    """Labels drawn from probabilities, and these probabilities, made too sure where the sharpness is above 1."""
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(n_images, 10))
    true, told = (np.exp(logits * factor) for factor in (1, sharpness))
    true, told = (each / each.sum(axis=1, keepdims=True) for each in (true, told))
    labels = (true.cumsum(axis=1) < rng.random((n_images, 1))).sum(axis=1).clip(0, 9)
    return labels, told


# Two models on the same images


def test_the_table_counts_who_is_right():
    truth, predictions = some_predictions()
    a, b = predictions["model 0"], predictions["model 1"]
    counts = pair_counts(truth, a, b)
    np.testing.assert_array_equal(
        [[counts.n_both, counts.n_only_a], [counts.n_only_b, counts.n_neither]], mcnemar_table(truth, a, b)
    )
    assert counts.difference == pytest.approx((a == truth).mean() - (b == truth).mean())


def test_the_mid_p_values_are_those_that_were_published():
    # Fagerland et al. (2013), table 1 (Bentur et al.: 1 and 7); Fagerland, Lydersen and Laake (2017), chapter 8
    # (Cavo et al.: 6 and 16).
    assert mcnemar_mid_p(1, 7) == pytest.approx(10 / 256)
    assert mcnemar_mid_p(6, 16) == pytest.approx(0.034690, abs=5e-7)


def test_the_mid_p_value_of_equal_numbers_by_hand():
    # All 64 outcomes of 6 coins are as extreme as 3 heads, 20 of them equally so: these count half.
    assert mcnemar_mid_p(3, 3) == pytest.approx(1 - 10 / 64)
    assert mcnemar_mid_p(0, 0) == 1


@given(few, few)
@CHECKED
def test_the_mid_p_value_is_the_exact_one_less_the_chance_of_the_outcome(b, c):
    if b == c:
        return
    exact = statsmodels_mcnemar(np.array([[0, b], [c, 0]]), exact=True).pvalue
    assert mcnemar_mid_p(b, c) == pytest.approx(exact - stats.binom.pmf(b, b + c, 0.5))


def test_counts_may_be_narrow_numpy_integers():
    counts = np.array([200, 63, 24, 250], dtype=np.uint8)
    assert paired_difference_interval(*counts) == paired_difference_interval(*counts.tolist())
    assert mcnemar_mid_p(counts[3], counts[0]) == mcnemar_mid_p(250, 200)


@given(few, few)
@CHECKED
def test_the_mid_p_value_does_not_depend_on_the_order(b, c):
    assert mcnemar_mid_p(b, c) == mcnemar_mid_p(c, b)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Fagerland, Lydersen and Laake (2017), chapter 8: Cavo et al. and Bentur et al.
        ((59, 6, 16, 80), -0.1240, -0.0054),
        ((1, 1, 7, 12), -0.5172, -0.0260),
        # Without any disagreement the ends are z² / (n + z²): 3.8415 / 53.8415.
        ((50, 0, 0, 0), -0.0713, 0.0713),
        ((0, 0, 7, 0), -1, None),
    ],
)
def test_the_interval_is_the_one_that_was_published(table, low, high):
    interval = paired_difference_interval(*table)
    assert interval[0] == pytest.approx(low, abs=5e-5)
    assert high is None or interval[1] == pytest.approx(high, abs=5e-5)


@given(tables, st.sampled_from([0.8, 0.95, 0.99]))
@CHECKED
def test_the_ends_of_the_interval_are_roots_of_its_polynomial(table, confidence):
    # Yang, Sun and Hardin (2013), "A non-iterative implementation of Tango's score confidence interval for a paired
    # difference of proportions", Statistics in Medicine 32.
    n, b, c = sum(table), table[1], table[2]
    g = stats.norm.isf((1 - confidence) / 2) ** 2
    d, m = b - c, b + c
    polynomial = [
        n**2 * (n / g + 1) ** 2,
        -n * d * (n / g + 1) * (4 * n / g + 1),
        2 * n * d**2 * (3 * n / g + 2) / g - n**2 * (m / g + 1),
        n * d * (2 * m / g + 1) - d**3 * (4 * n / g + 1) / g,
        d**2 * (d**2 / g - m) / g,
    ]
    for end in paired_difference_interval(*table, confidence):
        if abs(end) < 1:
            assert np.polyval(polynomial, end) / polynomial[0] == pytest.approx(0, abs=1e-9)


@given(tables)
@CHECKED
def test_the_interval_holds_the_difference_and_mirrors_with_the_models(table):
    both, b, c, neither = table
    low, high = paired_difference_interval(both, b, c, neither)
    assert -1 <= low <= (b - c) / sum(table) <= high <= 1
    assert paired_difference_interval(both, c, b, neither) == (-high, -low)


@given(tables)
@CHECKED
def test_a_higher_confidence_widens_the_interval(table):
    low, high = paired_difference_interval(*table, 0.8)
    wider_low, wider_high = paired_difference_interval(*table, 0.99)
    assert wider_low <= low and high <= wider_high


@given(tables)
@CHECKED
def test_the_interval_leaves_out_zero_where_the_chi_squared_test_is_significant(table):
    both, b, c, neither = table
    if b + c == 0:
        return
    _, p_value = mlxtend_mcnemar(np.array([[both, b], [c, neither]]), corrected=False)
    low, high = paired_difference_interval(*table)
    assert (not low <= 0 <= high) == (p_value < 0.05)


def test_the_interval_holds_the_true_difference_as_often_as_it_says():
    shares = np.array([0.85, 0.07, 0.03, 0.05])
    drawn = np.random.default_rng(0).multinomial(200, shares, size=800)
    intervals = np.array([paired_difference_interval(*table.tolist()) for table in drawn])
    covered = (intervals[:, 0] <= 0.04) & (intervals[:, 1] >= 0.04)
    assert 0.93 < covered.mean() < 0.97


@pytest.mark.parametrize(
    ("n_images", "n_discordant", "confidence"),
    [(3, 2, 0.95), (30, 0, 0.95), (40, 13, 0.95), (40, 22, 0.8), (40, 10, 0.999), (40, 21, 0.999), (1, 1, 0.5)],
)
def test_the_smallest_visible_difference_is_the_first_that_is_significant(n_images, n_discordant, confidence):
    visible = smallest_visible_difference(n_images, n_discordant, confidence)
    for n in range(n_discordant, n_images + 1):
        tables = [predictions_of(n_images - n, b, n - b, 0) for b in range((n + 1) // 2, n + 1)]
        compared = [compare_predictions(*table, confidence) for table in tables]
        found = [pair.difference for pair in compared if pair.told_apart]
        if found:
            assert visible == min(found)
            return
    assert math.isnan(visible)


def test_five_images_are_the_fewest_that_show_a_difference():
    # 5 of 5 have a mid-p value of 1/32, 4 of 4 one of 1/16.
    assert math.isnan(smallest_visible_difference(4, 4))
    assert smallest_visible_difference(450, 0) == 5 / 450


@given(tables)
@CHECKED
def test_a_comparison_mirrors_with_the_models(table):
    truth, a, b = predictions_of(*table)
    one, other = compare_predictions(truth, a, b), compare_predictions(truth, b, a)
    assert (one.difference, one.low, one.high) == (-other.difference, -other.high, -other.low)
    assert (one.p_value, one.told_apart) == (other.p_value, other.told_apart)


def test_models_tested_on_other_images_are_not_compared():
    check_same_images(np.array([1, 5, 7]), np.array([1, 5, 7]))
    with pytest.raises(ComparisonError, match=r"^The images differ \(3 of A, 2 of B, 1 in common\), so .* split$"):
        check_same_images(np.array([1, 5, 7]), np.array([5, 6]))
    with pytest.raises(ComparisonError, match="^The images are in different orders: sort both"):
        check_same_images(np.array([1, 5, 7]), np.array([5, 1, 7]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mcnemar_mid_p(-1, 2), InvalidSetting, "^n_only_a must be a whole number from 0, got -1$"),
        (lambda: mcnemar_mid_p(1, 2.5), InvalidSetting, "^n_only_b must be a whole number from 0, got 2.5$"),
        (lambda: mcnemar_mid_p(math.nan, 2), InvalidSetting, "^n_only_a must be a whole number from 0, got nan$"),
        (lambda: PairCounts(1, 2, 3, -4), InvalidSetting, "^n_neither must be a whole number from 0, got -4$"),
        (lambda: paired_difference_interval(0, 0, 0, 0), ComparisonError, "^There are no images, so the models cannot"),
        (lambda: paired_difference_interval(1, 1, 1, 1, 1), InvalidSetting, "^confidence must be a number between"),
        (lambda: paired_difference_interval(1, 1, 1, 1, math.nan), InvalidSetting, "^confidence must be a number"),
        (lambda: smallest_visible_difference(0, 0), InvalidSetting, "^n_images must be a whole number from 1, got 0$"),
        (lambda: pair_counts(np.arange(3), np.arange(3), np.arange(2)), DatasetError, "must be of the same images"),
        (lambda: pair_counts(np.arange(2), np.arange(2), np.array([1, np.nan])), DatasetError, "^prediction must be"),
        (lambda: pair_counts(*3 * [np.array([], int)]), ComparisonError, "^There are no images"),
        (lambda: cochrans_q(np.ones((5, 1))), ComparisonError, "^At least 2 models are needed for a comparison, got 1"),
        (lambda: cochrans_q(np.ones((0, 2))), ComparisonError, "^There are no images"),
        (lambda: cochrans_q(np.ones(5)), InvalidSetting, r"^right must have the shape \(n_images, n_models\)"),
        (lambda: cochrans_q(np.full((5, 2), np.nan)), InvalidSetting, "^right must be 0 or 1"),
        (lambda: compare_several(np.arange(3), {}), ComparisonError, "^At least 2 models are needed"),
        (lambda: holm([0.1, 1.5]), InvalidSetting, "^p_values must be from 0 to 1, got 1.5$"),
        (lambda: holm([0.1, math.nan]), InvalidSetting, "^p_values must be from 0 to 1, got nan$"),
        (lambda: holm([[0.1]]), InvalidSetting, "^p_values must be one-dimensional"),
        (lambda: compact_letters(0, []), InvalidSetting, "^n_models must be a whole number from 1, got 0$"),
        (lambda: compact_letters(2, [(0, 2)]), InvalidSetting, r"numbers from 0 to 1, got \(0, 2\)$"),
        (lambda: compact_letters(2, [(1, 1)]), InvalidSetting, "^told_apart must be pairs of different numbers"),
        (lambda: compact_letters(53, list(combinations(range(53), 2))), ComparisonError, "^53 groups of models need"),
        (lambda: summarise_seeds([]), ComparisonError, "^accuracies must be at least one number"),
        (lambda: summarise_seeds([0.9, math.nan]), ComparisonError, "^accuracies must be finite"),
        (lambda: summarise_seeds([90, 91]), ComparisonError, "^accuracies must be from 0 to 1: pass them as shares"),
        (lambda: summarise_seeds([0.9], 2), InvalidSetting, "^confidence must be a number between 0 and 1, got 2$"),
        (lambda: compare_seeds({0: 0.9}, {0: 0.9, 1: 0.8}), ComparisonError, "^At least 2 seeds .*, got 1 of A$"),
        (lambda: corrected_resampled_t([0.1], 9, 1), ComparisonError, "^At least 2 folds are needed for a test, got 1"),
        (lambda: corrected_resampled_t([0.1, math.inf], 9, 1), ComparisonError, "^differences must be finite"),
        (lambda: corrected_resampled_t([1, 2], 9, 1), ComparisonError, "^differences must be from -1 to 1"),
        (lambda: corrected_resampled_t([0.1, 0.2], 0, 1), InvalidSetting, "^n_train must be a whole number from 1"),
        (lambda: corrected_resampled_t([0.1, 0.2], 9, -1), InvalidSetting, "^n_test must be a whole number from 1"),
        (lambda: difference_over_images(np.ones((0, 9)), np.ones((1, 9))), ComparisonError, "^right_a must be of at"),
        (lambda: difference_over_images(np.ones((1, 9)), np.ones((1, 8))), ComparisonError, "images, got 9 and 8$"),
        (lambda: difference_over_images(np.ones((1, 9)), np.full((1, 9), 2)), ComparisonError, "^right_b must be 0 or"),
        (lambda: expected_best_of(0, 0.9, 10), InvalidSetting, "^n_models must be a whole number from 1, got 0$"),
        (lambda: expected_best_of(2, 1.1, 10), InvalidSetting, "^accuracy must be a number from 0 to 1, got 1.1$"),
        (lambda: expected_best_of(2, math.nan, 10), InvalidSetting, "^accuracy must be a number from 0 to 1, got nan$"),
        (lambda: expected_best_of(2, 0.9, 0), InvalidSetting, "^n_images must be a whole number from 1, got 0$"),
        (lambda: loss_interval(np.array([], int), np.ones((0, 2))), ComparisonError, "^There are no images, so no"),
        (lambda: loss_interval(np.array([0]), np.ones((1, 1)), 0.95, 0), InvalidSetting, "^n_resamples must be a"),
        (lambda: loss_interval(np.array([0]), np.ones((1, 1)), 0), InvalidSetting, "^confidence must be a number"),
        (lambda: loss_interval(np.array([0, 0]), np.ones((1, 1))), DatasetError, "must be of the same images"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, DigitcoreError) and isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


# Several models


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=30))
@CHECKED
def test_cochrans_q_is_that_of_statsmodels(rows):
    right = np.array(rows)
    found = cochrans_q(right)
    if right.all(axis=1).sum() + (~right).all(axis=1).sum() == len(right):
        assert (found.statistic, found.p_value) == (0, 1)
        return
    expected = statsmodels_cochrans_q(right.astype(int))
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.degrees_of_freedom == 3


def test_cochrans_q_is_that_of_mlxtend():
    truth, predictions = some_predictions()
    q, p_value = mlxtend_cochrans_q(truth, *predictions.values())
    found = compare_several(truth, predictions).q
    assert (found.statistic, found.p_value) == pytest.approx((q, p_value))


def test_cochrans_q_by_hand():
    # Right: 3, 2 and 1 of 4 images; 3, 2, 1 and 0 models right. 2 · (3 · 14 - 36) / (3 · 6 - 14) = 3.
    right = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert cochrans_q(right).statistic == 3


def test_holms_p_values_are_those_of_statsmodels(rng):
    p_values = [*rng.random(10) ** 3, 0, 0.01, 0.01, 1]
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])


@given(p_value_lists)
@CHECKED
def test_holms_p_values_keep_the_order_and_never_fall(p_values):
    adjusted = holm(p_values)
    assert (adjusted >= p_values).all() and (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p_values)]) >= 0).all()


def test_holms_p_values_by_hand():
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.005]), [0.06, 0.03, 0.06, 0.02])
    assert holm([]).shape == (0,)


@pytest.mark.parametrize(
    ("n_models", "told_apart", "letters"),
    [
        (3, [], ["a", "a", "a"]),
        (3, [(0, 2)], ["a", "ab", "b"]),
        (4, [(0, 2), (0, 3), (1, 3), (2, 3)], ["a", "ab", "b", "c"]),
        (3, [(0, 1), (0, 2), (1, 2)], ["a", "b", "c"]),
    ],
)
def test_letters_by_hand(n_models, told_apart, letters):
    assert compact_letters(n_models, told_apart) == letters


@given(st.data(), st.integers(1, 6))
@CHECKED
def test_models_share_a_letter_exactly_where_they_cannot_be_told_apart(data, n_models):
    pairs = list(combinations(range(n_models), 2))
    told_apart = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    letters = compact_letters(n_models, told_apart)
    for one, other in pairs:
        assert bool(set(letters[one]) & set(letters[other])) == ((one, other) not in told_apart)
    groups = {frozenset(m for m in range(n_models) if letter in letters[m]) for letter in set("".join(letters))}
    assert groups == largest_groups(n_models, told_apart)


def largest_groups(n_models, told_apart):
    """All sets of models without a pair that was told apart to which no further model can be added."""
    apart = {frozenset(pair) for pair in told_apart}
    sets = [
        frozenset(chosen)
        for size in range(1, n_models + 1)
        for chosen in combinations(range(n_models), size)
        if not apart & {frozenset(pair) for pair in combinations(chosen, 2)}
    ]
    return {one for one in sets if not any(one < other for other in sets)}


def test_several_models_are_compared_in_pairs():
    truth, predictions = some_predictions()
    compared = compare_several(truth, predictions)
    assert compared.models["name"].tolist() == ["model 0", "model 1", "model 2"]
    assert compared.models["accuracy"].is_monotonic_decreasing
    pairs = compared.pairs
    np.testing.assert_allclose(pairs["adjusted_p_value"], holm(pairs["p_value"]))
    pair = compare_predictions(truth, predictions["model 0"], predictions["model 2"])
    row = pairs[(pairs["a"] == "model 0") & (pairs["b"] == "model 2")].iloc[0]
    assert (row["difference"], row["low"], row["high"]) == (pair.difference, pair.low, pair.high)
    assert (row["n_only_a"], row["n_only_b"]) == (pair.counts.n_only_a, pair.counts.n_only_b)
    apart = {(row.a, row.b) for row in pairs.itertuples() if row.told_apart}
    letters = dict(zip(compared.models["name"], compared.models["letters"], strict=True))
    assert apart == {(a, b) for a, b in combinations(letters, 2) if not set(letters[a]) & set(letters[b])}
    assert ("model 0", "model 2") in apart


def test_two_models_are_told_apart_as_a_pair_is():
    truth, a, b = predictions_of(380, 24, 63, 10)
    compared = compare_several(truth, {"A": a, "B": b})
    assert compared.models["letters"].tolist() == ["a", "b"]
    assert compared.models["name"].tolist() == ["B", "A"]
    assert compared.q.p_value == pytest.approx(mlxtend_mcnemar(np.array([[380, 24], [63, 10]]), corrected=False)[1])


def test_without_a_significant_q_no_pair_is_told_apart():
    # B errs on 12 images more than A, but three models that err on quite different images drown that in noise.
    rng = np.random.default_rng(0)
    truth = np.ones(1000, dtype=int)
    wrong = {"A": range(300), "B": range(312)} | {name: rng.permutation(1000)[:306] for name in ("C", "D", "E")}
    predictions = {name: (~np.isin(np.arange(1000), list(images))).astype(int) for name, images in wrong.items()}
    compared = compare_several(truth, predictions)
    assert compared.q.p_value > 0.05
    assert compared.pairs["adjusted_p_value"].min() < 0.05
    assert not compared.pairs["told_apart"].any()
    assert set(compared.models["letters"]) == {"a"}


def test_pairs_are_told_apart_by_their_adjusted_p_values():
    # Twice 5 images of 5 that only one predicts right: 1/32 each, and 3/32 after the adjustment.
    truth = np.ones(100, dtype=int)
    worse = np.repeat([0, 1], [5, 95])
    compared = compare_several(truth, {"A": truth, "B": worse, "C": worse})
    assert compared.q.p_value < 0.05
    assert compared.pairs["adjusted_p_value"].tolist() == pytest.approx([3 / 32, 3 / 32, 1])
    assert not compared.pairs["told_apart"].any()


# Seeds and folds


accuracy_lists = st.lists(st.floats(0, 1), min_size=2, max_size=8).filter(lambda values: np.std(values) > 1e-6)


@given(accuracy_lists)
@CHECKED
def test_the_interval_over_seeds_is_that_of_statsmodels(accuracies):
    summary = summarise_seeds(accuracies)
    expected = DescrStatsW(accuracies, weights=np.ones(len(accuracies)))
    assert (summary.low, summary.high) == pytest.approx(expected.tconfint_mean(0.05))
    assert (summary.mean, summary.sd) == pytest.approx((expected.mean, np.std(accuracies, ddof=1)))
    assert summary.low <= summary.mean <= summary.high


def test_a_single_seed_has_no_spread():
    summary = summarise_seeds([0.9])
    assert (summary.n, summary.mean) == (1, 0.9)
    assert all(math.isnan(value) for value in (summary.sd, summary.low, summary.high))


@given(st.integers(0, 200))
@CHECKED
def test_a_single_accuracy_has_the_interval_of_its_images(n_right):
    summary = summarise_accuracies([n_right / 200], 200)
    expected = proportion_confint(n_right, 200, method="wilson")
    assert (summary.n, summary.mean) == (1, n_right / 200)
    assert (summary.low, summary.high) == pytest.approx(expected)


def test_several_accuracies_have_the_interval_over_seeds():
    assert summarise_accuracies([0.91, 0.92, 0.95], 200) == summarise_seeds([0.91, 0.92, 0.95])


def test_seeds_in_common_are_paired():
    a, b = {0: 0.91, 1: 0.92, 2: 0.95, 7: 0.5}, {2: 0.90, 1: 0.93, 0: 0.90}
    compared = compare_seeds(a, b)
    test = stats.ttest_rel([0.91, 0.92, 0.95], [0.90, 0.93, 0.90])
    assert compared.paired and compared.n_compared == 3
    assert (compared.difference.statistic, compared.difference.p_value) == pytest.approx((test.statistic, test.pvalue))
    assert (compared.difference.low, compared.difference.high) == pytest.approx(tuple(test.confidence_interval()))
    assert (compared.n_a_wins, compared.n_b_wins) == (2, 1)
    assert compared.probability_a_wins == pytest.approx(2 / 3)


def test_other_seeds_are_compared_by_their_means():
    a, b = {0: 0.91, 1: 0.92, 2: 0.95}, {3: 0.90, 4: 0.93, 5: 0.90, 6: 0.91}
    compared = compare_seeds(a, b)
    expected = CompareMeans(*(DescrStatsW(np.array(list(each.values()))) for each in (a, b)))
    statistic, p_value, degrees = expected.ttest_ind(usevar="unequal")
    found = compared.difference
    assert not compared.paired and compared.n_compared == 12
    assert (found.statistic, found.p_value, found.degrees_of_freedom) == pytest.approx((statistic, p_value, degrees))
    assert (found.low, found.high) == pytest.approx(expected.tconfint_diff(usevar="unequal"))
    ranks = rank_compare_2indep(list(a.values()), list(b.values()))
    assert compared.probability_a_wins == pytest.approx(ranks.prob1)


def test_a_comparison_over_seeds_mirrors_with_the_models():
    a, b = {0: 0.91, 1: 0.92, 2: 0.95}, {0: 0.90, 1: 0.93, 2: 0.95}
    one, other = compare_seeds(a, b), compare_seeds(b, a)
    assert (one.difference.low, one.difference.high) == pytest.approx((-other.difference.high, -other.difference.low))
    assert (one.n_a_wins, one.n_b_wins) == (other.n_b_wins, other.n_a_wins) == (1, 1)
    assert one.probability_a_wins == other.probability_a_wins == 0.5


def test_differences_that_do_not_vary_are_not_told_apart():
    compared = compare_seeds({0: 0.9, 1: 0.8}, {0: 0.8, 1: 0.7})
    assert compared.difference.mean == pytest.approx(0.1)
    assert math.isnan(compared.difference.p_value)
    assert not compared.difference.told_apart
    assert math.isnan(compare_seeds({0: 0.9, 1: 0.9}, {2: 0.8, 3: 0.8}).difference.p_value)


def test_the_corrected_t_test_by_hand():
    # Mean 0.02, sd 0.01; the standard error is 0.01 · √(1/3 + 1/2). With 2 degrees of freedom p is 1 - t / √(t² + 2),
    # and t is 4.302653 at 95 %.
    found = corrected_resampled_t([0.01, 0.03, 0.02], n_train=200, n_test=100)
    error = 0.01 * math.sqrt(5 / 6)
    t = 0.02 / error
    assert found.statistic == pytest.approx(t)
    assert found.p_value == pytest.approx(1 - t / math.sqrt(t**2 + 2))
    assert (found.low, found.high) == pytest.approx((0.02 - 4.302653 * error, 0.02 + 4.302653 * error))
    assert found.degrees_of_freedom == 2


# Posteriors of `baycomp.two_on_single(b, a)`, version 1.0.3. Installed, its module `tests` would hide this folder.
@pytest.mark.parametrize(
    ("a", "b", "probability_a", "probability_b"),
    [
        ([0.91, 0.93, 0.95, 0.9, 0.94], [0.9, 0.93, 0.92, 0.91, 0.9], 0.8144273288580577, 0.1855726711419423),
        (
            [0.8, 0.7, 0.9, 0.6, 0.75, 0.85, 0.8, 0.7, 0.65, 0.9],
            [0.78, 0.71, 0.84, 0.62, 0.7, 0.8, 0.83, 0.66, 0.6, 0.88],
            0.9200460116088334,
            0.07995398839116663,
        ),
    ],
)
def test_the_corrected_t_test_is_the_posterior_of_baycomp(a, b, probability_a, probability_b):
    # With k folds, n_test / n_train is 1 / (k - 1): the correlated Bayesian t test with a correlation of 1 / k.
    found = corrected_resampled_t(np.subtract(a, b), n_train=100 * (len(a) - 1), n_test=100)
    assert found.probability_a_better == pytest.approx(probability_a, abs=1e-9)
    assert found.p_value == pytest.approx(2 * min(probability_a, probability_b), abs=1e-9)


@given(accuracy_lists)
@CHECKED
def test_without_test_images_the_corrected_t_test_is_the_plain_one(differences):
    found = corrected_resampled_t(differences, n_train=10**12, n_test=1)
    assert found.p_value == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=1e-6)
    assert found.low <= found.mean <= found.high
    assert found.told_apart == (not found.low <= 0 <= found.high)


def test_a_difference_over_images_is_tested_as_paired_means(rng):
    right_a, right_b = rng.random((5, 200)) < 0.9, rng.random((3, 200)) < 0.8
    found = difference_over_images(right_a, right_b)
    expected = DescrStatsW(right_a.mean(axis=0) - right_b.mean(axis=0))
    assert found.mean == pytest.approx(right_a.mean() - right_b.mean())
    assert (found.statistic, found.p_value) == pytest.approx(expected.ttest_mean(0)[:2])
    assert (found.low, found.high) == pytest.approx(expected.tconfint_mean(0.05))


# Figures of one model


def test_the_interval_of_recall_is_that_of_statsmodels():
    truth = np.array([0] * 8 + [1] * 10)
    prediction = np.array([0] * 7 + [1] * 11)
    table = recall_intervals_table(truth, prediction, ["zero", "one", "two"])
    assert table["recall"].tolist()[:2] == [7 / 8, 1]
    for row, (n_right, n) in zip(table.itertuples(), [(7, 8), (10, 10)], strict=False):
        expected = proportion_confint(n_right, n, method="wilson")
        assert (row.recall_low, row.recall_high) == pytest.approx(expected)
    assert table.iloc[2][["recall", "recall_low", "recall_high"]].isna().all()


def test_the_interval_of_the_loss_is_that_of_scipys_bootstrap():
    truth, probabilities = some_probabilities(400)
    losses = losses_of(truth, probabilities)
    low, high = loss_interval(truth, probabilities, n_resamples=4000)
    expected = stats.bootstrap((losses,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.04 * (high - low))
    assert low < losses.mean() < high


def test_the_same_seed_gives_the_same_interval():
    truth, probabilities = some_probabilities(50)
    interval = loss_interval(truth, probabilities, n_resamples=100)
    assert loss_interval(truth, probabilities, n_resamples=100) == interval
    assert loss_interval(truth, probabilities, n_resamples=100, random_state=1) != interval


def test_the_interval_of_the_loss_holds_the_true_one_as_often_as_it_says():
    truth, probabilities = some_probabilities(40_000)
    true = losses_of(truth, probabilities).mean()
    parts = zip(np.split(truth, 200), np.split(probabilities, 200), strict=True)
    intervals = np.array([loss_interval(*part, n_resamples=200) for part in parts])
    assert 0.91 < ((intervals[:, 0] <= true) & (true <= intervals[:, 1])).mean() < 0.97


def test_the_interval_of_the_calibration_error_is_that_of_a_plain_bootstrap():
    truth, probabilities = some_probabilities(300, sharpness=2)
    rng = np.random.default_rng(0)
    draws = [rng.integers(300, size=300) for _ in range(50)]
    errors = [expected_calibration_error(reliability_table(truth[draw], probabilities[draw])) for draw in draws]
    error = expected_calibration_error(reliability_table(truth, probabilities))
    low, high = np.quantile(errors, [0.025, 0.975])
    found = calibration_error_interval(truth, probabilities, n_resamples=50)
    assert found == pytest.approx((2 * error - high, 2 * error - low))


@pytest.mark.parametrize(("sharpness", "least"), [(1, 0.93), (1.3, 0.85)])
def test_the_interval_of_the_calibration_error_holds_the_true_one(sharpness, least):
    truth, probabilities = some_probabilities(30_000, sharpness)
    true = 0 if sharpness == 1 else expected_calibration_error(reliability_table(truth, probabilities))
    parts = zip(np.split(truth, 60), np.split(probabilities, 60), strict=True)
    intervals = np.array([calibration_error_interval(*part, n_resamples=200) for part in parts])
    assert ((intervals[:, 0] <= true) & (true <= intervals[:, 1])).mean() >= least


# The best of many


def test_the_expected_best_by_hand():
    assert expected_best_of(2, 0.5, 1) == pytest.approx(3 / 4)
    # F(0) = 1/4 and F(1) = 3/4: (15/16 + 7/16) / 2.
    assert expected_best_of(2, 0.5, 2) == pytest.approx(11 / 16)


@given(st.integers(1, 50), st.floats(0, 1), st.integers(1, 300))
@CHECKED
def test_the_expected_best_is_not_below_the_accuracy_and_rises_with_the_models(n_models, accuracy, n_images):
    best = expected_best_of(n_models, accuracy, n_images)
    assert accuracy - 1e-9 <= best <= expected_best_of(n_models + 1, accuracy, n_images) + 1e-12 <= 1 + 1e-9
    assert expected_best_of(1, accuracy, n_images) == pytest.approx(accuracy, abs=1e-9)


def test_the_expected_best_is_the_mean_of_simulated_ones():
    drawn = np.random.default_rng(0).binomial(450, 0.96, size=(20_000, 30)).max(axis=1) / 450
    assert expected_best_of(30, 0.96, 450) == pytest.approx(drawn.mean(), abs=4 * drawn.std() / math.sqrt(20_000))
    assert optimism_of_best(30, 0.96, 450) == pytest.approx(drawn.mean() - 0.96, abs=2e-4)
    assert optimism_of_best(1, 0.96, 450) == pytest.approx(0, abs=1e-12)


# In words


def test_a_better_model_is_named_with_the_figures():
    truth, a, b = predictions_of(9700, 24, 63, 213)
    sentence = "B is better by 0.4 points (0.2 to 0.6); 63 images only A gets wrong, 24 only B."
    assert pair_sentence(compare_predictions(truth, a, b)) == sentence
    mirrored = "B is better by 0.4 points (0.2 to 0.6); 24 images only A gets wrong, 63 only B."
    assert pair_sentence(compare_predictions(truth, b, a)).replace("A is", "B is") == mirrored
    assert pair_sentence(compare_predictions(truth, a, b, 0.99), "mlp", "cnn").startswith(
        "cnn is better by 0.4 points (99 % interval 0.2 to 0.7); 63 images only mlp gets wrong, 24 only cnn."
    )


def test_models_that_cannot_be_told_apart_are_told_what_would_show():
    truth, a, b = predictions_of(430, 6, 4, 10)
    assert pair_sentence(compare_predictions(truth, a, b)) == (
        "A and B cannot be told apart: A is ahead by 0.4 points (−1.1 to 2.1); 4 images only A gets wrong, 6 only B. "
        "On these 450 images a difference shows from 1.8 points on."
    )


def test_a_difference_near_the_threshold_is_called_so():
    # The mid-p value of 4 and 0 is 1/16, that of the chi-squared test, which the interval follows, 0.046.
    pair = compare_predictions(*predictions_of(440, 4, 0, 6))
    assert pair.near and not pair.told_apart
    assert pair_sentence(pair) == (
        "A and B cannot be told apart: A is ahead by 0.89 points (0.03 to 2.26); 0 images only A gets wrong, 4 only B. "
        "That is near the threshold. On these 450 images a difference shows from 1.1 points on."
    )


def test_equally_accurate_models_are_called_so():
    truth, a, b = predictions_of(449, 0, 0, 1)
    assert pair_sentence(compare_predictions(truth, a, b)) == (
        "A and B cannot be told apart: both are equally accurate (−0.8 to 0.8); 0 images only A gets wrong, 0 only B. "
        "On these 450 images a difference shows from 1.1 points on."
    )


def test_few_images_are_called_too_few():
    truth, a, b = predictions_of(2, 0, 1, 0)
    sentence = pair_sentence(compare_predictions(truth, a, b))
    assert "1 image only A gets wrong, 0 only B." in sentence
    assert sentence.endswith("These 3 images are too few to show any difference.")


@given(tables)
@CHECKED
def test_a_sentence_on_a_pair_never_shows_a_better_model_with_no_difference(table):
    pair = compare_predictions(*predictions_of(*table))
    sentence = pair_sentence(pair)
    assert ("cannot be told apart" in sentence) != pair.told_apart
    assert "nan" not in sentence and "-0.0 " not in sentence
    if pair.told_apart:
        assert sentence.startswith("A" if pair.difference > 0 else "B")
        assert not any(zero in sentence for zero in ("by 0.0 ", "(0.0 ", "(-"))


def wrong_on(*ranges):
    """Truth of 200 images, and models that are wrong on those in a range each."""
    truth = np.ones(200, dtype=int)
    predictions = {f"model {number}": truth.copy() for number in range(len(ranges))}
    for prediction, wrong in zip(predictions.values(), ranges, strict=True):
        prediction[wrong] = 0
    return truth, predictions


def test_several_models_in_a_sentence():
    truth, predictions = wrong_on(slice(0, 60), slice(0, 8), slice(0, 10), slice(0, 40))
    assert several_sentence(compare_several(truth, predictions)) == (
        "model 1 is the most accurate, with 96.00 % of 200 images: it is better than model 3 and model 0 by 16.0 "
        "points or more, but it cannot be told apart from model 2."
    )


def test_a_model_that_beats_one_other_in_a_sentence():
    truth, predictions = wrong_on(slice(0, 8), slice(0, 20))
    assert several_sentence(compare_several(truth, predictions)) == (
        "model 0 is the most accurate, with 96.00 % of 200 images: it is better than model 1 by 6.0 points."
    )


def test_of_two_that_are_equally_accurate_none_is_the_most_accurate():
    truth, predictions = wrong_on(slice(0, 60), slice(0, 8), slice(10, 18))
    assert several_sentence(compare_several(truth, predictions)) == (
        "No model is more accurate than model 1, with 96.00 % of 200 images: it is better than model 0 by 26.0 points, "
        "but it cannot be told apart from model 2."
    )


def test_several_equal_models_in_a_sentence():
    truth, predictions = wrong_on(slice(0, 8), slice(0, 10), slice(0, 11))
    assert several_sentence(compare_several(truth, predictions)) == (
        "The 3 models cannot be told apart on these 200 images: their accuracies, 94.50 % to 96.00 %, differ no more "
        "than chance explains."
    )


def test_seeds_in_a_sentence():
    a = {0: 0.950, 1: 0.951, 2: 0.949}
    b = {0: 0.960, 1: 0.962, 2: 0.958}
    assert seeds_sentence(compare_seeds(a, b), "mlp", "cnn") == (
        "cnn is better by 1.0 points on average over 3 seeds (0.8 to 1.2); it is ahead with 3 of 3 seeds and "
        "behind with 0."
    )


def test_seeds_that_cannot_be_told_apart_in_a_sentence():
    paired = compare_seeds({0: 0.95, 1: 0.96}, {0: 0.96, 1: 0.94})
    assert seeds_sentence(paired) == (
        "A and B cannot be told apart: A is ahead by 0.5 points on average over 2 seeds (−18.6 to 19.6); it is ahead "
        "with 1 of 2 seeds and behind with 1. With this spread a mean difference shows from 19.1 points on."
    )
    unpaired = seeds_sentence(compare_seeds({0: 0.95, 1: 0.96}, {2: 0.95, 3: 0.94, 4: 0.95}))
    assert "on average over 2 trainings of A and 3 of B (" in unpaired
    assert "it is ahead in 4 of 6 pairs of trainings and behind in 0." in unpaired
    same = seeds_sentence(compare_seeds({0: 0.9, 1: 0.9}, {0: 0.8, 1: 0.8}))
    assert same == (
        "A and B cannot be told apart: A is ahead by 10.0 points on average over 2 seeds; it is ahead with 2 of 2 "
        "seeds and behind with 0. All differences are equal, so the spread due to chance cannot be estimated."
    )


def test_equal_means_over_seeds_in_a_sentence():
    even = compare_seeds({0: 0.5, 1: 0.25}, {0: 0.25, 1: 0.5})
    assert seeds_sentence(even).startswith("A and B cannot be told apart: both are equally accurate on average over 2 ")
    assert "; A is ahead with 1 of 2 seeds and behind with 1." in seeds_sentence(even)


def test_folds_in_a_sentence():
    differences = [-0.01, -0.011, -0.012, -0.009, -0.01]
    assert folds_sentence(corrected_resampled_t(differences, 400, 100), 5) == (
        "B is better by 1.0 points on average over 5 folds (0.8 to 1.3)."
    )
    even = MeanDifference(0.0, -0.01, 0.01, 0.0, 4, 1.0)
    assert folds_sentence(even, 5).startswith(
        "A and B cannot be told apart: both are equally accurate on average over 5 folds (−1.0 to 1.0)."
    )


def test_other_images_in_a_sentence():
    truth, a, b = predictions_of(380, 10, 60, 0)
    right = [(prediction == truth)[np.newaxis] for prediction in (a, b)]
    decided = images_sentence(difference_over_images(*right), 450)
    assert decided == "On other images like these 450, B would be better by 7.6 to 14.6 points."
    assert images_sentence(difference_over_images(*reversed(right)), 450, "B", "A") == decided
    assert images_sentence(difference_over_images(right[0], right[0]), 450) == (
        "On these 450 images both models are right and wrong on the same ones."
    )
    assert images_sentence(MeanDifference(-0.004, -0.01, 0.002, -1.0, 449, 0.3), 450) == (
        "On other images like these 450, B may be better by up to 1.0 points or worse by up to 0.2 points: these "
        "images do not decide it."
    )


def test_the_optimism_in_a_sentence():
    assert optimism_sentence(30, optimism_of_best(30, 0.96, 450)) == (
        "Chosen by these images, the best of 30 equally good models would look better than it is, by up to 1.8 points "
        "on average."
    )
    assert optimism_sentence(1, 0.0) == "A single model was tested: its accuracy is not flattered by a choice."


def test_tables_have_the_types_that_charts_need():
    truth, predictions = some_predictions()
    compared = compare_several(truth, predictions)
    assert pd.api.types.is_bool_dtype(compared.pairs["told_apart"])
    assert pd.api.types.is_float_dtype(compared.pairs["adjusted_p_value"])
