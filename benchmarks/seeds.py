"""Whether the fast way computes what a plain PyTorch loop computes: validation accuracies over five seeds.

    DIGITCORE_DATA=... python benchmarks/seeds.py [recipe ...]

Both start from PyTorch's own initialisation. The difference of the means stands beside its standard error.
"""

import sys
from math import sqrt
from pathlib import Path
from statistics import mean, stdev

import torch

ROOT = Path(__file__).parents[1]
SEEDS = range(5)
EPOCHS = {"mnist-dropout-mlp": 5, "mnist-cnn": 1}


def main(names):
    import peers

    loops = {"mnist-dropout-mlp": peers.torch_dropout_mlp, "mnist-cnn": peers.torch_cnn}
    for name in names:
        data = peers.Data(name)
        ours = [accuracy(peers.digitcore(data, seed, initialization="torch"), EPOCHS[name]) for seed in SEEDS]
        theirs = []
        for seed in SEEDS:
            torch.manual_seed(seed)
            theirs.append(accuracy(loops[name](data), EPOCHS[name]))
        error = sqrt((stdev(ours) ** 2 + stdev(theirs) ** 2) / len(SEEDS))
        print(f"{name}, {EPOCHS[name]} epochs: digitcore {row(ours)}, PyTorch {row(theirs)}")
        print(
            f"  difference {100 * (mean(ours) - mean(theirs)):+.2f} points, standard error {100 * error:.2f}",
            flush=True,
        )


def accuracy(epoch, n_epochs):
    return [epoch() for _ in range(n_epochs)][-1]


def row(shares):
    return f"{100 * mean(shares):.2f} % ({', '.join(f'{100 * share:.2f}' for share in shares)})"


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
    main(sys.argv[1:] or list(EPOCHS))
