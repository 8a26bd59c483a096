"""The settings of split and scaling, each declared once; read by RunSpec and by the form."""

from __future__ import annotations

from digitcore.parameters import Choice, Integer, Number

KIND = Choice(
    name="kind",
    label="Split",
    help="Split the images at random, or as their publishers did.",
    default="random",
    options={"random": "Random", "official": "Official"},
)
TEST_SIZE = Number(
    name="test_size",
    label="Test size",
    help="Share of the images kept back for the final test; 0 means no test part.",
    default=0.25,
    minimum=0.0,
    maximum=0.9,
    slider=(0.0, 0.5),
    step=0.01,
    only_with=("kind", ("random",)),
)
VALIDATION = Choice(
    name="validation",
    label="Validation",
    help="Which images the curves and early stopping are measured on: none, some held out of the training part, one of "
    "several equal folds of it, or the test part.",
    default="none",
    options={"none": "None", "cut": "Held out", "fold": "Fold", "test": "Test part"},
)
VALIDATION_SIZE = Number(
    name="validation_size",
    label="Validation size",
    help="Share of the training part that is held out for validation.",
    default=0.1,
    minimum=0.001,
    maximum=0.9,
    slider=(0.05, 0.5),
    step=0.01,
    only_with=("validation", ("cut",)),
)
N_FOLDS = Integer(
    name="n_folds",
    label="Number of folds",
    help="Number of equal folds that the training part is split into for cross-validation.",
    default=5,
    minimum=2,
    maximum=1000,
    slider=(2, 20),
    only_with=("validation", ("fold",)),
    since=1,
)
FOLD = Integer(
    name="fold",
    label="Fold",
    help="Which of the folds is used for validation, from 1; the model is trained on the others.",
    default=1,
    minimum=1,
    maximum=1000,
    slider=(1, 20),
    only_with=("validation", ("fold",)),
    since=1,
)
STOPPING_SIZE = Number(
    name="stopping_size",
    label="Early-stopping size",
    help="Share of the other folds that is taken out of the training for early stopping to watch, so that the fold "
    "itself has no say in which epoch is kept; 0 lets early stopping watch the fold.",
    default=0.0,
    minimum=0.0,
    maximum=0.9,
    slider=(0.0, 0.5),
    step=0.01,
    only_with=("validation", ("fold",)),
    since=1,
)
MAX_TRAIN = Integer(
    name="max_train",
    label="Maximum number of training images",
    help="Train on fewer images, drawn at random, to see the effect of less data.",
    default=None,
    minimum=1,
    maximum=10_000_000,
    slider=(10, 60_000),
    scale="log",
    none_label="all",
)
MAX_IMAGES = Integer(
    name="max_images",
    label="Maximum number of images in total",
    help="Use only this many images of the data set, drawn at random before the split.",
    default=None,
    minimum=2,
    maximum=10_000_000,
    slider=(100, 60_000),
    scale="log",
    none_label="all",
    only_with=("kind", ("random",)),
    since=1,
)
SPLIT_SEED = Integer(
    name="random_state",
    label="Seed of the split",
    help="Seed of the random split. The same seed gives the same parts.",
    default=0,
    minimum=0,
    maximum=2**32 - 1,
    slider=(0, 100),
)
SPLIT = (
    KIND,
    TEST_SIZE,
    VALIDATION,
    VALIDATION_SIZE,
    N_FOLDS,
    FOLD,
    STOPPING_SIZE,
    MAX_TRAIN,
    MAX_IMAGES,
    SPLIT_SEED,
)

STRATIFY_LABEL = "Stratify"
STRATIFY_HELP = "Give every part the same share of each class."

SCALING = Choice(
    name="scaling",
    label="Pixel values",
    help="Divide by the largest value, or give the model the raw values.",
    default="unit",
    options={"unit": "0 to 1", "raw": "Raw"},
)
