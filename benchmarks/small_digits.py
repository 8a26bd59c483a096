"""Why models of the 8x8 digits misread some drawings: their frame, their size, or the images they learn from.

    DIGITCORE_DATA=... python benchmarks/small_digits.py

Trains the same MLP on scikit-learn's digits, on MNIST's images made as small in the same frame, and on MNIST's images
as they are. Prints a table in Markdown: the share of 420 drawings that each reads, with the pen strokes of
`tests/images/stroke_templates.py`, means of five seeds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from digitcore.datasets import DATASETS, features, load_dataset  # noqa: E402
from digitcore.images.clean_up import as_image, clean_drawing, clean_strokes  # noqa: E402
from digitcore.models import MLP  # noqa: E402
from tests.images.stroke_templates import drawings  # noqa: E402

SEEDS, N_PER_SHAPE = range(5), 6
N_FEW, N_MANY, N_TEST = 1350, 20_000, 2000


def main():
    """Print the table."""
    drawn = drawings(np.random.default_rng(16), N_PER_SHAPE)
    digits, mnist = load_dataset("digits"), load_dataset("mnist")
    order = np.random.default_rng(0).permutation(len(digits.labels))
    own = digits.images[order], digits.labels[order]
    small = framed(mnist.images[: N_MANY + N_TEST], "digits"), mnist.labels[: N_MANY + N_TEST]
    large = mnist.images[: N_MANY + N_TEST], mnist.labels[: N_MANY + N_TEST]
    print("| learned from | pixels | images | own test images | drawings |\n|---|---|---|---|---|")
    for title, framing, (images, labels), n_train in (
        ("scikit-learn's digits", "digits", own, N_FEW),
        ("MNIST", "digits", small, N_FEW),
        ("MNIST", "digits", small, N_MANY),
        ("MNIST", "mnist", large, N_FEW),
        ("MNIST", "mnist", large, N_MANY),
    ):
        shown = np.array(
            [image_of(clean_strokes(each.strokes, DATASETS[framing].used_framing), framing) for each in drawn]
        )
        truth = np.array([each.digit for each in drawn])
        scores = [scores_of(images, labels, n_train, shown, truth, framing, seed) for seed in SEEDS]
        tested, read = 100 * np.mean(scores, axis=0)
        size = "x".join(str(side) for side in shown.shape[1:])
        print(f"| {title} | {size} | {n_train:,} | {tested:.1f} | {read:.1f} |", flush=True)


def framed(images, name):
    """Return MNIST's images as the pad would make them of such drawings for a data set."""
    framing = DATASETS[name].used_framing
    return np.array([image_of(clean_drawing(image / 255, framing), name) for image in images])


def image_of(stages, name):
    """Return what a model of a data set gets."""
    return as_image(stages[-1].ink, DATASETS[name].max_value)


def scores_of(images, labels, n_train, shown, truth, name, seed):
    """Return the accuracy on the images after those trained on, and on drawings."""
    max_value = DATASETS[name].max_value
    X, drawn = features(images, max_value=max_value), features(shown, max_value=max_value)
    model = MLP(hidden_units=(64,), epochs=30, batch_size=32, optimizer="adam", learning_rate=0.003, random_state=seed)
    model.fit(X[:n_train], labels[:n_train])
    test = slice(n_train, n_train + N_TEST)
    return (model.predict(X[test]) == labels[test]).mean(), (model.predict(drawn) == truth).mean()


if __name__ == "__main__":
    main()
