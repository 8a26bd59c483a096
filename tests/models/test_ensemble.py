"""Models that vote: each is trained as it would be alone, and their probabilities are averaged."""

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier

from digitcore.errors import InvalidSetting
from digitcore.models import MLP, SoftmaxRegression
from digitcore.models.ensemble import Ensemble, first_member, members_of, weights_of_first

SEEDS = (3, 4, 5)


def members(**settings):
    return [MLP(hidden_units=(8,), **{"epochs": 3, "batch_size": 16, **settings}, random_state=seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    y = np.arange(120) % 4
    X = generator.normal(size=(120, 20)).astype(np.float32)
    X[np.arange(120), y] += 1.5
    return X[:80], y[:80], (X[80:], y[80:])


@pytest.fixture(scope="module")
def alone(data):
    return [member.fit(*data) for member in members()]


def test_each_member_is_trained_as_it_would_be_alone(data, alone):
    vote = Ensemble(members()).fit(*data)
    for member, other in zip(vote.members, alone, strict=True):
        for name, weights in member.get_weights().items():
            np.testing.assert_array_equal(weights, other.get_weights()[name])


def test_it_predicts_as_scikit_learns_soft_vote(data):
    X, y, (held_out, _) = data
    ours = Ensemble([member.fit(X, y) for member in members()])
    theirs = VotingClassifier([(str(seed), member) for seed, member in enumerate(members())], voting="soft").fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(held_out), theirs.predict_proba(held_out), atol=1e-6)
    np.testing.assert_array_equal(ours.predict(held_out), theirs.predict(held_out))


def test_its_epochs_are_the_means_of_its_members(data, alone):
    vote = Ensemble(members())
    epochs = list(vote.iter_fit(*data))
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    for figure in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        expected = [np.mean([getattr(model.history_[place], figure) for model in alone]) for place in range(3)]
        np.testing.assert_allclose([getattr(epoch, figure) for epoch in epochs], expected)
    assert vote.best_epoch_ == 1 + int(np.argmax([epoch.validation_accuracy for epoch in epochs]))
    assert next(iter(Ensemble(members()).iter_fit(*data[:2]))).validation_loss is None


def test_a_member_that_ended_early_counts_with_its_best_epoch(data):
    settings = {"epochs": 60, "patience": 2, "learning_rate": 0.5}
    alone = [member.fit(*data) for member in members(**settings)]
    lengths = [model.n_iter_ for model in alone]
    assert len(set(lengths)) > 1, "the members should end at different epochs"
    vote = Ensemble(members(**settings)).fit(*data)
    assert vote.n_iter_ == max(lengths)
    at_end = [
        model.history_[(model.n_iter_ if model.n_iter_ == max(lengths) else model.best_epoch_) - 1] for model in alone
    ]
    assert vote.history_[-1].train_loss == pytest.approx(np.mean([epoch.train_loss for epoch in at_end]))
    np.testing.assert_allclose(
        vote.predict_proba(data[0]), np.mean([model.predict_proba(data[0]) for model in alone], axis=0), atol=1e-6
    )


def test_it_goes_on_from_a_checkpoint_bit_by_bit(data):
    whole = Ensemble(members()).fit(*data)
    broken_off = Ensemble(members())
    epochs = broken_off.iter_fit(*data)
    next(epochs), next(epochs)
    checkpoint = broken_off.checkpoint()
    epochs.close()
    again = Ensemble(members())
    assert [epoch.number for epoch in again.iter_fit(*data, resume_from=checkpoint)] == [3]
    for name, weights in whole.get_weights().items():
        np.testing.assert_array_equal(again.get_weights()[name], weights)
    assert [epoch.train_loss for epoch in again.history_] == [epoch.train_loss for epoch in whole.history_]


def test_it_refuses_a_checkpoint_of_fewer_members(data):
    two = Ensemble(members()[:2])
    epochs = two.iter_fit(*data)
    next(epochs)
    with pytest.raises(InvalidSetting, match="not one of 3 models that vote"):
        Ensemble(members()).iter_fit(*data, resume_from=two.checkpoint())


def test_it_is_restored_from_its_weights(data):
    vote = Ensemble(members()).fit(*data)
    weights = vote.get_weights()
    other = Ensemble(members()).restore(weights, classes=vote.classes_, n_features=20)
    np.testing.assert_array_equal(other.predict_proba(data[0]), vote.predict_proba(data[0]))
    first = weights_of_first(weights)
    assert first.keys() == vote.members[0].get_weights().keys()
    np.testing.assert_array_equal(first["output.bias"], weights["member_1.output.bias"])
    del weights["member_3.output.bias"]
    with pytest.raises(InvalidSetting, match=r"output\.bias"):
        other.restore(weights, classes=vote.classes_, n_features=20)


def test_its_input_gradients_are_those_of_the_mean_score(data, alone):
    vote, image = Ensemble(alone), data[0][0]
    expected = np.mean([model.input_gradients(image) for model in alone], axis=0)
    np.testing.assert_allclose(vote.input_gradients(image), expected)
    assert np.abs(expected).max() > 0


def test_a_single_model_is_its_own_only_member():
    model = SoftmaxRegression()
    assert members_of(model) == (model,)
    assert first_member(model) is model
    assert weights_of_first({"output.bias": np.zeros(3)}).keys() == {"output.bias"}
    pair = Ensemble(members())
    assert first_member(pair) is pair.members[0]
    assert (pair.MODEL_NAME, pair.epochs, pair.n_iter_) == ("mlp", 3, 0)
