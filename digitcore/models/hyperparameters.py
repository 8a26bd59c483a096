"""The hyperparameters of every model, each declared once.

This module imports neither torch nor streamlit, so that a form can be drawn and a spec checked without them.
"""

from __future__ import annotations

from dataclasses import replace

from digitcore.parameters import Choice, Integer, Number, Parameter, Sizes

OPTIMIZERS = {
    "sgd": "SGD",
    "adam": "Adam",
    "amsgrad": "Adam with AMSGrad",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
}
INITIALIZATIONS = {"torch": "PyTorch's default", "xavier": "Xavier uniform"}

EPOCHS = Integer(
    name="epochs",
    label="Epochs",
    phrase="{} epochs",
    help="How many times the training sees every training image. With early stopping this is the upper limit.",
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
    help="Images per weight update. Small batches make more, noisier updates; a full batch makes one exact update "
    "per epoch.",
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
    help="How far each update moves the weights. Too small is slow; too large oscillates or diverges.",
    default=0.01,
    minimum=1e-8,
    maximum=1000.0,
    slider=(1e-4, 1.0),
    scale="log",
)
OPTIMIZER = Choice(
    name="optimizer",
    label="Optimizer",
    phrase="{}",
    help="The rule that turns a gradient into an update. The adaptive ones (all but SGD) scale each weight's step.",
    default="sgd",
    options=OPTIMIZERS,
)
MOMENTUM = Number(
    name="momentum",
    label="Momentum",
    phrase="momentum {}",
    help="Share of the last update that is carried into the next one. Used by SGD only.",
    default=0.0,
    minimum=0.0,
    maximum=0.999,
    slider=(0.0, 0.99),
    step=0.01,
    only_with=("optimizer", ("sgd",)),
)
RHO = Number(
    name="rho",
    label="RMSprop decay",
    phrase="RMSprop decay {}",
    help="Memory of RMSprop's running mean of squared gradients: 0.99 is PyTorch's default, 0.9 is Keras'.",
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
    help="Keeps an adaptive optimizer from dividing by zero: 1e-8 is PyTorch's default for Adam, 1e-7 is Keras'.",
    default=1e-8,
    minimum=1e-12,
    maximum=1.0,
    slider=(1e-10, 1e-2),
    scale="log",
    only_with=("optimizer", ("adam", "amsgrad", "adagrad", "rmsprop")),
)
PATIENCE = Integer(
    name="patience",
    label="Early stopping: patience",
    phrase="patience {}",
    help="Stop when the validation accuracy has not risen for this many epochs, and keep the best epoch's weights.",
    default=None,
    minimum=1,
    maximum=10_000,
    slider=(1, 100),
    scale="log",
    none_label="no early stopping",
)
HIDDEN_UNITS = Sizes(
    name="hidden_units",
    label="Hidden layers",
    phrase="hidden layers {}",
    help="Units of each hidden layer, first to last, such as 32-16. Empty means no hidden layer.",
    default=(32, 16),
    minimum=1,
    maximum=8192,
    most=10,
)
DROPOUT = Number(
    name="dropout",
    label="Dropout",
    phrase="dropout {}",
    help="Share of the units switched off at random in each training step; it reduces overfitting.",
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
    help="How the weights are drawn before the first epoch.",
    default="torch",
    options=INITIALIZATIONS,
)
INITIAL_BIAS = Number(
    name="initial_bias",
    label="Initial bias",
    phrase="initial bias {}",
    help="Value of every bias before the first epoch.",
    default=0.0,
    minimum=-10.0,
    maximum=10.0,
    slider=(-0.1, 0.1),
    step=0.01,
    only_with=("initialization", ("xavier",)),
)
CHANNELS = Sizes(
    name="channels",
    label="Convolution filters",
    phrase="filters {}",
    help="Filters of each convolution, first to last, such as 32 or 16-32. A pooling layer follows each convolution.",
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
    help="Height and width of every filter, in pixels.",
    default=3,
    minimum=1,
    maximum=15,
    slider=(1, 7),
)
PADDING = Choice(
    name="padding",
    label="Padding",
    phrase="padding: {}",
    help="Without padding an image shrinks by the kernel size less one; with it the size stays.",
    default="valid",
    options={"valid": "None (valid)", "same": "Keep the size (same)"},
)
POOL_SIZE = Integer(
    name="pool_size",
    label="Pool size",
    phrase="pool size {}",
    help="Height and width of the window whose maximum is kept; 1 means no pooling.",
    default=2,
    minimum=1,
    maximum=10,
    slider=(1, 4),
)
POOL_STRIDE = Integer(
    name="pool_stride",
    label="Pool stride",
    phrase="pool stride {}",
    help="Pixels from one pooling window to the next: equal to the pool size shrinks the image most, 1 the least.",
    default=2,
    minimum=1,
    maximum=10,
    slider=(1, 4),
)

TRAINING: tuple[Parameter, ...] = (EPOCHS, BATCH_SIZE, LEARNING_RATE, OPTIMIZER, MOMENTUM, RHO, EPSILON, PATIENCE)
SOFTMAX = (*TRAINING,)
MLP = (HIDDEN_UNITS, DROPOUT, INITIALIZATION, INITIAL_BIAS, *TRAINING)
CNN = (
    CHANNELS,
    KERNEL_SIZE,
    PADDING,
    POOL_SIZE,
    POOL_STRIDE,
    replace(DROPOUT, default=0.25),
    replace(
        HIDDEN_UNITS,
        label="Dense layers",
        phrase="dense layers {}",
        default=(128,),
        help="Units of each dense layer after the convolutions, such as 128.",
    ),
    INITIALIZATION,
    INITIAL_BIAS,
    *TRAINING,
)
