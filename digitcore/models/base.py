"""The one training loop: what every estimator does, whichever library computes its epochs."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from digitcore.errors import DivergedError, InvalidSetting
from digitcore.models.architecture import plan
from digitcore.models.augmented_images import AugmentedImages, augmentation_of
from digitcore.models.checkpoint import (
    check_checkpoint,
    continued_state,
    history_arrays,
    history_of,
    inherited_checkpoint,
    kept_state,
    n_epochs_of,
    under_prefix,
    with_prefix,
)
from digitcore.models.epoch import Epoch
from digitcore.models.files import save_model
from digitcore.models.hard_examples import updates_per_epoch
from digitcore.models.inputs import (
    VALIDATION_FRACTION,
    LabelledImages,
    WeightedImages,
    as_rows,
    check_callbacks,
    check_classes,
    check_sample_weight,
    check_weights,
    class_positions,
    class_weights_of,
    has_height_and_width,
    hold_out,
)
from digitcore.models.layer_plans import Layer, weight_shapes
from digitcore.models.lr_range_test import LRRange, geometric_rates, until_hopeless
from digitcore.models.pauses import pause
from digitcore.models.progress_bar import progress_bar
from digitcore.models.schedules import Schedule
from digitcore.models.training import Batch, Score, Training, one_epoch
from digitcore.parameters import Parameter, clean_parameters

# The names that a custom model needs.
__all__ = ["EpochClassifier", "LabelledImages", "Score", "Training"]

# What to do about labels that the training data lacks.
_LEAVE_OUT = "train on images of every class or leave these out"
_START_AFRESH = "leave these out, or train from the start on every class"
# Images that are predicted at once: enough to keep the cores busy, few enough to bound the memory.
PREDICTED_AT_ONCE = 2048


class Suspended(NamedTuple):
    """A training between two epochs, the weights of its best epoch if they are wanted, and whether it began warm."""

    training: Training
    best_weights: Mapping[str, np.ndarray] | None
    began_warm: bool


class EpochClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """A scikit-learn classifier that is trained epoch by epoch.

    Images are rows of pixels, ``(n_images, n_pixels)``; wherever a method takes several of them, an array
    ``(n_images, height, width)`` means the same.

    Parameters
    ----------
    validation_fraction : float or None
        Share of the images that ``fit`` holds out, stratified and drawn by ``random_state``, to validate after every
        epoch when it gets no ``validation_data``; 0.001 to 0.9. Ignored by ``partial_fit``. With ``warm_start``, only a
        whole number as ``random_state`` holds out the same images in every ``fit``.
    warm_start : bool
        Whether the next ``fit`` trains ``epochs`` more epochs from the present weights and, after a training with
        ``warm_start`` or ``partial_fit``, from the present state of optimizer and random numbers. Classes stay those of
        the first training; a learning-rate schedule begins anew. Not on an accelerator.
    class_weight : dict, "balanced" or None
        How much an image of each class counts, by its label; 1 where there is none. "balanced" makes all classes count
        alike. None: every image counts alike.
    verbose : int
        Above 0, ``fit`` shows a progress bar on standard error, tqdm's where tqdm is installed.

    Attributes
    ----------
    classes_ : ndarray, (n_classes,)
        The labels seen in ``fit``, sorted.
    n_features_in_ : int
        Pixels of an image.
    history_ : list of Epoch
        Every epoch that was trained, in order; ``warm_start`` and ``partial_fit`` append theirs.
    best_epoch_ : int
        Number of the first epoch with the highest validation accuracy (training accuracy without validation data),
        among those of the last call of ``fit`` or ``partial_fit``.
    n_iter_ : int
        Number of epochs trained, the length of ``history_``.
    """

    # For constructors that leave these parameters out.
    validation_fraction, warm_start, verbose, class_weight = None, False, 0, None

    classes_: np.ndarray

    MODEL_NAME: ClassVar[str]
    PARAMETERS: ClassVar[tuple[Parameter, ...]]
    # Name of the attribute that holds the weights: an estimator without it cannot predict.
    _WEIGHTS_ATTRIBUTE: ClassVar[str]
    # Whether its trainings heed the weights of images, as digitcore.models.inputs.relative_weights gives them.
    _TAKES_WEIGHTS: ClassVar[bool] = False
    # What images are converted to, unless they have one of these types already.
    _DTYPES: ClassVar[tuple[type, ...]]

    def fit(self, X, y, validation_data=None, *, callbacks=(), sample_weight=None):
        """Train to the end.

        Parameters
        ----------
        X : array-like, float, (n_images, n_pixels)
            Images, their pixels row by row.
        y : array-like, (n_images,)
            Labels of any type that scikit-learn takes for classes.
        validation_data : (X, y), optional
            Images and labels that are evaluated after every epoch and never trained on.
        callbacks : sequence of callable, optional
            Each is called with every :class:`Epoch` as soon as it is over. What one raises ends the training, as
            closing the generator of :meth:`iter_fit` does, and leaves ``fit``.
        sample_weight : array-like, float, (n_images,), optional
            How much each image counts in relation to the others, at least 0. The figures of the epochs count all alike.

        Returns
        -------
        self

        Raises
        ------
        InvalidSetting
            If a parameter, ``validation_data`` or ``callbacks`` is not valid.
        ValueError
            If ``X`` and ``y`` are not images and classes.
        DivergedError
            If the loss of an epoch is not finite. ``history_`` keeps the epochs before it; predictions are refused.
        """
        callbacks = check_callbacks(callbacks)
        with ExitStack() as stack:
            epochs = stack.enter_context(closing(self.iter_fit(X, y, validation_data, sample_weight=sample_weight)))
            if self.verbose:
                callbacks = [stack.enter_context(progress_bar(self.epochs, type(self).__name__)), *callbacks]
            for epoch in epochs:
                for callback in callbacks:
                    callback(epoch)
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one more epoch, on these images.

        The first call draws the first weights; later ones, and the first after :meth:`fit` or :meth:`restore`, go on
        from the present weights. Early stopping and ``validation_fraction`` do not apply.

        Parameters
        ----------
        X : array-like, float, (n_images, n_pixels)
            Images, their pixels row by row.
        y : array-like, (n_images,)
            Their labels, all among ``classes``.
        classes : array-like, (n_classes,), optional
            Every label of all calls; required in the first call only.
        sample_weight : array-like, float, (n_images,), optional
            See :meth:`fit`; in relation to the other images of this call.

        Returns
        -------
        self

        Raises
        ------
        InvalidSetting
            If a hyperparameter or ``classes`` is not valid, ``y`` has other labels, the learning rate is not constant,
            ``class_weight`` is "balanced", or the training takes place on an accelerator.
        ValueError
            If ``X`` and ``y`` are not images and classes.
        DivergedError
            If the loss is not finite. The next call is a first one.
        """
        settings = self._clean_settings() | {"epochs": 1, "patience": None}
        if settings.get("schedule", "constant") != "constant":
            raise InvalidSetting(
                f"partial_fit cannot follow the schedule {settings['schedule']!r}, because it does not know how many "
                "epochs there will be: set schedule to 'constant', or call fit"
            )
        if isinstance(self.class_weight, str):
            raise InvalidSetting(
                "partial_fit cannot balance the classes, because it does not see all images: set class_weight to a "
                "weight for each class, such as class_weights_of gives for all labels"
            )
        classes = self._classes_of_first_call(classes)
        if classes is None:
            training = self._next_state(settings, X, y, sample_weight=sample_weight)
        else:
            training = self._first_state(settings, X, y, classes=classes, keeps=True, sample_weight=sample_weight)
        for _ in self._all_epochs(training, settings, None, n_before=self.n_iter_, warm=True, keeps=True):
            pass
        return self

    def iter_fit(
        self, X, y, validation_data=None, *, resume_from=None, n_inherited=0, sample_weight=None
    ) -> Iterator[Epoch]:
        """Return a generator that trains an epoch and yields its :class:`Epoch`, until the training is over.

        The arguments are checked, and the weights get their first values, before this returns. At each epoch, and when
        the generator is closed before its end, the estimator predicts with the weights that it has. With ``patience``
        the weights of the best epoch are put back, however the training ends.

        Inside :func:`digitcore.models.pauses.pauses` an epoch can be ended between two batches by an exception, which
        leaves the generator. ``history_`` then has the whole epochs, and the weights, without ``patience``, are those
        of the last batch.

        Parameters
        ----------
        X, y, validation_data, sample_weight
            See :meth:`fit`.
        resume_from : mapping of str to ndarray, optional
            What :meth:`checkpoint` gave in a training with the same data and hyperparameters, which only ``epochs`` may
            differ from, unless the learning-rate schedule ends with them. Only the epochs after it are trained and
            yielded, none if that training was over, whatever ``warm_start`` says; on the same machine the outcome is,
            bit by bit, that of one training without a break.
        n_inherited : int, optional
            How many of the checkpoint's epochs are those of a training with other data or hyperparameters, but the same
            layers. If all are, this training goes on from there: with the weights and random numbers of the checkpoint,
            and with its running means if the optimizer is the same. Inherited epochs count among ``epochs``; neither
            ``best_epoch_`` nor ``patience`` looks at them, and a learning-rate schedule begins after them.

        Raises
        ------
        InvalidSetting
            If the checkpoint does not fit, too; else as :meth:`fit`.
        """
        settings, keeps = self._clean_settings(), self._clean_warm_start()
        if keeps and resume_from is None and self.__sklearn_is_fitted__():
            fraction = self._clean_fraction()
            training = self._next_state(settings, X, y, validation_data, fraction=fraction, sample_weight=sample_weight)
            return self._all_epochs(training, settings, None, n_before=self.n_iter_, warm=True, keeps=True)
        fraction, best_weights = self._clean_fraction(), None
        # A learning-rate schedule has the epochs that are this training's own.
        own = settings | {"epochs": settings["epochs"] - n_inherited}
        training = self._first_state(
            own, X, y, validation_data, fraction=fraction, keeps=keeps, sample_weight=sample_weight
        )
        if resume_from is not None:
            validates = validation_data is not None or fraction is not None
            best_weights = self._resume(training, resume_from, settings, validates=validates, n_inherited=n_inherited)
        return self._all_epochs(training, settings, best_weights, n_before=n_inherited, keeps=keeps)

    def iter_batches(self, X, y, *, sample_weight=None) -> Iterator[Batch]:
        """Return a generator that yields each :class:`~digitcore.models.Batch` and, asked for the next, trains on it.

        It trains as :meth:`fit` does on the same images, bit by bit, from the first weights to the end of the last
        epoch. No images are held out, and there is no early stopping and no ``warm_start``. In between, the estimator
        predicts with the weights that it has: before the first batch has been trained on, with the first ones.

        Parameters
        ----------
        X, y, sample_weight
            See :meth:`fit`.

        Raises
        ------
        InvalidSetting
            If a hyperparameter is not valid, or the training cannot be followed batch by batch, as on an accelerator.
        ValueError
            If ``X`` and ``y`` are not images and classes.
        DivergedError
            While iterating, if a weight is not finite after an update; predictions are refused then.
        """
        settings = self._clean_settings()
        training = self._first_state(settings, X, y, sample_weight=sample_weight)
        n_batches = updates_per_epoch(settings, len(y))
        return self._all_batches(training, training.batches(), Schedule(settings, n_batches), settings, n_batches)

    def checkpoint(self) -> dict[str, np.ndarray]:
        """Return what a training needs to be continued later, while :meth:`iter_fit` is suspended at an epoch.

        Returns
        -------
        dict of str to ndarray
            Copies, float32, float64, int64 or uint8. ``"weights."`` and, with ``patience``, ``"best."`` (those of the
            best epoch) begin the names of :meth:`get_weights`; ``"optimizer."`` those of its running means and numbers
            of steps; ``"schedule."`` those of the updates of a learning-rate schedule; ``"random"`` is the state of the
            random numbers; ``"history.train_loss"`` and so on, float64 ``(n_epochs,)``, are the epochs' figures.

        Raises
        ------
        InvalidSetting
            If no training is suspended at an epoch, if it takes place on an accelerator, or if ``warm_start`` has it go
            on from an earlier one.
        """
        suspended = self.__dict__.get("_suspended")
        if suspended is None:
            raise InvalidSetting("There is a checkpoint only while iter_fit is suspended at an epoch that it yielded")
        if suspended.began_warm:
            raise InvalidSetting(
                "A training that goes on from an earlier one has no checkpoints: set warm_start to False"
            )
        return {
            **suspended.training.state(),
            **with_prefix("best", suspended.best_weights or {}),
            **with_prefix("history", history_arrays(self.history_)),
        }

    def learning_rate_range(self, X, y, *, lowest=1e-6, highest=10.0, n_steps=100) -> LRRange:
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
        LRRange
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
        training = trial._first_state(trial._clean_settings(), X, y)
        losses = until_hopeless(training.batch_losses(rates.tolist()))
        return LRRange(rates[: len(losses)], np.array(losses, dtype=np.float64))

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
        X = self._check_images(X)
        predict_block, at_once = self._predictor(), self._images_at_once()
        blocks = [predict_block(block) for block in _blocks(X, at_once)]
        return np.concatenate(blocks)  # (n_images, n_classes)

    def predict_log_proba(self, X) -> np.ndarray:
        """Return the natural logarithm of :meth:`predict_proba`.

        Parameters
        ----------
        X : array-like, float, (n_images, n_pixels)
            Images, scaled as those of the training.

        Returns
        -------
        ndarray, float, (n_images, n_classes)
            0 or less; minus infinity where the probability is too small for its type.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

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
        return self._score_gradients(self._check_images(np.reshape(x, (1, -1))))

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
        X, sums = self._check_images(X), {}
        y = class_positions(y, self.classes_, len(X), name="y", advice=_LEAVE_OUT)
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
            By layer, first to last, after its activation: ``"conv_1"`` and ``"pool_1"`` float
            ``(n_images, height, width, channels)``, ``"dense_1"`` float ``(n_images, n_units)``. Empty for a model
            without hidden layers.
        """
        X = self._check_images(X)
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
        classes = check_classes(classes)
        if not isinstance(n_features, Integral) or n_features < 1:
            raise InvalidSetting(f"n_features must be a whole number of pixels, at least 1, got {n_features!r}")
        layers = self._plan(settings, n_features, len(classes))
        check_weights(weights, weight_shapes(layers))
        self._forget_training()
        self.classes_, self.n_features_in_ = classes, int(n_features)
        self._load_weights(layers, weights)
        return self

    def save(self, path) -> None:
        """Write the fitted estimator to a file that :func:`digitcore.load_model` reads.

        The file is in safetensors format: the weights, and in its metadata the constructor's parameters, ``classes_``,
        ``n_features_in_`` and ``feature_names_in_``. ``history_`` and the optimizer's state are left out; so is a
        ``random_state`` that is a RandomState.

        Parameters
        ----------
        path : str or PathLike
            The file, replaced if it exists.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        InvalidSetting
            If the classes are neither numbers nor text.
        ModelFileError
            If the file cannot be written.
        """
        check_is_fitted(self)
        save_model(self, path)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, self._WEIGHTS_ATTRIBUTE)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

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

    def _check_image_shape(self, height: int, width: int) -> None:
        """Refuse images whose height and width are not those that :meth:`_image_shape` takes them for."""

    def _image_sides(self, n_features: int) -> tuple[int, int] | None:
        """Height and width of the training images as they were given, or of a square; None if neither is known."""
        side = math.isqrt(n_features)
        return self._given_sides or ((side, side) if side * side == n_features else None)

    def _augmented(
        self, train: LabelledImages, settings: Mapping[str, Any], draw_seed: Callable[[], int]
    ) -> AugmentedImages | None:
        """Return the training images as each epoch sees them; None, and no seed is drawn, if as they are."""
        strengths = augmentation_of(settings)
        if strengths is None:
            return None
        n_pixels = train.X.shape[1]
        sides = self._image_sides(n_pixels)
        if sides is None:
            raise InvalidSetting(
                f"To augment images, their height and width must be known, and {n_pixels} pixels are no square: give "
                "images of shape (n_images, height, width), or leave the augmentation at 0"
            )
        return AugmentedImages(train.X, sides, strengths, draw_seed())

    def _images_at_once(self) -> int:
        return PREDICTED_AT_ONCE

    def _images_looked_at_once(self) -> int:
        """Return how many images' activations or gradients may be computed from one pause to the next."""
        return self._images_at_once()

    def _plan(self, settings: Mapping[str, Any], n_features: int, n_classes: int) -> list[Layer]:
        return plan(self.MODEL_NAME, settings, self._image_shape(n_features), n_classes)

    def _clean_settings(self) -> dict[str, Any]:
        # A subclass's constructor may be older than a setting that was added since.
        given = {
            record.name: getattr(self, record.name, record.default) if record.since else getattr(self, record.name)
            for record in self.PARAMETERS
        }
        return clean_parameters(self.PARAMETERS, given)

    def _clean_random_state(self) -> np.random.RandomState:
        try:
            return check_random_state(self.random_state)
        except (ValueError, TypeError):
            raise InvalidSetting(
                "random_state must be a whole number from 0 to 4294967295, None or a numpy RandomState, "
                f"got {self.random_state!r}"
            ) from None

    def _clean_fraction(self) -> float | None:
        return VALIDATION_FRACTION.clean(self.validation_fraction)

    def _clean_warm_start(self) -> bool:
        if not isinstance(self.warm_start, bool | np.bool_):
            raise InvalidSetting(f"warm_start must be True or False, got {self.warm_start!r}")
        return bool(self.warm_start)

    def _classes_of_first_call(self, classes) -> np.ndarray | None:
        """Return the sorted classes in the first call of :meth:`partial_fit`, None in a later one."""
        is_first = not self.__sklearn_is_fitted__()
        if classes is None:
            if is_first:
                raise InvalidSetting("The first call of partial_fit needs every label as classes, such as np.unique(y)")
            return None
        classes = np.unique(check_classes(classes))
        if is_first:
            return classes
        if not np.array_equal(classes, self.classes_):
            raise InvalidSetting(
                f"classes must be those of the first call, {self.classes_.tolist()!r}, or None, "
                f"got {classes.tolist()!r}"
            )
        return None

    def _rows(self, X):
        if has_height_and_width(X):
            self._check_image_shape(*X.shape[1:])
        return as_rows(X)

    def _check_images(self, X) -> np.ndarray:
        """Return the images for a fitted estimator ``(n_images, n_pixels)``."""
        check_is_fitted(self)
        return validate_data(self, self._rows(X), reset=False, dtype=self._DTYPES)

    def _check_training_data(self, X, y, *, classes: np.ndarray | None, reset: bool) -> LabelledImages:
        self._given_sides = X.shape[1:] if has_height_and_width(X) else None
        X, y = validate_data(self, self._rows(X), y, reset=reset, dtype=self._DTYPES)
        check_classification_targets(y)
        if classes is None:
            self.classes_, positions = np.unique(y, return_inverse=True)
            return LabelledImages(X, positions.astype(np.int64, copy=False))
        positions = class_positions(y, classes, len(X), name="y", advice=_START_AFRESH)
        self.classes_ = classes
        return LabelledImages(X, positions)

    def _weighted(self, train: LabelledImages, sample_weight) -> LabelledImages:
        """Return the images with their weights, if they do not count alike."""
        weights = check_sample_weight(sample_weight, train.X)
        if self.class_weight is not None:
            by_class = class_weights_of(self.class_weight, self.classes_, train.y, weights)
            weights = by_class[train.y] * (1.0 if weights is None else weights)
        if weights is None:
            return train
        if not self._TAKES_WEIGHTS:
            raise InvalidSetting(f"{type(self).__name__} cannot weight images: leave out sample_weight, class_weight")
        return WeightedImages(train.X, train.y, weights)

    def _with_held_out(
        self, train: LabelledImages, validation_data, fraction: float | None, random_state: np.random.RandomState
    ) -> tuple[LabelledImages, LabelledImages | None]:
        if validation_data is not None:
            return train, self._check_validation_data(validation_data)
        return (train, None) if fraction is None else hold_out(train, fraction, random_state)

    def _check_validation_data(self, validation_data) -> LabelledImages:
        try:
            X, y = validation_data
        except (TypeError, ValueError):
            raise InvalidSetting("validation_data must be None or a pair of images and labels (X, y)") from None
        try:
            X = self._rows(X)
            validate_data(self, X, reset=False, skip_check_array=True)
        except ValueError as problem:
            words = " ".join(str(problem).split())
            raise InvalidSetting(f"validation_data does not fit the training data: {words}") from None
        X = check_array(X, dtype=self._DTYPES, input_name="validation images")
        y = class_positions(y, self.classes_, len(X), name="validation_data", advice=_LEAVE_OUT)
        return LabelledImages(X, y)

    def _first_state(
        self,
        settings: Mapping[str, Any],
        X,
        y,
        validation_data=None,
        *,
        fraction: float | None = None,
        classes: np.ndarray | None = None,
        keeps: bool = False,
        sample_weight=None,
    ) -> Training:
        """Check the arguments, give the weights their first values and return the training.

        With ``keeps`` a training that cannot be continued is refused, too.
        """
        random_state = self._clean_random_state()
        # Nothing of an earlier training may be taken for this one's, even if the data is refused below.
        self._forget_training()
        train = self._weighted(self._check_training_data(X, y, classes=classes, reset=True), sample_weight)
        train, held_out = self._with_held_out(train, validation_data, fraction, random_state)
        layers = self._plan(settings, self.n_features_in_, len(self.classes_))
        training = self._start_training(layers, train, held_out, settings, random_state)
        self.history_, self.best_epoch_, self.n_iter_ = [], 0, 0
        try:
            _ = keeps and training.state()
        except InvalidSetting:
            self._forget_training()
            raise
        return training

    def _next_state(
        self,
        settings: Mapping[str, Any],
        X,
        y,
        validation_data=None,
        *,
        fraction: float | None = None,
        sample_weight=None,
    ) -> Training:
        """Check the arguments and return a training that goes on from the present state, which a refusal leaves."""
        random_state = self._clean_random_state()
        train = self._weighted(self._check_training_data(X, y, classes=self.classes_, reset=False), sample_weight)
        train, held_out = self._with_held_out(train, validation_data, fraction, random_state)
        layers, weights = self._plan(settings, self.n_features_in_, len(self.classes_)), self._copy_weights()
        try:
            check_weights(weights, weight_shapes(layers))
        except InvalidSetting as problem:
            raise InvalidSetting(
                f"The hyperparameters are not those of the present weights, so the training cannot go on ({problem}): "
                "set them back, or train from the start with warm_start=False"
            ) from None
        try:
            training = self._start_training(layers, train, held_out, settings, random_state)
            training.load_state(continued_state(training.state(), weights, self.__dict__.get("_kept_state", {})))
        except InvalidSetting:
            self._load_weights(layers, weights)
            raise
        if not hasattr(self, "history_"):
            self.history_, self.best_epoch_, self.n_iter_ = [], 0, 0
        return training

    def _resume(
        self,
        training: Training,
        checkpoint: Mapping[str, np.ndarray],
        settings: Mapping[str, Any],
        *,
        validates: bool,
        n_inherited: int = 0,
    ) -> dict[str, np.ndarray] | None:
        """Take training and history to where they were at the checkpoint; return its best weights."""
        try:
            first = training.state()
            best = with_prefix("best", self._copy_weights() if settings["patience"] else {})
            if n_inherited and n_inherited == n_epochs_of(checkpoint):
                checkpoint = inherited_checkpoint(checkpoint, first, validates=validates, keeps_best=bool(best))
            check_checkpoint(
                checkpoint, first | best, validates=validates, epochs=settings["epochs"], n_inherited=n_inherited
            )
        except InvalidSetting:
            self._forget_training()
            raise
        checkpoint = {name: np.array(array) for name, array in checkpoint.items()}
        training.load_state(checkpoint)
        self.history_ = history_of(under_prefix("history", checkpoint))
        self.n_iter_ = len(self.history_)
        own = self.history_[n_inherited:]
        self.best_epoch_ = max(own, key=lambda epoch: epoch.monitored_accuracy).number if own else n_inherited
        return under_prefix("best", checkpoint) or None

    def _all_batches(
        self,
        training: Training,
        batches: Iterator[LabelledImages],
        schedule: Schedule,
        settings: Mapping[str, Any],
        n_batches: int,
    ) -> Iterator[Batch]:
        for place, images in enumerate(batches):
            epoch, number = divmod(place, n_batches)
            if place and not training.weights_are_finite():
                self._forget_training()
                raise DivergedError(epoch + (number > 0), settings["learning_rate"])
            if epoch == settings["epochs"]:
                return
            yield Batch(epoch + 1, number + 1, n_batches, schedule.next_rate(), images.X, self.classes_[images.y])

    def _all_epochs(
        self,
        training: Training,
        settings: Mapping[str, Any],
        best_weights: Mapping[str, np.ndarray] | None,
        *,
        n_before: int = 0,
        warm: bool = False,
        keeps: bool = False,
    ) -> Iterator[Epoch]:
        """Train and yield epochs; neither best epoch nor patience looks at the first ``n_before``.

        If it begins ``warm``, those are of earlier calls, and ``epochs`` more are trained. With ``keeps`` the state of
        optimizer and random numbers is kept for the next call.
        """
        patience, n_epochs = settings["patience"], settings["epochs"] + (n_before if warm else 0)
        try:
            while self.n_iter_ < n_epochs and not self._waited_for(patience, n_before):
                epoch = one_epoch(training, self.n_iter_ + 1, settings["learning_rate"])
                if self.best_epoch_ <= n_before or epoch.monitored_accuracy > self._best_accuracy:
                    self.best_epoch_ = epoch.number
                    best_weights = self._copy_weights() if patience else None
                self.history_.append(epoch)
                self.n_iter_ = epoch.number
                self._suspended = Suspended(training, best_weights, warm)
                yield epoch
                del self._suspended
        except DivergedError:
            # Weights that are not numbers would predict the first class for every image: better none.
            best_weights = None
            delattr(self, self._WEIGHTS_ATTRIBUTE)
            raise
        finally:
            self.__dict__.pop("_suspended", None)
            if keeps and self.__sklearn_is_fitted__():
                self._kept_state = kept_state(training.state())
            if best_weights is not None:
                self._load_weights(self._plan(settings, self.n_features_in_, len(self.classes_)), best_weights)

    @property
    def _best_accuracy(self) -> float:
        return self.history_[self.best_epoch_ - 1].monitored_accuracy

    def _waited_for(self, patience: int | None, n_before: int) -> bool:
        """Whether ``patience`` is at its end, the first ``n_before`` epochs not counted."""
        return patience is not None and self.n_iter_ - max(self.best_epoch_, n_before) >= patience

    def _forget_training(self) -> None:
        forgotten = ("history_", "best_epoch_", "n_iter_", "feature_names_in_", "_suspended", "_kept_state")
        for name in (self._WEIGHTS_ATTRIBUTE, *forgotten):
            if hasattr(self, name):
                delattr(self, name)


def _blocks(array: np.ndarray, at_once: int) -> Iterator[np.ndarray]:
    for start in range(0, len(array), at_once):
        pause()
        yield array[start : start + at_once]
