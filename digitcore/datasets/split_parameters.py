"""The settings of split and scaling, each declared once; read by RunSpec and by the form."""

from __future__ import annotations

from digitcore.glossary import explain
from digitcore.parameters import Choice, Integer, Number

KIND = Choice(
    name="kind",
    label="Split",
    phrase="{} split",
    help=explain("split"),
    default="random",
    options={"random": "Random", "official": "Official"},
)
TEST_SIZE = Number(
    name="test_size",
    label="Test size",
    phrase="test size {}",
    help=explain("test size"),
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
    phrase="validation: {lower}",
    help=explain("validation"),
    default="none",
    options={"none": "None", "cut": "Held out", "fold": "Fold", "test": "Test part"},
)
VALIDATION_SIZE = Number(
    name="validation_size",
    label="Validation size",
    phrase="validation size {}",
    help=explain("validation size"),
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
    phrase="{} folds",
    help=explain("number of folds"),
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
    phrase="fold {}",
    help=explain("fold number"),
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
    phrase="early-stopping size {}",
    help=explain("early-stopping size"),
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
    phrase="{} training images",
    help=explain("fewer training images"),
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
    phrase="{} images in total",
    help=explain("fewer images"),
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
    phrase="split seed {}",
    help=explain("seed of the split"),
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
STRATIFY_HELP = explain("stratify")

SCALING = Choice(
    name="scaling",
    label="Pixel values",
    phrase="pixel values: {lower}",
    help=explain("pixel values"),
    default="unit",
    options={"unit": "0 to 1", "raw": "Raw"},
)
