"""The settings of experiments, each declared once; read by the plans and by the form."""

from __future__ import annotations

from dataclasses import replace

from digitcore.datasets.split_parameters import N_FOLDS
from digitcore.parameters import Integer

K = replace(N_FOLDS, name="k", only_with=None)
N_SEEDS = Integer(
    name="n_seeds",
    label="Seeds per point",
    help="Trainings of each point, each with a seed of its own: their spread tells what is noise.",
    default=1,
    minimum=1,
    maximum=100,
    slider=(1, 10),
)
N_REPEATS = Integer(
    name="n_repeats",
    label="Repeats per size",
    help="Trainings of each size, each on other images with another seed: their spread tells what is noise.",
    default=3,
    minimum=1,
    maximum=100,
    slider=(1, 10),
)
N_RANDOM = Integer(
    name="n_random",
    label="Points drawn at random",
    help="Draw so many points instead of training the whole grid: better for more than two settings.",
    default=None,
    minimum=1,
    maximum=1000,
    slider=(4, 100),
    scale="log",
    none_label="whole grid",
)
FACTOR = Integer(
    name="factor",
    label="Successive halving",
    help="Train all for a few epochs, and of so many only the best one for as many times more.",
    default=None,
    minimum=2,
    maximum=10,
    slider=(2, 5),
    none_label="off",
)
