"""A fully connected network in torch."""

from __future__ import annotations

from digitcore.models import hyperparameters
from digitcore.models.torch_backend.network import TorchNetwork


class MLP(TorchNetwork):
    """Any number of hidden layers, with dropout after each if wanted; pixels are not neighbours to it.

    Parameters
    ----------
    hidden_units, activation, dropout, initialization, initial_bias, weight_scale, epochs, batch_size, \
learning_rate, schedule, step_epochs, step_factor, warm_up, optimizer, momentum, momentum_kind, rho, epsilon, \
patience, weight_decay, label_smoothing, max_norm, hard_fraction, augment_shift, augment_rotation, augment_scale, \
augment_shear, augment_elastic, augment_noise, augment_erasing, augment_thickness
        See :data:`digitcore.models.hyperparameters.MLP`.
    random_state : int, RandomState or None
        Seed of initial weights, the batches' order and dropout.
    device : str
        Where to train: "auto" takes an accelerator where there is one and the network is worth it, "cpu" never does.
        Equal seeds give equal bits on the CPU with equally many threads (see ``torch.set_num_threads``), and results
        equal but for rounding with other numbers of threads or on an accelerator; :func:`digitcore.train` sets them.
    validation_fraction, warm_start, verbose, class_weight
        See :class:`digitcore.models.base.EpochClassifier`.
    """

    MODEL_NAME = "mlp"
    PARAMETERS = hyperparameters.MLP

    def __init__(
        self,
        hidden_units=(32, 16),
        activation="relu",
        dropout=0.0,
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
        random_state=None,
        device="auto",
        validation_fraction=None,
        warm_start=False,
        verbose=0,
        class_weight=None,
    ):
        self.hidden_units = hidden_units
        self.activation = activation
        self.dropout = dropout
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
        self.random_state = random_state
        self.device = device
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.verbose = verbose
        self.class_weight = class_weight
