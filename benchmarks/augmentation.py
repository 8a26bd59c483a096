"""How many images of MNIST are augmented per second on one core, by each change alone and by three together.

Run ``python -m benchmarks.augmentation``. MNIST is looked for in ``DIGITCORE_DATA``.
"""

from __future__ import annotations

import time

from digitcore.datasets import AUGMENTATIONS, Augmentation, augment, load_dataset

N_ROUNDS = 3
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
CHOICES = {
    "shift, rotation and scale": ("shift", "rotation", "scale"),
    **{record.label: (record.name,) for record in AUGMENTATIONS},
    "all": tuple(STRENGTHS),
}


def main() -> None:
    """Print a line for each choice: the best of three rounds over 60000 images, in processor time."""
    images = load_dataset("mnist").images[:60_000]
    augment(images[:10], Augmentation(shift=1))  # compiles the loop
    for title, names in CHOICES.items():
        augmentation = Augmentation(**{name: STRENGTHS[name] for name in names})
        seconds = []
        for seed in range(N_ROUNDS):
            start = time.process_time()
            augment(images, augmentation, seed=seed)
            seconds.append(time.process_time() - start)
        print(f"{title}: {len(images) / min(seconds):,.0f} images/s")


if __name__ == "__main__":
    main()
