"""A model and a data set from outside, as README says to add them: registered, and named in DIGITCORE_PLUGINS."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np
from sklearn.linear_model import SGDClassifier

from digitcore.datasets import Dataset, DatasetEntry, register_dataset
from digitcore.models import FirstLayer, ModelEntry, plan_softmax, register_model
from digitcore.models import hyperparameters as records
from digitcore.models.base import EpochClassifier, LabelledImages, Score, Training
from digitcore.models.softmax import gradient, softmax

CLASSES = tuple(f"pattern {letter}" for letter in "ABCDEFGHIJKL")


class SGDModel(EpochClassifier):
    """scikit-learn's linear classifier, trained by ``partial_fit``: a class against all others at a time."""

    MODEL_NAME = "sgd"
    PARAMETERS = (records.EPOCHS, records.BATCH_SIZE, records.LEARNING_RATE, records.PATIENCE)
    _WEIGHTS_ATTRIBUTE = "coef_"
    _DTYPES = (np.float64, np.float32)

    def __init__(self, epochs=10, batch_size=32, learning_rate=0.01, patience=None, random_state=None):
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.random_state = random_state

    def _start_training(self, layers, train, held_out, settings, random_state):
        self.coef_ = np.zeros(layers[-1].weight_shape)
        self.intercept_ = np.zeros(len(self.coef_))
        return SGDTraining(self, train, held_out, settings, random_state)

    def _predictor(self):
        return lambda X: softmax(X @ self.coef_.T + self.intercept_)

    def _score_gradients(self, X):
        return self.coef_.copy()

    def _loss_gradients(self, images):
        return dict(zip(self._copy_weights(), gradient(self.coef_, self.intercept_, *images), strict=True))

    def _copy_weights(self):
        return {"output.weight": self.coef_.copy(), "output.bias": self.intercept_.copy()}

    def _load_weights(self, layers, weights):
        self.coef_, self.intercept_ = (np.array(weights[f"output.{part}"]) for part in ("weight", "bias"))


class SGDTraining(Training):
    """Hands the batches of each epoch to scikit-learn."""

    def __init__(self, model, train, held_out, settings, random_state):
        self.model, self.train, self.held_out, self.random_state = model, train, held_out, random_state
        self.batch_size = min(settings["batch_size"] or len(train.y), len(train.y))
        self.sgd = SGDClassifier(
            loss="log_loss", alpha=1e-9, learning_rate="constant", eta0=settings["learning_rate"], random_state=0
        )

    def one_epoch(self):
        for batch in self._batches():
            self._one_batch(batch)
        return self._score(self.train)

    def score_held_out(self):
        return self.held_out and self._score(self.held_out)

    def weights_are_finite(self):
        return bool(np.isfinite(self.model.coef_).all())

    def batch_losses(self, rates):
        batches = chain.from_iterable(self._batches() for _ in repeat(None))
        for rate, batch in zip(rates, batches, strict=False):
            loss = self._score(batch).loss
            self.sgd.set_params(eta0=rate)
            self._one_batch(batch)
            yield loss

    def _batches(self):
        order = self.random_state.permutation(len(self.train.y))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield LabelledImages(self.train.X[rows], self.train.y[rows])

    def _one_batch(self, batch):
        self.sgd.partial_fit(batch.X, batch.y, classes=np.arange(len(self.model.classes_)))
        self.model.coef_[...], self.model.intercept_[...] = self.sgd.coef_, self.sgd.intercept_

    def _score(self, images):
        probabilities = self.model._predictor()(images.X)
        of_truth = probabilities[np.arange(len(images.y)), images.y]
        loss = -np.log(np.maximum(of_truth, 1e-30)).mean()
        return Score(float(loss), float((probabilities.argmax(axis=1) == images.y).mean()))


def load_patterns(progress) -> Dataset:
    """Return 600 noisy pictures of twelve patterns, 9 pixels high and 13 wide."""
    rng = np.random.default_rng(7)
    patterns = rng.integers(0, 2, (len(CLASSES), 9, 13)) * 14
    labels = np.arange(600) % len(CLASSES)
    images = (patterns[labels] + rng.integers(0, 50, (600, 9, 13))).astype(np.uint8)
    return Dataset("patterns", images, labels, CLASSES, max_value=63)


register_model(
    ModelEntry(
        name="sgd",
        label="Linear SGD (scikit-learn)",
        description="One linear classifier for each class against all others.",
        parameters=SGDModel.PARAMETERS,
        load=lambda: SGDModel,
        plan=plan_softmax,
        first_layer=FirstLayer(weights=("output.weight",), layout="rows", words="One image per class."),
        explanations=("contributions", "occlusion"),
    )
)
register_dataset(
    DatasetEntry(
        name="patterns",
        label="Patterns 9×13",
        description="Twelve random patterns with noise.",
        image_shape=(9, 13),
        n_images=600,
        n_classes=12,
        max_value=63,
        ink_size=9,
        load=load_patterns,
    )
)
