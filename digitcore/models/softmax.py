"""Softmax regression (multinomial logistic regression) in NumPy, trained by mini-batch gradient descent.

References
----------
Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from digitcore.errors import InvalidSetting
from digitcore.models import hyperparameters
from digitcore.models.augmented_images import AugmentedImages
from digitcore.models.base import EpochClassifier
from digitcore.models.checkpoint import under_prefix, with_prefix
from digitcore.models.gradients import clip, smooth
from digitcore.models.hard_examples import HardExamples, batch_size_of, updates_per_epoch
from digitcore.models.inputs import LabelledImages, relative_weights
from digitcore.models.layer_plans import Layer
from digitcore.models.numpy_optimizers import RULE_SETTINGS, make_optimizer
from digitcore.models.pauses import pause, pause_hook
from digitcore.models.schedules import Schedule
from digitcore.models.training import Score, Training, batches_without_end

# Images whose logits are one product: NumPy's library has quicker ways for small matrices, and an epoch of
# mnist-softmax gains a fifth.
_SCORED_AT_ONCE = 64


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities that belong to ``logits``.

    Parameters
    ----------
    logits : ndarray, float, (n_images, n_classes)
        Finite numbers of any size.

    Returns
    -------
    ndarray, (n_images, n_classes)
        0 to 1, rows adding up to one.
    """
    # A common shift leaves the probabilities alone and keeps the exponentials from overflowing.
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> float:
    """Return the mean cross-entropy in nats.

    Parameters
    ----------
    logits : ndarray, float, (n_images, n_classes)
        Scores of the classes before the softmax.
    y : ndarray, int, (n_images,)
        Position of each image's class.
    """
    largest = logits.max(axis=1)  # (n_images,)
    log_sum = np.log(np.exp(logits - largest[:, None]).sum(axis=1)) + largest  # (n_images,)
    return float(np.mean(log_sum - logits[np.arange(len(y)), y], dtype=np.float64))


class Workspace:
    """Arrays for the gradient of a batch, used again for the next one: an epoch of mnist-softmax gains a tenth.

    Parameters
    ----------
    n_images : int
        Images of a batch.
    coef : ndarray, float, (n_classes, n_features)
        Weights, whose shape and type the arrays follow.
    """

    def __init__(self, n_images: int, coef: np.ndarray):
        n_classes, n_features = coef.shape
        self.images = np.empty((n_images, n_features), dtype=coef.dtype)
        self.logits = np.empty((n_images, n_classes), dtype=coef.dtype)
        self.error = np.empty((n_classes, n_images), dtype=coef.dtype)
        # What the probability of the right class lacks to one.
        self.shortfall = np.empty(n_images, dtype=coef.dtype)
        self.coef_gradient = np.empty_like(coef)
        self.positions = np.arange(n_images)


def gradient(
    coef: np.ndarray,
    intercept: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    workspace: Workspace | None = None,
    *,
    label_smoothing: float = 0.0,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of the mean cross-entropy of ``X @ coef.T + intercept``.

    Parameters
    ----------
    coef : ndarray, float, (n_classes, n_features)
        Weights.
    intercept : ndarray, float, (n_classes,)
        Biases.
    X : ndarray, float, (n_images, n_features)
        Images.
    y : ndarray, int, (n_images,)
        Position of each image's class.
    workspace : Workspace, optional
        For batches of ``n_images``; the first result is an array of it.
    label_smoothing : float
        Share of the truth that is spread evenly over the classes.
    weights : ndarray, float, (n_images,), optional
        What each image's share is multiplied with.

    Returns
    -------
    coef_gradient : ndarray, (n_classes, n_features)
    intercept_gradient : ndarray, (n_classes,)
    """
    work = workspace or Workspace(len(X), coef)
    # Class by class in memory, NumPy takes half the time across ten classes.
    error = np.add(np.matmul(X, coef.T, out=work.logits).T, intercept[:, None], out=work.error)
    error -= error.max(axis=0)
    np.exp(error, out=error)
    error /= error.sum(axis=0)
    np.subtract(1, error[y, work.positions], out=work.shortfall)
    error[y, work.positions] = -work.shortfall
    if label_smoothing:
        smooth(error, y, label_smoothing)
    if weights is not None:
        error *= weights
    error /= len(y)
    return np.matmul(error, X, out=work.coef_gradient), error.sum(axis=1)


class SoftmaxRegression(EpochClassifier):
    """Multinomial logistic regression with a bias; its weights start at zero.

    The figures of an :class:`~digitcore.models.Epoch` are those of all training images after the epoch's updates, as
    they are, not as augmentation has changed them. The computation is in float32 when the images are float32, else in
    float64.

    Parameters
    ----------
    epochs, batch_size, learning_rate, schedule, step_epochs, step_factor, warm_up, optimizer, momentum, \
momentum_kind, rho, epsilon, patience, weight_decay, label_smoothing, max_norm, hard_fraction, augment_shift, \
augment_rotation, augment_scale, augment_shear, augment_elastic, augment_noise, augment_erasing, augment_thickness
        See :data:`digitcore.models.hyperparameters.SOFTMAX`.
    random_state : int, RandomState or None
        Seed of the batches' order. Equal seeds give equal bits with equally many threads of NumPy's BLAS (see
        ``threadpoolctl.threadpool_limits``), else results equal but for rounding; :func:`digitcore.train` sets them.
    validation_fraction, warm_start, verbose, class_weight
        See :class:`digitcore.models.base.EpochClassifier`.

    Attributes
    ----------
    coef_ : ndarray, (n_classes, n_features)
        Weights; two classes have two rows.
    intercept_ : ndarray, (n_classes,)
        Biases.
    """

    MODEL_NAME = "softmax"
    PARAMETERS = hyperparameters.SOFTMAX
    _TAKES_WEIGHTS = True
    _WEIGHTS_ATTRIBUTE = "coef_"
    _DTYPES = (np.float64, np.float32)

    def __init__(
        self,
        epochs=30,
        batch_size=32,
        learning_rate=0.01,
        schedule="constant",
        step_epochs=10,
        step_factor=0.1,
        warm_up=0.3,
        optimizer="sgd",
        momentum=0.0,
        momentum_kind="classical",
        rho=0.99,
        epsilon=1e-8,
        patience=None,
        weight_decay=0.0,
        label_smoothing=0.0,
        max_norm=None,
        hard_fraction=None,
        augment_shift=0.0,
        augment_rotation=0.0,
        augment_scale=0.0,
        augment_shear=0.0,
        augment_elastic=0.0,
        augment_noise=0.0,
        augment_erasing=0.0,
        augment_thickness=0.0,
        random_state=None,
        validation_fraction=None,
        warm_start=False,
        verbose=0,
        class_weight=None,
    ):
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.step_epochs = step_epochs
        self.step_factor = step_factor
        self.warm_up = warm_up
        self.optimizer = optimizer
        self.momentum = momentum
        self.momentum_kind = momentum_kind
        self.rho = rho
        self.epsilon = epsilon
        self.patience = patience
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.max_norm = max_norm
        self.hard_fraction = hard_fraction
        self.augment_shift = augment_shift
        self.augment_rotation = augment_rotation
        self.augment_scale = augment_scale
        self.augment_shear = augment_shear
        self.augment_elastic = augment_elastic
        self.augment_noise = augment_noise
        self.augment_erasing = augment_erasing
        self.augment_thickness = augment_thickness
        self.random_state = random_state
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.verbose = verbose
        self.class_weight = class_weight

    def _start_training(
        self,
        layers: Sequence[Layer],
        train: LabelledImages,
        held_out: LabelledImages | None,
        settings: Mapping[str, Any],
        random_state: np.random.RandomState,
    ) -> Training:
        augmented = self._augmented(train, settings, lambda: int(random_state.randint(2**31)))
        self.coef_ = np.zeros(layers[-1].weight_shape, dtype=train.X.dtype)
        self.intercept_ = np.zeros(len(self.coef_), dtype=train.X.dtype)
        return SoftmaxTraining(self.coef_, self.intercept_, train, held_out, settings, random_state, augmented)

    def _predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        return lambda X: softmax(X @ self.coef_.T + self.intercept_)

    def _score_gradients(self, X: np.ndarray) -> np.ndarray:
        return self.coef_.copy()

    def _loss_gradients(self, images: LabelledImages) -> dict[str, np.ndarray]:
        return dict(zip(self._copy_weights(), gradient(self.coef_, self.intercept_, *images), strict=True))

    def _copy_weights(self) -> dict[str, np.ndarray]:
        return {"output.weight": self.coef_.copy(), "output.bias": self.intercept_.copy()}

    def _load_weights(self, layers: Sequence[Layer], weights: Mapping[str, np.ndarray]) -> None:
        self.coef_, self.intercept_ = (_float_copy(weights[f"output.{part}"]) for part in ("weight", "bias"))


class SoftmaxTraining(Training):
    """A training of ``coef`` and ``intercept``, which it changes in place.

    Parameters
    ----------
    coef, intercept : ndarray
        See :func:`gradient`.
    train : LabelledImages
        What is trained on.
    held_out : LabelledImages or None
        What is only evaluated; converted to the training images' type.
    settings : mapping
        Clean hyperparameters.
    random_state : RandomState
        Source of the batches' order.
    augmented : AugmentedImages, optional
        The training images as each epoch sees them.
    """

    def __init__(
        self,
        coef: np.ndarray,
        intercept: np.ndarray,
        train: LabelledImages,
        held_out: LabelledImages | None,
        settings: Mapping[str, Any],
        random_state: np.random.RandomState,
        augmented: AugmentedImages | None = None,
    ):
        self.coef, self.intercept, self.augmented = coef, intercept, augmented
        self.train = train
        self.held_out = held_out and LabelledImages(held_out.X.astype(train.X.dtype, copy=False), held_out.y)
        self.batch_size = batch_size_of(settings, len(train.y))
        self.schedule = Schedule(settings, updates_per_epoch(settings, len(train.y)))
        self.hard_examples = HardExamples(settings, len(train.y))
        self.workspaces: dict[int, Workspace] = {}
        weights = relative_weights(train)
        self.weights = None if weights is None else weights.astype(train.X.dtype, copy=False)
        self.label_smoothing, self.max_norm = settings.get("label_smoothing", 0.0), settings.get("max_norm")
        self.random_state = random_state
        rule = {name: settings[name] for name in RULE_SETTINGS if name in settings}
        self.optimizer = make_optimizer(settings["optimizer"], (coef, intercept), **rule)

    def one_epoch(self) -> Score:
        # Overflow is found by the loss and told as one sentence; warnings on the way there say nothing more.
        hook = pause_hook()
        with np.errstate(over="ignore", invalid="ignore"):
            for batch in self._batches():
                hook()
                if not self.schedule.is_constant:
                    self.optimizer.learning_rate = self.schedule.next_rate()
                self._one_batch(*batch)
            return self._score(self.train)

    def score_held_out(self) -> Score | None:
        with np.errstate(over="ignore", invalid="ignore"):
            return self.held_out and self._score(self.held_out)

    def weights_are_finite(self) -> bool:
        return bool(np.isfinite(self.coef).all() and np.isfinite(self.intercept).all())

    def batch_losses(self, rates: Iterable[float]) -> Iterator[float]:
        for rate, batch in zip(rates, batches_without_end(self, self._batches), strict=False):
            pause()
            with np.errstate(over="ignore", invalid="ignore"):
                loss = self._score(LabelledImages(*batch[:2])).loss
                self.optimizer.learning_rate = rate
                self._one_batch(*batch)
            yield loss

    def batches(self) -> Iterator[LabelledImages]:
        for batch in batches_without_end(self, self._batches):
            yield LabelledImages(*batch[:2])
            if not self.schedule.is_constant:
                self.optimizer.learning_rate = self.schedule.next_rate()
            with np.errstate(over="ignore", invalid="ignore"):
                self._one_batch(*batch)

    def state(self) -> dict[str, np.ndarray]:
        weights = {"output.weight": self.coef.copy(), "output.bias": self.intercept.copy()}
        return {
            **with_prefix("weights", weights),
            **with_prefix("optimizer", self.optimizer.state()),
            **with_prefix("schedule", self.schedule.state()),
            **with_prefix("hard", self.hard_examples.state()),
            "random": _random_numbers(self.random_state),
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        self.coef[...], self.intercept[...] = state["weights.output.weight"], state["weights.output.bias"]
        self.optimizer.load_state(under_prefix("optimizer", state))
        self.schedule.load_state(under_prefix("schedule", state))
        self.hard_examples.load_state(under_prefix("hard", state))
        *key, position = state["random"].tolist()
        # A generator of its own: one that the caller gave, or NumPy's global one, is not set back.
        self.random_state = np.random.RandomState(0)
        self.random_state.set_state(("MT19937", key, position))

    def _one_batch(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> None:
        work = self._workspace(len(y))
        how = {"label_smoothing": self.label_smoothing, "weights": weights}
        gradients = gradient(self.coef, self.intercept, X, y, work, **how)
        if not self.hard_examples.takes_all:
            self.hard_examples.note(work.shortfall, weights)
        if self.max_norm is not None:
            clip(gradients, self.max_norm)
        self.optimizer.step(gradients)

    def _batches(self) -> Iterator[tuple[np.ndarray, ...]]:
        X, y = self.train
        if self.augmented is not None:
            yield from self._augmented_batches(self.augmented)
            return
        if self.batch_size == len(y):
            yield (X, y) if self.weights is None else (X, y, self.weights)
            return
        order = self._order()
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            # Positions of a permutation are in range; "clip" spares a copy that would guard against others.
            images = np.take(X, rows, axis=0, out=self._workspace(len(rows)).images, mode="clip")
            yield (images, y[rows]) if self.weights is None else (images, y[rows], self.weights[rows])

    def _augmented_batches(self, augmented: AugmentedImages) -> Iterator[tuple[np.ndarray, ...]]:
        X, y = self.train
        order = self._order()
        memory = np.empty((augmented.n_at_once(self.batch_size), X.shape[1]), dtype=X.dtype)
        for rows, images in augmented.batches(order, memory):
            for start in range(0, len(rows), self.batch_size):
                batch = slice(start, start + self.batch_size)
                weights = () if self.weights is None else (self.weights[rows[batch]],)
                yield images[batch], y[rows[batch]], *weights

    def _order(self) -> np.ndarray:
        """Return the positions of an epoch's images in their order; a full batch draws nothing."""
        n_images = len(self.train.y)
        order = np.arange(n_images) if self.batch_size == n_images else self.random_state.permutation(n_images)
        return self.hard_examples.pick(order)

    def _workspace(self, n_images: int) -> Workspace:
        if n_images not in self.workspaces:
            self.workspaces[n_images] = Workspace(n_images, self.coef)
        return self.workspaces[n_images]

    def _score(self, images: LabelledImages) -> Score:
        logits = np.empty((len(self.coef), len(images.y)), dtype=self.coef.dtype)
        for start in range(0, len(images.y), _SCORED_AT_ONCE):
            block = slice(start, start + _SCORED_AT_ONCE)
            # Classes first, for the reason above.
            logits[:, block] = self.coef @ images.X[block].T
        logits += self.intercept[:, None]
        accuracy = np.mean(logits.argmax(axis=0) == images.y)
        return Score(cross_entropy(logits.T, images.y), float(accuracy))


def _random_numbers(random_state: np.random.RandomState) -> np.ndarray:
    """Return the state of NumPy's Mersenne twister, int64 ``(625,)``: its key and its position in there."""
    state = random_state.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise InvalidSetting(
            f"Only a random_state of NumPy's MT19937 has checkpoints, got one of {state['bit_generator']}"
        )
    return np.append(state["state"]["key"].astype(np.int64), state["state"]["pos"])


def _float_copy(array: np.ndarray) -> np.ndarray:
    array = np.array(array)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
