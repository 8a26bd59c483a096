"""The one training loop: what every estimator does, whichever library computes its epochs."""

from __future__ import annotations

import math
import time
from abc import ABC, ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from digitcore.errors import DivergedError, Interrupted, InvalidSetting
from digitcore.models.architecture import plan
from digitcore.models.checkpoint import check_checkpoint, history_arrays, history_of, under_prefix, with_prefix
from digitcore.models.epoch import Epoch
from digitcore.models.layer_plans import Layer, weight_shapes
from digitcore.models.lr_range_test import RateRange, geometric_rates, until_hopeless
from digitcore.models.pauses import pause
from digitcore.parameters import Parameter, clean_parameters

# Images that are predicted at once: enough to keep the cores busy, few enough to bound the memory.
PREDICTED_AT_ONCE = 2048


class Score(NamedTuple):
    """Mean cross-entropy in nats, and the share that was right, 0 to 1."""

    loss: float
    accuracy: float


class LabelledImages(NamedTuple):
    """Images ``X``, float ``(n_images, n_pixels)``, and their classes' positions ``y``, int64 ``(n_images,)``."""

    X: np.ndarray
    y: np.ndarray


class Training(ABC):
    """A training under way: data, optimizer and random numbers, which the estimator forgets when it is over."""

    @abstractmethod
    def one_epoch(self) -> Score:
        """Train on every image once and return how the training images did."""

    @abstractmethod
    def score_held_out(self) -> Score | None:
        """Return how the validation images do now; None without validation data."""

    @abstractmethod
    def weights_are_finite(self) -> bool:
        """Whether no weight is NaN or infinite."""

    @abstractmethod
    def batch_losses(self, rates: Iterable[float]) -> Iterator[float]:
        """Train a batch at each learning rate; yield its mean loss as it was before the update."""

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of all that decides how this goes on after an epoch: weights, optimizer, random numbers.

        Raises
        ------
        InvalidSetting
            If this kind of training cannot be continued.
        """
        raise InvalidSetting('Only a training on the processor has checkpoints: set device to "cpu"')

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what :meth:`state` of an equal training gave."""
        raise NotImplementedError


class Suspended(NamedTuple):
    """A training between two epochs, and the weights of its best epoch if they are wanted."""

    training: Training
    best_weights: Mapping[str, np.ndarray] | None


class EpochClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """A scikit-learn classifier that is trained epoch by epoch.

    Attributes
    ----------
    classes_ : ndarray, (n_classes,)
        The labels seen in ``fit``, sorted.
    n_features_in_ : int
        Pixels of an image.
    history_ : list of Epoch
        Every epoch that was trained, in order.
    best_epoch_ : int
        Number of the first epoch with the highest validation accuracy (training accuracy without validation data).
    n_iter_ : int
        Number of epochs trained.
    """

    MODEL_NAME: ClassVar[str]
    PARAMETERS: ClassVar[tuple[Parameter, ...]]
    # Name of the attribute that holds the weights: an estimator without it cannot predict.
    _WEIGHTS_ATTRIBUTE: ClassVar[str]
    # What images are converted to, unless they have one of these types already.
    _DTYPES: ClassVar[tuple[type, ...]]

    def fit(self, X, y, validation_data=None):
        """Train to the end.

        Parameters
        ----------
        X : array-like, float, (n_images, n_pixels)
            Images, their pixels row by row.
        y : array-like, (n_images,)
            Labels of any type that scikit-learn takes for classes.
        validation_data : (X, y), optional
            Images and labels that are evaluated after every epoch and never trained on.

        Returns
        -------
        self

        Raises
        ------
        InvalidSetting
            If a hyperparameter or ``validation_data`` is not valid.
        ValueError
            If ``X`` and ``y`` are not images and classes.
        DivergedError
            If the loss of an epoch is not finite. ``history_`` keeps the epochs before it; predictions are refused.
        """
        for _ in self.iter_fit(X, y, validation_data):
            pass
        return self

    def iter_fit(self, X, y, validation_data=None, *, resume_from=None) -> Iterator[Epoch]:
        """Return a generator that trains an epoch and yields its :class:`Epoch`, until the training is over.

        The arguments are checked, and the weights get their first values, before this returns. At each epoch, and when
        the generator is closed before its end, the estimator predicts with the weights that it has. With ``patience``
        the weights of the best epoch are put back, however the training ends.

        Inside :func:`digitcore.models.pauses.pauses` an epoch can be ended between two batches by an exception, which
        leaves the generator. ``history_`` then has the whole epochs, and the weights, without ``patience``, are those
        of the last batch.

        Parameters
        ----------
        X, y, validation_data
            See :meth:`fit`.
        resume_from : mapping of str to ndarray, optional
            What :meth:`checkpoint` gave in a training with the same data and hyperparameters, which only ``epochs`` may
            differ from. Only the epochs after it are trained and yielded, none if that training was over; on the same
            machine the outcome is, bit by bit, that of one training without a break.

        Raises
        ------
        InvalidSetting
            If the checkpoint does not fit, too; else as :meth:`fit`.
        """
        settings = self._clean_settings()
        training = self._first_state(settings, X, y, validation_data)
        self.history_, self.best_epoch_, self.n_iter_ = [], 0, 0
        best_weights = None
        if resume_from is not None:
            best_weights = self._resume(training, resume_from, settings, validates=validation_data is not None)
        return self._all_epochs(training, settings, best_weights)

    def checkpoint(self) -> dict[str, np.ndarray]:
        """Return what a training needs to be continued later, while :meth:`iter_fit` is suspended at an epoch.

        Returns
        -------
        dict of str to ndarray
            Copies, float32, float64, int64 or uint8. ``"weights."`` and, with ``patience``, ``"best."`` (those of the
            best epoch) begin the names of :meth:`get_weights`; ``"optimizer."`` those of its running means and numbers
            of steps; ``"random"`` is the state of the random numbers; ``"history.train_loss"`` and so on, float64
            ``(n_epochs,)``, are the epochs' figures.

        Raises
        ------
        InvalidSetting
            If no training is suspended at an epoch, or if it takes place on an accelerator.
        """
        suspended = self.__dict__.get("_suspended")
        if suspended is None:
            raise InvalidSetting("There is a checkpoint only while iter_fit is suspended at an epoch that it yielded")
        return {
            **suspended.training.state(),
            **with_prefix("best", suspended.best_weights or {}),
            **with_prefix("history", history_arrays(self.history_)),
        }

    def learning_rate_range(self, X, y, *, lowest=1e-6, highest=10.0, n_steps=100) -> RateRange:
        """Try learning rates in one short training from the first weights; this estimator is left as it is.

        The rate grows geometrically from batch to batch. The test ends early once the loss is not finite, or above four
        times its lowest smoothed value so far (exponential mean with a decay of 0.9, corrected for its start).

        Parameters
        ----------
        X, y
            See :meth:`fit`.
        lowest, highest : float
            First and last learning rate.
        n_steps : int
            Batches to train at most, 2 to 10000.

        Returns
        -------
        RateRange
            The rates that were tried, and the mean cross-entropy of each one's batch in nats as it was in training
            before the update, dropout on; finite.

        Raises
        ------
        InvalidSetting
            If a hyperparameter, ``lowest``, ``highest`` or ``n_steps`` is not valid.
        ValueError
            If ``X`` and ``y`` are not images and classes.

        References
        ----------
        Smith (2015), "Cyclical learning rates for training neural networks", section 3.3.
        """
        rates = geometric_rates(lowest, highest, n_steps)
        trial = clone(self)
        training = trial._first_state(trial._clean_settings(), X, y, None)
        losses = until_hopeless(training.batch_losses(rates.tolist()))
        return RateRange(rates[: len(losses)], np.array(losses, dtype=np.float64))

    def predict_proba(self, X) -> np.ndarray:
        """Return the probability of every class.

        Parameters
        ----------
        X : array-like, float, (n_images, n_pixels)
            Images, scaled as those of the training.

        Returns
        -------
        ndarray, float, (n_images, n_classes)
            0 to 1, each row adding up to one; the columns are in the order of ``classes_``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=self._DTYPES)
        predict_block, at_once = self._predictor(), self._images_at_once()
        blocks = [predict_block(block) for block in _blocks(X, at_once)]
        return np.concatenate(blocks)  # (n_images, n_classes)

    def predict(self, X) -> np.ndarray:
        """Return the most probable class of every image, ``(n_images,)``."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def input_gradients(self, x) -> np.ndarray:
        """Return how each class's score, before the softmax, changes with each pixel of an image.

        Parameters
        ----------
        x : array-like, float, (n_pixels,)
            One image, scaled as those of the training.

        Returns
        -------
        ndarray, float, (n_classes, n_pixels)
            In the order of ``classes_``.

        References
        ----------
        Simonyan, Vedaldi and Zisserman (2013), "Deep inside convolutional networks: visualising image classification
        models and saliency maps", section 3.
        """
        check_is_fitted(self)
        X = validate_data(self, np.reshape(x, (1, -1)), reset=False, dtype=self._DTYPES)
        return self._score_gradients(X)

    def weight_gradients(self, X, y) -> dict[str, np.ndarray]:
        """Return the gradient of the mean cross-entropy by every weight, dropout off.

        Parameters
        ----------
        X : array-like, float, (n_images, n_pixels)
            Images, scaled as those of the training.
        y : array-like, (n_images,)
            Their classes, all known from the training.

        Returns
        -------
        dict of str to ndarray
            Named and shaped as in :meth:`get_weights`.

        Raises
        ------
        InvalidSetting
            If the labels are not one known class for each image.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=self._DTYPES)
        y, sums = self._class_positions(np.asarray(y), len(X)), {}
        at_once = self._images_looked_at_once()
        for images in map(LabelledImages, _blocks(X, at_once), _blocks(y, at_once)):
            share = len(images.y) / len(y)
            for name, mean in self._loss_gradients(images).items():
                sums[name] = sums.get(name, 0.0) + share * mean
        return sums

    def activations(self, X) -> dict[str, np.ndarray]:
        """Return what every hidden layer makes of images, dropout off.

        Parameters
        ----------
        X : array-like, float, (n_images, n_pixels)
            Images, scaled as those of the training.

        Returns
        -------
        dict of str to ndarray
            By layer, first to last, after its ReLU: ``"conv_1"`` and ``"pool_1"`` float
            ``(n_images, height, width, channels)``, ``"dense_1"`` float ``(n_images, n_units)``. Empty for a model
            without hidden layers.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=self._DTYPES)
        blocks = [self._hidden_values(block) for block in _blocks(X, self._images_looked_at_once())]
        return {layer: np.concatenate([values[layer] for values in blocks]) for layer in blocks[0]}

    def get_weights(self) -> dict[str, np.ndarray]:
        """Return copies of all weights by name, such as ``"output.weight"`` ``(n_classes, n_inputs)``; see ``plan``."""
        check_is_fitted(self)
        return self._copy_weights()

    def restore(self, weights: Mapping[str, np.ndarray], *, classes: Sequence, n_features: int) -> EpochClassifier:
        """Make this a fitted estimator from the weights of another one with the same parameters.

        Parameters
        ----------
        weights : mapping of str to ndarray
            As :meth:`get_weights` gave them.
        classes : sequence, (n_classes,)
            ``classes_`` of the estimator that was trained.
        n_features : int
            Its ``n_features_in_``.

        Returns
        -------
        self

        Raises
        ------
        InvalidSetting
            If names, shapes or values do not fit the parameters; the estimator is left as it was.
        """
        settings = self._clean_settings()
        classes = _check_classes(classes)
        if not isinstance(n_features, Integral) or n_features < 1:
            raise InvalidSetting(f"n_features must be a whole number of pixels, at least 1, got {n_features!r}")
        layers = self._plan(settings, n_features, len(classes))
        _check_weights(weights, weight_shapes(layers))
        self._forget_training()
        self.classes_, self.n_features_in_ = classes, int(n_features)
        self._load_weights(layers, weights)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, self._WEIGHTS_ATTRIBUTE)

    def __getstate__(self) -> dict[str, Any]:
        # A copy is no part of the training that this may be suspended in.
        return {name: value for name, value in super().__getstate__().items() if name != "_suspended"}

    @abstractmethod
    def _start_training(
        self,
        layers: Sequence[Layer],
        train: LabelledImages,
        held_out: LabelledImages | None,
        settings: Mapping[str, Any],
        random_state: np.random.RandomState,
    ) -> Training:
        """Give the estimator its first weights and return the training that will change them."""

    @abstractmethod
    def _predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function from a block of checked images to their probabilities ``(n_images, n_classes)``."""

    @abstractmethod
    def _score_gradients(self, X: np.ndarray) -> np.ndarray:
        """Return the gradients ``(n_classes, n_pixels)`` of one checked image ``(1, n_pixels)``."""

    @abstractmethod
    def _loss_gradients(self, images: LabelledImages) -> dict[str, np.ndarray]:
        """Return the gradients of :meth:`weight_gradients` for checked images."""

    def _hidden_values(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Return the values of :meth:`activations` for checked images."""
        return {}

    @abstractmethod
    def _copy_weights(self) -> dict[str, np.ndarray]:
        """Return copies of all weights by name."""

    @abstractmethod
    def _load_weights(self, layers: Sequence[Layer], weights: Mapping[str, np.ndarray]) -> None:
        """Take copies of ``weights``, which fit ``layers``."""

    def _image_shape(self, n_features: int) -> tuple[int, int]:
        """Height and width of an image; only a model that looks at neighbours cares."""
        return (1, n_features)

    def _images_at_once(self) -> int:
        return PREDICTED_AT_ONCE

    def _images_looked_at_once(self) -> int:
        """Return how many images' activations or gradients may be computed from one pause to the next."""
        return self._images_at_once()

    def _plan(self, settings: Mapping[str, Any], n_features: int, n_classes: int) -> list[Layer]:
        return plan(self.MODEL_NAME, settings, self._image_shape(n_features), n_classes)

    def _clean_settings(self) -> dict[str, Any]:
        given = {record.name: getattr(self, record.name) for record in self.PARAMETERS}
        return clean_parameters(self.PARAMETERS, given)

    def _clean_random_state(self) -> np.random.RandomState:
        try:
            return check_random_state(self.random_state)
        except (ValueError, TypeError):
            raise InvalidSetting(
                "random_state must be a whole number from 0 to 4294967295, None or a numpy RandomState, "
                f"got {self.random_state!r}"
            ) from None

    def _check_training_data(self, X, y) -> LabelledImages:
        X, y = validate_data(self, X, y, dtype=self._DTYPES)
        check_classification_targets(y)
        self.classes_, positions = np.unique(y, return_inverse=True)
        return LabelledImages(X, positions.astype(np.int64, copy=False))

    def _check_validation_data(self, validation_data) -> LabelledImages | None:
        if validation_data is None:
            return None
        try:
            X, y = validation_data
        except (TypeError, ValueError):
            raise InvalidSetting("validation_data must be None or a pair of images and labels (X, y)") from None
        X = check_array(X, dtype=self._DTYPES, input_name="validation images")
        if X.shape[1] != self.n_features_in_:
            raise InvalidSetting(
                f"validation_data must have images of {self.n_features_in_} pixels, as the training data, "
                f"got {X.shape[1]} pixels"
            )
        return LabelledImages(X, self._class_positions(np.asarray(y), len(X)))

    def _class_positions(self, labels: np.ndarray, n_images: int) -> np.ndarray:
        """Return the position in ``classes_`` of each label, int64 ``(n_images,)``."""
        if labels.shape != (n_images,):
            raise InvalidSetting(
                f"validation_data must have one label for each image: expected {n_images} labels, "
                f"got an array of shape {labels.shape}"
            )
        # A dictionary compares labels of any type, where sorting numbers among words would fail.
        position_of = {label: position for position, label in enumerate(self.classes_.tolist())}
        positions = [position_of.get(label, -1) for label in labels.tolist()]
        unknown = {repr(label) for label, position in zip(labels.tolist(), positions, strict=True) if position < 0}
        if unknown:
            raise InvalidSetting(
                f"validation_data has classes that the training data lacks: {', '.join(sorted(unknown))}; train on "
                "images of every class or leave these out"
            )
        return np.array(positions, dtype=np.int64)

    def _first_state(self, settings: Mapping[str, Any], X, y, validation_data) -> Training:
        """Check the arguments, give the weights their first values and return the training."""
        random_state = self._clean_random_state()
        # Nothing of an earlier training may be taken for this one's, even if the data is refused below.
        self._forget_training()
        train = self._check_training_data(X, y)
        held_out = self._check_validation_data(validation_data)
        layers = self._plan(settings, self.n_features_in_, len(self.classes_))
        return self._start_training(layers, train, held_out, settings, random_state)

    def _resume(
        self, training: Training, checkpoint: Mapping[str, np.ndarray], settings: Mapping[str, Any], *, validates: bool
    ) -> dict[str, np.ndarray] | None:
        """Take training and history to where they were at the checkpoint; return its best weights."""
        try:
            best = with_prefix("best", self._copy_weights() if settings["patience"] else {})
            check_checkpoint(checkpoint, training.state() | best, validates=validates, epochs=settings["epochs"])
        except InvalidSetting:
            self._forget_training()
            raise
        checkpoint = {name: np.array(array) for name, array in checkpoint.items()}
        training.load_state(checkpoint)
        self.history_ = history_of(under_prefix("history", checkpoint))
        self.n_iter_ = len(self.history_)
        self.best_epoch_ = max(self.history_, key=lambda epoch: epoch.watched_accuracy).number
        return under_prefix("best", checkpoint) or None

    def _all_epochs(
        self, training: Training, settings: Mapping[str, Any], best_weights: Mapping[str, np.ndarray] | None
    ) -> Iterator[Epoch]:
        patience = settings["patience"]
        try:
            while self.n_iter_ < settings["epochs"] and not self._waited_for(patience):
                epoch = _one_epoch(training, self.n_iter_ + 1, settings["learning_rate"])
                if not self.history_ or epoch.watched_accuracy > self._best_accuracy:
                    self.best_epoch_ = epoch.number
                    best_weights = self._copy_weights() if patience else None
                self.history_.append(epoch)
                self.n_iter_ = epoch.number
                self._suspended = Suspended(training, best_weights)
                yield epoch
                del self._suspended
        except DivergedError:
            # Weights that are not numbers would predict the first class for every image: better none.
            best_weights = None
            delattr(self, self._WEIGHTS_ATTRIBUTE)
            raise
        finally:
            self.__dict__.pop("_suspended", None)
            if best_weights is not None:
                self._load_weights(self._plan(settings, self.n_features_in_, len(self.classes_)), best_weights)

    @property
    def _best_accuracy(self) -> float:
        return self.history_[self.best_epoch_ - 1].watched_accuracy

    def _waited_for(self, patience: int | None) -> bool:
        """Whether ``patience`` is at its end."""
        return patience is not None and self.n_iter_ - self.best_epoch_ >= patience

    def _forget_training(self) -> None:
        forgotten = ("history_", "best_epoch_", "n_iter_", "feature_names_in_", "_suspended")
        for name in (self._WEIGHTS_ATTRIBUTE, *forgotten):
            if hasattr(self, name):
                delattr(self, name)


def _blocks(array: np.ndarray, at_once: int) -> Iterator[np.ndarray]:
    for start in range(0, len(array), at_once):
        pause()
        yield array[start : start + at_once]


def _one_epoch(training: Training, number: int, learning_rate: float) -> Epoch:
    start = time.perf_counter()
    try:
        trained = training.one_epoch()
        held_out = training.score_held_out()
    except Interrupted:
        if training.weights_are_finite():
            raise
        raise DivergedError(number, learning_rate) from None
    # NaN and infinity stay in a sum, so an epoch's mean loss tells of every batch. The last batch's update shows in the
    # weights only.
    losses = (trained.loss,) if held_out is None else (trained.loss, held_out.loss)
    if not (all(map(math.isfinite, losses)) and training.weights_are_finite()):
        raise DivergedError(number, learning_rate)
    return Epoch(number, *trained, *(held_out or (None, None)), seconds=time.perf_counter() - start)


def _check_classes(classes: Sequence) -> np.ndarray:
    classes = np.asarray(classes)
    if classes.ndim != 1 or not len(classes) or len(set(classes.tolist())) != len(classes):
        raise InvalidSetting(f"classes must be a list of at least one label, all different, got {classes.tolist()!r}")
    return classes


def _check_weights(weights: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse weights whose names, shapes or values are not those of the model."""
    if set(weights) != set(shapes):
        raise InvalidSetting(
            f"The weights do not belong to this model: expected {', '.join(shapes)}, got {', '.join(weights) or 'none'}"
        )
    for name, shape in shapes.items():
        array = np.asarray(weights[name])
        if array.shape != shape:
            raise InvalidSetting(f"The weights {name!r} must have the shape {shape}, got {array.shape}")
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise InvalidSetting(f"The weights {name!r} must be finite numbers")
