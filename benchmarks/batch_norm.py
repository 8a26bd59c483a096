"""Whether batch normalisation pays in a small CNN: accuracy at equal epochs and at equal time, in plain PyTorch.

    DIGITCORE_DATA=... python benchmarks/batch_norm.py [--seeds 3]

The network has 16 and 32 filters of 3x3, each followed by max-pooling, and a dense layer of 128; Nesterov momentum, one
cycle of the learning rate, batches of 64. Batch normalisation stands between convolution and ReLU. It is trained with
both in turns, at two learning rates of which the better one counts; printed are the mean validation accuracy, its 95 %
interval over seeds, and the median seconds of a training. It is PyTorch's own normalisation, as this project has none.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import mean, median

import torch
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from digitcore import RunSpec  # noqa: E402
from digitcore.evaluation.comparison import summarise_seeds  # noqa: E402
from digitcore.runs.training import images_and_labels, split_for  # noqa: E402

EPOCHS = (1, 3)
RATES = (0.05, 0.2)
BATCH_SIZE, WARM_UP = 64, 0.2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each")
    n_seeds = parser.parse_args().seeds
    torch.set_num_threads(2)
    for dataset in ("mnist", "fashion-mnist"):
        split = {"kind": "official", "validation": "cut", "validation_size": 0.1}
        data = split_for(RunSpec(dataset=dataset, model="cnn", split=split))
        train_part, held_out = (tensors(part) for part in (data.train, data.validation))
        for n_epochs in EPOCHS:
            report(dataset, n_epochs, n_seeds, train_part, held_out)


def tensors(part):
    images, labels = images_and_labels(part, "unit")
    return torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels)


def report(dataset, n_epochs, n_seeds, train_part, held_out):
    """Print a row for the network with and without batch normalisation, each with the rate that suits it best."""
    rows = {}
    for seed in range(n_seeds):
        for rate in RATES:
            for normalised in (False, True):
                start = time.perf_counter()
                network = train(seed, rate, normalised, n_epochs, *train_part)
                seconds = time.perf_counter() - start
                rows.setdefault((normalised, rate), []).append((accuracy(network, *held_out), seconds))
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


def train(seed, rate, normalised, n_epochs, X, y):
    torch.manual_seed(seed)
    network = build(normalised)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, nesterov=True)
    n_steps = n_epochs * -(-len(X) // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, n_steps, pct_start=WARM_UP, cycle_momentum=False)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(BATCH_SIZE):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(X[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def build(normalised):
    layers = []
    for before, channels in ((1, 16), (16, 32)):
        between = [nn.BatchNorm2d(channels)] if normalised else []
        layers += [nn.Conv2d(before, channels, 3), *between, nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 10))


@torch.no_grad()
def accuracy(network, X, y):
    blocks = zip(X.split(1000), y.split(1000), strict=True)
    return sum((network(images).argmax(1) == labels).sum().item() for images, labels in blocks) / len(y)


if __name__ == "__main__":
    main()
