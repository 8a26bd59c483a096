"""The hyperparameters of every model, each declared once.

This module imports neither torch nor streamlit, so that a form can be drawn and a spec checked without them.
"""

from __future__ import annotations

from dataclasses import replace

from digitcore.datasets.augmentation import AUGMENTATIONS
from digitcore.glossary import explain
from digitcore.parameters import Choice, Integer, Number, Parameter, Sizes

OPTIMIZERS = {
    "sgd": "SGD",
    "adam": "Adam",
    "amsgrad": "Adam with AMSGrad",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
}
MOMENTUM_KINDS = {"classical": "Classical", "nesterov": "Nesterov"}
SCHEDULES = {"constant": "Constant", "step": "Step", "cosine": "Cosine", "one_cycle": "One cycle"}
ACTIVATIONS = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "gelu": "GELU", "tanh": "tanh", "sigmoid": "sigmoid"}
INITIALIZATIONS = {
    "torch": "PyTorch's default",
    "xavier": "Xavier uniform",
    "he": "He uniform",
    "lecun": "LeCun uniform",
}

EPOCHS = Integer(
    name="epochs",
    label="Epochs",
    phrase="{} epochs",
    help=explain("epochs"),
    default=30,
    minimum=1,
    maximum=100_000,
    slider=(1, 2001),
    scale="log",
)
BATCH_SIZE = Integer(
    name="batch_size",
    label="Batch size",
    phrase="batch {}",
    help=explain("batch size"),
    default=32,
    minimum=1,
    maximum=1_000_000,
    slider=(8, 1024),
    scale="log",
    none_label="full batch",
)
LEARNING_RATE = Number(
    name="learning_rate",
    label="Learning rate",
    phrase="rate {}",
    help=explain("learning rate"),
    default=0.01,
    minimum=1e-8,
    maximum=1000.0,
    slider=(1e-4, 1.0),
    scale="log",
)
SCHEDULE = Choice(
    name="schedule",
    label="Learning-rate schedule",
    phrase="schedule: {lower}",
    help=explain("learning-rate schedule"),
    default="constant",
    options=SCHEDULES,
    since=2,
)
STEP_EPOCHS = Integer(
    name="step_epochs",
    label="Epochs per step",
    phrase="steps of {} epochs",
    help=explain("epochs per step"),
    default=10,
    minimum=1,
    maximum=100_000,
    slider=(1, 1000),
    scale="log",
    only_with=("schedule", ("step",)),
    since=2,
)
STEP_FACTOR = Number(
    name="step_factor",
    label="Factor of each step",
    phrase="steps by {}",
    help=explain("factor of a step"),
    default=0.1,
    minimum=1e-6,
    maximum=1.0,
    slider=(0.05, 0.95),
    step=0.05,
    only_with=("schedule", ("step",)),
    since=2,
)
WARM_UP = Number(
    name="warm_up",
    label="Warm-up",
    phrase="warm-up {}",
    help=explain("warm-up"),
    default=0.3,
    minimum=0.0,
    maximum=0.95,
    slider=(0.0, 0.95),
    step=0.05,
    only_with=("schedule", ("one_cycle",)),
    since=2,
)
OPTIMIZER = Choice(
    name="optimizer",
    label="Optimizer",
    phrase="{}",
    help=explain("optimizer"),
    default="sgd",
    options=OPTIMIZERS,
)
MOMENTUM = Number(
    name="momentum",
    label="Momentum",
    phrase="momentum {}",
    help=explain("momentum"),
    default=0.0,
    minimum=0.0,
    maximum=0.999,
    slider=(0.0, 0.99),
    step=0.01,
    only_with=("optimizer", ("sgd",)),
)
MOMENTUM_KIND = Choice(
    name="momentum_kind",
    label="Kind of momentum",
    phrase="{} momentum",
    help=explain("kind of momentum"),
    default="classical",
    options=MOMENTUM_KINDS,
    only_with=("optimizer", ("sgd",)),
    not_with=("momentum", (0.0,)),
    folded=True,
    since=2,
)
RHO = Number(
    name="rho",
    label="RMSprop decay",
    phrase="RMSprop decay {}",
    help=explain("RMSprop decay"),
    default=0.99,
    minimum=0.0,
    maximum=0.9999,
    slider=(0.5, 0.999),
    step=0.001,
    only_with=("optimizer", ("rmsprop",)),
)
EPSILON = Number(
    name="epsilon",
    label="Epsilon",
    phrase="epsilon {}",
    help=explain("epsilon"),
    default=1e-8,
    minimum=1e-12,
    maximum=1.0,
    slider=(1e-10, 1e-2),
    scale="log",
    only_with=("optimizer", ("adam", "amsgrad", "adagrad", "rmsprop")),
)
PATIENCE = Integer(
    name="patience",
    label="Early stopping",
    phrase="patience {}",
    help=explain("early stopping"),
    default=None,
    minimum=1,
    maximum=10_000,
    slider=(1, 100),
    scale="log",
    none_label="off",
)
WEIGHT_DECAY = Number(
    name="weight_decay",
    label="Weight decay",
    phrase="weight decay {}",
    help=explain("weight decay"),
    default=0.0,
    minimum=0.0,
    maximum=100.0,
    slider=(1e-6, 0.1),
    scale="log",
    folded=True,
    since=2,
)
LABEL_SMOOTHING = Number(
    name="label_smoothing",
    label="Label smoothing",
    phrase="label smoothing {}",
    help=explain("label smoothing"),
    default=0.0,
    minimum=0.0,
    maximum=0.95,
    slider=(0.0, 0.5),
    step=0.01,
    folded=True,
    since=2,
)
MAX_NORM = Number(
    name="max_norm",
    label="Largest gradient norm",
    phrase="gradients up to {}",
    help=explain("gradient clipping"),
    default=None,
    minimum=1e-8,
    maximum=1e8,
    slider=(0.01, 100.0),
    scale="log",
    none_label="no clipping",
    folded=True,
    since=2,
)
HIDDEN_UNITS = Sizes(
    name="hidden_units",
    label="Hidden layers",
    phrase="hidden layers {}",
    help=explain("hidden layers"),
    default=(32, 16),
    minimum=1,
    maximum=8192,
    most=10,
)
DROPOUT = Number(
    name="dropout",
    label="Dropout",
    phrase="dropout {}",
    help=explain("dropout"),
    default=0.0,
    minimum=0.0,
    maximum=0.95,
    slider=(0.0, 0.8),
    step=0.05,
)
INITIALIZATION = Choice(
    name="initialization",
    label="Weight initialisation",
    phrase="initialisation: {}",
    help=explain("weight initialisation"),
    default="torch",
    options=INITIALIZATIONS,
)
INITIAL_BIAS = Number(
    name="initial_bias",
    label="Initial bias",
    phrase="initial bias {}",
    help=explain("initial bias"),
    default=0.0,
    minimum=-10.0,
    maximum=10.0,
    slider=(-0.1, 0.1),
    step=0.01,
    only_with=("initialization", ("xavier", "he", "lecun")),
)
ACTIVATION = Choice(
    name="activation",
    label="Activation",
    phrase="{}",
    help=explain("activation"),
    default="relu",
    options=ACTIVATIONS,
    since=2,
)
NORMALIZATION = Choice(
    name="normalization",
    label="Batch normalisation",
    phrase="batch normalisation {}",
    help=explain("batch normalisation"),
    default="none",
    options={"none": "off", "batch": "on"},
    since=6,
)
WEIGHT_SCALE = Number(
    name="weight_scale",
    label="Scale of the initial weights",
    phrase="initial weights times {}",
    help=explain("scale of the initial weights"),
    default=1.0,
    minimum=0.0,
    maximum=1000.0,
    slider=(0.01, 10.0),
    scale="log",
    folded=True,
    since=2,
)
CHANNELS = Sizes(
    name="channels",
    label="Convolution filters",
    phrase="filters {}",
    help=explain("convolution filters"),
    default=(32,),
    minimum=1,
    maximum=1024,
    most=6,
    fewest=1,
)
KERNEL_SIZE = Integer(
    name="kernel_size",
    label="Kernel size",
    phrase="kernel {}",
    help=explain("kernel size"),
    default=3,
    minimum=1,
    maximum=15,
    slider=(1, 7),
)
PADDING = Choice(
    name="padding",
    label="Padding",
    phrase="padding: {lower}",
    help=explain("padding"),
    default="valid",
    options={"valid": "None (valid)", "same": "Keep the size (same)"},
)
POOL_SIZE = Integer(
    name="pool_size",
    label="Pool size",
    phrase="pool size {}",
    help=explain("pool size"),
    default=2,
    minimum=1,
    maximum=10,
    slider=(1, 4),
)
POOL_STRIDE = Integer(
    name="pool_stride",
    label="Pool stride",
    phrase="pool stride {}",
    help=explain("pool stride"),
    default=2,
    minimum=1,
    maximum=10,
    slider=(1, 4),
)

HARD_FRACTION = Number(
    name="hard_fraction",
    label="Hard example mining",
    phrase="hard example mining {}",
    help=explain("hard example mining"),
    default=None,
    minimum=0.01,
    maximum=1.0,
    slider=(0.05, 0.95),
    step=0.05,
    none_label="off",
    folded=True,
    since=7,
)

# How strongly the training images are changed in each epoch; declared once, beside what changes them.
AUGMENTATION: tuple[Parameter, ...] = tuple(
    replace(record, name=f"augment_{record.name}", folded=True, since=3) for record in AUGMENTATIONS
)

TRAINING: tuple[Parameter, ...] = (
    EPOCHS,
    BATCH_SIZE,
    LEARNING_RATE,
    SCHEDULE,
    STEP_EPOCHS,
    STEP_FACTOR,
    WARM_UP,
    OPTIMIZER,
    MOMENTUM,
    MOMENTUM_KIND,
    RHO,
    EPSILON,
    PATIENCE,
    WEIGHT_DECAY,
    LABEL_SMOOTHING,
    MAX_NORM,
    HARD_FRACTION,
    *AUGMENTATION,
)
SOFTMAX = (*TRAINING,)
MLP = (HIDDEN_UNITS, ACTIVATION, DROPOUT, INITIALIZATION, INITIAL_BIAS, WEIGHT_SCALE, *TRAINING)
CNN = (
    CHANNELS,
    KERNEL_SIZE,
    PADDING,
    POOL_SIZE,
    POOL_STRIDE,
    NORMALIZATION,
    ACTIVATION,
    replace(DROPOUT, default=0.25),
    replace(
        HIDDEN_UNITS,
        label="Dense layers",
        phrase="dense layers {}",
        default=(128,),
        help=explain("dense layers"),
    ),
    INITIALIZATION,
    INITIAL_BIAS,
    WEIGHT_SCALE,
    *TRAINING,
)
