"""Whether batch normalisation pays in a small CNN: accuracy at equal epochs and at equal time, in plain PyTorch.

    DIGITCORE_DATA=... python benchmarks/batch_norm.py [--seeds 3]

The network has 16 and 32 filters of 3x3, each followed by max-pooling, and a dense layer of 128; Nesterov momentum, one
cycle of the learning rate, batches of 64. Batch normalisation stands between convolution and ReLU. It is trained with
both in turns, at two learning rates of which the better one counts; printed are the mean validation accuracy, its 95 %
interval over seeds, and the median seconds of a training.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import mean, median

import torch
from own_recipes import plain_torch, rows_and_labels

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from digitcore import RunSpec  # noqa: E402
from digitcore.evaluation.comparison import summarise_seeds  # noqa: E402
from digitcore.runs.training import split_for  # noqa: E402

EPOCHS = (1, 3)
RATES = (0.05, 0.2)
SPLIT = {"kind": "official", "validation": "cut", "validation_size": 0.1}
SETTINGS = {
    "channels": (16, 32),
    "dropout": 0.0,
    "hidden_units": (128,),
    "batch_size": 64,
    "momentum": 0.9,
    "momentum_kind": "nesterov",
    "schedule": "one_cycle",
    "warm_up": 0.2,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each")
    n_seeds = parser.parse_args().seeds
    torch.set_num_threads(2)
    for dataset in ("mnist", "fashion-mnist"):
        data = split_for(RunSpec(dataset=dataset, model="cnn", split=SPLIT))
        train_part, held_out = (rows_and_labels(part, "unit") for part in (data.train, data.validation))
        for n_epochs in EPOCHS:
            report(dataset, n_epochs, n_seeds, train_part, held_out)


def report(dataset, n_epochs, n_seeds, train_part, held_out):
    """Print a row for the network with and without batch normalisation, each with the rate that suits it best."""
    rows = {}
    for seed in range(n_seeds):
        for rate in RATES:
            for normalised in (False, True):
                start = time.perf_counter()
                network = train(seed, rate, normalised, n_epochs, train_part)
                seconds = time.perf_counter() - start
                rows.setdefault((normalised, rate), []).append((network.score(*held_out), seconds))
    for normalised in (False, True):
        tried = {rate: mean(right for right, _ in rows[normalised, rate]) for rate in RATES}
        best = max(tried, key=tried.__getitem__)
        accuracies, seconds = zip(*rows[normalised, best], strict=True)
        summary = summarise_seeds(accuracies)
        words = "with" if normalised else "without"
        print(
            f"| {dataset} | {n_epochs} | {words} | {best:g} | {100 * summary.mean:.2f} | "
            f"{100 * summary.low:.2f} to {100 * summary.high:.2f} | {median(seconds):.1f} |",
            flush=True,
        )


def train(seed, rate, normalised, n_epochs, part):
    normalization = "batch" if normalised else "none"
    parameters = {**SETTINGS, "normalization": normalization, "learning_rate": rate, "epochs": n_epochs}
    spec = RunSpec(dataset="mnist", model="cnn", parameters=parameters, random_state=seed)
    return plain_torch(spec, part)


if __name__ == "__main__":
    main()
