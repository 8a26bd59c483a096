"""The settings of experiments, each declared once; read by the plans and by the form."""

from __future__ import annotations

from dataclasses import replace

from digitcore.datasets.split_parameters import N_FOLDS
from digitcore.glossary import explain
from digitcore.parameters import Integer

K = replace(N_FOLDS, name="k", only_with=None)
N_SEEDS = Integer(
    name="n_seeds",
    label="Seeds per point",
    help=explain("seeds per point"),
    default=1,
    minimum=1,
    maximum=100,
    slider=(1, 10),
)
N_REPEATS = Integer(
    name="n_repeats",
    label="Repeats per size",
    help=explain("repeats per size"),
    default=3,
    minimum=1,
    maximum=100,
    slider=(1, 10),
)
N_RANDOM = Integer(
    name="n_random",
    label="Points drawn at random",
    help=explain("points drawn at random"),
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
    help=explain("successive halving"),
    default=None,
    minimum=2,
    maximum=10,
    slider=(2, 5),
    none_label="off",
)
