"""A convolutional network in torch."""

from __future__ import annotations

import math
from numbers import Integral

from digitcore.errors import InvalidSetting
from digitcore.models import hyperparameters
from digitcore.models.torch_backend.network import TorchNetwork


class CNN(TorchNetwork):
    """Convolutions, each followed by max-pooling; then dropout if wanted, and dense layers.

    With batch normalisation, a batch whose values would take more than 64 MB is normalised in several parts, each by
    its own statistics.

    With the default kernel and pooling window, images need at least 4 × 4 pixels; smaller ones are refused.

    Parameters
    ----------
    channels, kernel_size, padding, pool_size, pool_stride, normalization, activation, dropout, hidden_units, \
initialization, initial_bias, weight_scale, epochs, batch_size, learning_rate, schedule, step_epochs, step_factor, \
warm_up, optimizer, momentum, momentum_kind, rho, epsilon, patience, weight_decay, label_smoothing, max_norm, \
hard_fraction, augment_shift, augment_rotation, augment_scale, augment_shear, augment_elastic, augment_noise, \
augment_erasing, augment_thickness
        See :data:`digitcore.models.hyperparameters.CNN`.
    image_shape : (int, int) or None
        Height and width of an image, in pixels. None takes a square where the number of pixels allows one, else a
        single row.
    random_state : int, RandomState or None
        Seed of initial weights, the batches' order and dropout.
    device : str
        Where to train: "auto" takes an accelerator where there is one and the network is worth it, "cpu" never does.
        Equal seeds give equal bits on the CPU with equally many threads (see ``torch.set_num_threads``), and results
        equal but for rounding with other numbers of threads or on an accelerator; :func:`digitcore.train` sets them.
    validation_fraction, warm_start, verbose, class_weight
        See :class:`digitcore.models.base.EpochClassifier`.
    """

    MODEL_NAME = "cnn"
    PARAMETERS = hyperparameters.CNN

    def __init__(
        self,
        channels=(32,),
        kernel_size=3,
        padding="valid",
        pool_size=2,
        pool_stride=2,
        normalization="none",
        activation="relu",
        dropout=0.25,
        hidden_units=(128,),
        initialization="torch",
        initial_bias=0.0,
        weight_scale=1.0,
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
        image_shape=None,
        random_state=None,
        device="auto",
        validation_fraction=None,
        warm_start=False,
        verbose=0,
        class_weight=None,
    ):
        self.channels = channels
        self.kernel_size = kernel_size
        self.padding = padding
        self.pool_size = pool_size
        self.pool_stride = pool_stride
        self.normalization = normalization
        self.activation = activation
        self.dropout = dropout
        self.hidden_units = hidden_units
        self.initialization = initialization
        self.initial_bias = initial_bias
        self.weight_scale = weight_scale
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
        self.image_shape = image_shape
        self.random_state = random_state
        self.device = device
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.verbose = verbose
        self.class_weight = class_weight

    def _check_image_shape(self, height: int, width: int) -> None:
        if self._image_shape(height * width) != (height, width):
            taken = " × ".join(map(str, self._image_shape(height * width)))
            raise InvalidSetting(
                f"The images have {height} × {width} pixels, but the network takes them for {taken} pixels: "
                f"set image_shape to ({height}, {width})"
            )

    def _image_sides(self, n_features: int) -> tuple[int, int] | None:
        return super()._image_sides(n_features) if self.image_shape is None else self._image_shape(n_features)

    def _image_shape(self, n_features: int) -> tuple[int, int]:
        if self.image_shape is None:
            side = math.isqrt(n_features)
            return (side, side) if side * side == n_features else (1, n_features)
        if not _fits(self.image_shape, n_features):
            raise InvalidSetting(
                f"image_shape must be None or a height and a width that multiply to the {n_features} pixels of an "
                f"image, got {self.image_shape!r}"
            )
        height, width = self.image_shape
        return (int(height), int(width))


def _fits(image_shape, n_features: int) -> bool:
    try:
        height, width = image_shape
    except (TypeError, ValueError):
        return False
    whole = all(isinstance(side, Integral) and not isinstance(side, bool) for side in (height, width))
    return whole and height > 0 and width > 0 and height * width == n_features
