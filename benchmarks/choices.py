"""Whether what the dashboard advises helps, and from which accuracy on label issues are worth a look.

    DIGITCORE_DATA=... python benchmarks/choices.py [dropout]

Advice against overfitting: each change is tried on trainings that overfit, over ten seeds of the model on one split;
printed is the mean difference in test accuracy with its 95 % interval over seeds. With "dropout", only that advice is
tried, which takes minutes instead of an hour. Label issues: a share of the labels of scikit-learn's digits is made
wrong; printed is how many of the found issues are among them, for ever stronger models.
"""

from __future__ import annotations

import sys
from math import sqrt
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from scipy.stats import t
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from digitcore import MLP, RunSpec  # noqa: E402
from digitcore.evaluation.label_issues import find_label_issues, out_of_fold_accuracy  # noqa: E402
from digitcore.runs.training import train_spec  # noqa: E402
from digitcore.specs.settings import with_settings  # noqa: E402

SEEDS = range(10)
SHARES_WRONG = (0.005, 0.01, 0.03)


def main(names):
    if names == ["dropout"]:
        report_advice(lambda base: ({"dropout": 0.2}, {"dropout": 0.5}))
        return
    report_advice(lambda base: ({"dropout": 0.2}, {"dropout": 0.5}, {"model": "cnn"}, {"hidden_units": half_of(base)}))
    report_label_issues()


def report_advice(changes_of):
    """Print by how much each piece of advice changes the test accuracy of trainings that overfit."""
    for words, base in overfitting():
        print(f"\n{words}", flush=True)
        before = [test_accuracy(base, seed) for seed in SEEDS]
        print(f"  as it is: {100 * mean(before):.2f} %")
        for change in changes_of(base):
            spec = with_settings(base, change)
            after = [test_accuracy(spec, seed) for seed in SEEDS]
            print(f"  {change}: {interval([new - old for new, old in zip(after, before, strict=True)])}", flush=True)


def overfitting():
    """Yield trainings of an MLP whose training accuracy is far above the test accuracy, with a name each."""
    for n_units in (32, 64, 128, 256, 512):
        for dataset, n_train in (("digits", 300), ("mnist", 1000)):
            parameters = {"hidden_units": [n_units], "epochs": 60, "learning_rate": 0.1, "batch_size": 32}
            split = {"kind": "random", "test_size": 0.25, "max_images": None if dataset == "digits" else 8000}
            spec = RunSpec(dataset=dataset, model="mlp", parameters=parameters, split={**split, "max_train": n_train})
            yield f"{dataset}, {n_train} images, {n_units} hidden units", spec


def half_of(spec):
    return [max(units // 2, 1) for units in spec.parameters["hidden_units"]]


def test_accuracy(spec, seed):
    outcome = train_spec(with_settings(spec, {"seed": seed}))
    return outcome.evaluation.parts["test"].accuracy


def interval(differences):
    half = t.ppf(0.975, len(differences) - 1) * stdev(differences) / sqrt(len(differences))
    low, high = mean(differences) - half, mean(differences) + half
    return f"{100 * mean(differences):+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})"


def report_label_issues():
    """Print the precision of the found issues beside the models' accuracy out of fold."""
    X, y = load_digits(return_X_y=True)
    # In the file neighbours are of one writer.
    shuffled = np.random.default_rng(0).permutation(len(y))
    X, y = (X[shuffled] / 16).astype(np.float32), y[shuffled]
    for share in SHARES_WRONG:
        rng = np.random.default_rng(0)
        wrong = rng.choice(len(y), int(share * len(y)), replace=False)
        given = y.copy()
        given[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
        print(f"\n{len(wrong)} of {len(y)} labels are wrong")
        for epochs in (1, 2, 3, 5, 7, 10, 15, 25, 50, 100):
            _report_model(X, given, wrong, epochs)


def _report_model(X, given, wrong, epochs):
    model = MLP(hidden_units=(32,), epochs=epochs, learning_rate=0.05, random_state=0)
    probabilities = cross_val_predict(model, X, given, cv=5, method="predict_proba")
    found = find_label_issues(given, probabilities)
    right = int(np.isin(found, wrong).sum())
    accuracy = out_of_fold_accuracy(given, probabilities)
    print(
        f"  {epochs:3d} epochs, {100 * accuracy:.1f} % right out of fold: {len(found)} issues, "
        f"{100 * right / max(len(found), 1):.0f} % of them wrong labels, {right} of {len(wrong)} found",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
