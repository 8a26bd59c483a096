import numpy as np
import pytest

from digitcore.errors import InvalidSetting
from digitcore.insight.surgery import Surgery, operate
from digitcore.models import CNN, MLP


@pytest.fixture(scope="module")
def trained(digits):
    return MLP(hidden_units=(20,), epochs=30, optimizer="adam", learning_rate=0.01, random_state=0).fit(*digits)


def operated(model, surgery):
    """The model after the surgery."""
    weights = operate(model.get_weights(), "dense_1.weight", surgery)
    other = MLP(**model.get_params())
    return other.restore(weights, classes=model.classes_, n_features=model.n_features_in_)


def test_nothing_done_changes_nothing(trained):
    before = trained.get_weights()
    after = operate(before, "dense_1.weight", Surgery())
    assert Surgery().changes_nothing and Surgery(units=(1,)).changes_nothing
    assert all(np.array_equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.93])
def test_the_smallest_weights_of_all_layers_are_pruned(trained, share):
    before = trained.get_weights()
    after = operate(before, "dense_1.weight", Surgery(pruned=share))
    names = ["dense_1.weight", "output.weight"]
    sizes = np.abs(np.concatenate([before[name].ravel() for name in names]))
    left = np.concatenate([after[name].ravel() for name in names])
    assert (left == 0).sum() == round(share * len(sizes))
    assert sizes[left == 0].max() <= sizes[left != 0].min()
    assert np.array_equal(after["dense_1.bias"], before["dense_1.bias"])


def test_pruning_a_tenth_costs_little_and_pruning_all_leaves_one_answer(trained, digits):
    X, y = digits
    accuracy = trained.score(X, y)
    assert operated(trained, Surgery(pruned=0.1)).score(X, y) > accuracy - 0.02
    assert len(set(operated(trained, Surgery(pruned=1.0)).predict(X))) == 1


def test_temperature_changes_how_sure_the_model_is_and_no_answer(trained, digits):
    X, _ = digits
    before, after = trained.predict_proba(X), operated(trained, Surgery(temperature=2.5)).predict_proba(X)
    scores = np.log(before) / 2.5
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(after, expected, atol=1e-5)
    assert np.array_equal(after.argmax(axis=1), before.argmax(axis=1))


def test_a_unit_that_is_off_is_silent_for_every_image(trained, digits):
    X, _ = digits
    values = operated(trained, Surgery(units=(3, 7), scale=0.0)).activations(X)["dense_1"]
    assert (values[:, [3, 7]] == 0).all()
    assert (values[:, 4] == trained.activations(X)["dense_1"][:, 4]).all()


def test_a_filter_can_be_scaled(digits):
    X, y = digits
    model = CNN(channels=(4,), hidden_units=(8,), epochs=1, random_state=0).fit(X[:100], y[:100])
    weights = operate(model.get_weights(), "conv_1.weight", Surgery(units=(2,), scale=3.0))
    np.testing.assert_allclose(weights["conv_1.weight"][2], 3 * model.get_weights()["conv_1.weight"][2])
    assert np.array_equal(weights["conv_1.weight"][1], model.get_weights()["conv_1.weight"][1])


def test_noise_is_as_large_as_asked_and_the_same_for_a_seed(trained):
    before = trained.get_weights()
    one, same, other = (operate(before, "dense_1.weight", Surgery(noise=0.5, seed=seed)) for seed in (1, 1, 2))
    added = one["dense_1.weight"] - before["dense_1.weight"]
    assert added.std() == pytest.approx(0.5 * before["dense_1.weight"].std(), rel=0.1)
    assert np.array_equal(one["output.weight"], same["output.weight"])
    assert not np.array_equal(one["output.weight"], other["output.weight"])
    pruned = operate(before, "dense_1.weight", Surgery(pruned=0.4, noise=0.5))
    assert (pruned["dense_1.weight"] == 0).sum() + (pruned["output.weight"] == 0).sum() == round(0.4 * 1480)


@pytest.mark.parametrize(
    "wrong", [{"pruned": 1.1}, {"pruned": float("nan")}, {"noise": -1}, {"temperature": 0}, {"scale": float("inf")}]
)
def test_what_cannot_be_done_is_refused(wrong):
    with pytest.raises(InvalidSetting, match=f"{next(iter(wrong))} must be"):
        Surgery(**wrong)


def test_a_unit_that_is_not_there_is_refused(trained):
    with pytest.raises(InvalidSetting, match="from 0 to 19"):
        operate(trained.get_weights(), "dense_1.weight", Surgery(units=(20,)))


def test_a_surgery_is_told_in_words():
    assert Surgery(units=(1, 2), scale=0, pruned=0.4, noise=0.1, temperature=2).words == (
        "units 2 and 3 off, 40 % pruned, noise 0.1, temperature 2"
    )
    assert Surgery(units=(1,), scale=2.5).words == "unit 2 times 2.5"
    assert Surgery().words == ""
