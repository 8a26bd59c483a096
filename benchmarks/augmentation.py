"""What augmentation costs and brings: its speed on one core, the time of an epoch, and the accuracy on moved images.

Run ``python -m benchmarks.augmentation`` for all, or with ``speed``, ``epochs`` or ``accuracy``; ``make bench`` has the
last two. MNIST is looked for in ``DIGITCORE_DATA``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

from digitcore.datasets import AUGMENTATIONS, Augmentation, augment, load_dataset

ROOT = Path(__file__).parents[1]
N_ROUNDS = 3
# Of each training whose epochs are timed: many short ones, so that a slow moment of the machine does not count.
TIMED_EPOCHS, TIMED_IMAGES = 21, 2000
# Of the trainings whose accuracy is told.
TRAINED_EPOCHS = 3
# Changes, each with its strength.
STRENGTHS = {
    "shift": 2.0,
    "rotation": 15.0,
    "scale": 0.1,
    "shear": 0.2,
    "elastic": 1.0,
    "noise": 0.2,
    "erasing": 0.3,
    "thickness": 1.0,
}
AFFINE = ("shift", "rotation", "scale")
CHOICES = {
    "shift, rotation and scale": AFFINE,
    **{record.label: (record.name,) for record in AUGMENTATIONS},
    "all": tuple(STRENGTHS),
}
TIMED = {
    "images as they are": (),
    "shift, rotation and scale": AFFINE,
    "all eight": tuple(STRENGTHS),
}
# What the two networks of the second table are trained on.
COMPARED = {
    "images as they are": {},
    "shift 2, rotation 15, scaling 0.2": {"shift": 2.0, "rotation": 15.0, "scale": 0.2},
}


def main(names: list[str]) -> None:
    """Print what is asked for."""
    parts = {"speed": speed_table, "epochs": epochs_table, "accuracy": accuracy_table}
    for name in names or parts:
        print(parts[name]())


def tables() -> str:
    """Return the tables of a training's time and of its accuracy in Markdown, computed as in a worker."""
    from digitcore.worker_host.process import WORKER_ENVIRONMENT

    command = [sys.executable, "-m", "benchmarks.augmentation", "epochs", "accuracy"]
    environment = os.environ | WORKER_ENVIRONMENT
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def speed_table() -> str:
    """Return a line for each choice: the best of three rounds over 60000 images, in processor time."""
    images = load_dataset("mnist").images[:60_000]
    augment(images[:10], Augmentation(shift=1))  # compiles the loop
    lines = []
    for title, names in CHOICES.items():
        augmentation = Augmentation(**{name: STRENGTHS[name] for name in names})
        seconds = []
        for seed in range(N_ROUNDS):
            start = time.process_time()
            augment(images, augmentation, seed=seed)
            seconds.append(time.process_time() - start)
        lines.append(f"{title}: {len(images) / min(seconds):,.0f} images/s")
    return "\n".join(lines)


def epochs_table() -> str:
    """Return the time of an epoch of mnist-cnn without and with augmentation, taking turns."""
    from digitcore.runs.training import threads_for

    spec, _, data = _mnist_cnn()
    few = [each[:TIMED_IMAGES] for each in data]
    trainings = {}
    for title, names in TIMED.items():
        settings = {f"augment_{name}": STRENGTHS[name] for name in names}
        trainings[title] = _model(spec, epochs=TIMED_EPOCHS + 1, **settings).iter_fit(*few)
    seconds: dict[str, list[float]] = {title: [] for title in trainings}
    with threads_for(spec):
        for training in trainings.values():
            next(training)  # loads what is compiled
        for _ in range(TIMED_EPOCHS):
            for title, training in trainings.items():
                seconds[title].append(next(training).seconds)
    plain = median(seconds["images as they are"])
    rows = [
        f"| {title} | {median(each):.3f} | {min(each):.3f}, {max(each):.3f} | {median(each) / plain:.2f} |"
        for title, each in seconds.items()
    ]
    return "\n".join(
        [
            "## Augmentation: time",
            "",
            f"An epoch of `mnist-cnn` on {TIMED_IMAGES} training images, without validation; medians of "
            f"{TIMED_EPOCHS} rounds, taking turns.",
            "",
            "| training images | median, s | from, to | ratio |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def accuracy_table() -> str:
    """Return the test accuracy of mnist-cnn after three epochs, on the images as they are, moved, and shrunk."""
    from digitcore.images.distortion import affine_transforms, warped
    from digitcore.runs.training import threads_for

    spec, data_split, data = _mnist_cnn()
    images, labels = data_split.test.images, data_split.test.labels
    direction = np.random.default_rng(0).uniform(0, 2 * np.pi, len(images))
    shift = 2 * np.stack([np.sin(direction), np.cos(direction)], axis=1)
    shown = {
        "as they are": images,
        "moved by 2 pixels": warped(images, *affine_transforms(images.shape[1:], shift=shift)),
        "of 0.7 times their size": warped(images, *affine_transforms(images.shape[1:], scale=0.7)),
    }
    rows = []
    for title, strengths in COMPARED.items():
        settings = {f"augment_{name}": strength for name, strength in strengths.items()}
        model = _model(spec, epochs=TRAINED_EPOCHS, **settings)
        with threads_for(spec):
            model.fit(*data)
            found = [np.mean(model.predict(each / np.float32(255)) == labels) for each in shown.values()]
        rows.append(f"| {title} | {' | '.join(f'{100 * accuracy:.2f}' for accuracy in found)} |")
    return "\n".join(
        [
            "## Augmentation: accuracy",
            "",
            f"Test accuracy of `mnist-cnn` after {TRAINED_EPOCHS} epochs, per cent, seed 0; the test images are shown "
            "as they are and changed.",
            "",
            f"| training images | {' | '.join(shown)} |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _mnist_cnn():
    """The spec, its split, and its training images and their classes."""
    from digitcore.runs.training import images_and_labels, split_for
    from digitcore.specs.recipes import RECIPES

    spec = RECIPES["mnist-cnn"].spec
    data_split = split_for(spec)
    return spec, data_split, images_and_labels(data_split.train, spec.scaling)


def _model(spec, **settings):
    from digitcore.datasets import DATASETS
    from digitcore.runs.training import model_for

    return model_for(spec, DATASETS[spec.dataset]).set_params(**settings)


if __name__ == "__main__":
    main(sys.argv[1:])
