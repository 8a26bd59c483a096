"""What augmentation buys: how recipes with and without it read drawings, printed digits and corrupted images.

    DIGITCORE_DATA=... python benchmarks/robustness.py [recipe ...]

Trains each recipe for three epochs on MNIST, two seeds each: as it is; with random shift, rotation and scaling; and
with noise, erased patches and stroke thickness, too. Prints accuracies in per cent, the means of the seeds: on the
test images; on drawings with the pen strokes of `tests/images/stroke_templates.py` and on the digits of this machine's
fonts, both cleaned up as on *Predict*; and on 2,000 test images under the twelve corruptions, severities 1 to 5.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from digitcore.datasets import DATASETS, features, load_dataset  # noqa: E402
from digitcore.images.clean_up import as_image, clean_drawing, clean_strokes  # noqa: E402
from digitcore.images.corruptions import CORRUPTIONS, SEVERITIES, corrupted  # noqa: E402
from digitcore.runs.training import images_and_labels, model_for, split_for, threads_for  # noqa: E402
from digitcore.specs.recipes import load_recipe  # noqa: E402
from tests.images.stroke_templates import drawings  # noqa: E402

NAMES = ("mnist-softmax", "mnist-dense", "mnist-dropout-mlp", "mnist-cnn", "mnist-instant")
EPOCHS, SEEDS = 3, (0, 1)
MOVED = {"augment_shift": 2.0, "augment_rotation": 10.0, "augment_scale": 0.1}
AUGMENTATIONS = {
    "none": {},
    "shift, rotation, scaling": MOVED,
    "noise, patch, thickness, too": {
        **MOVED,
        "augment_noise": 0.2,
        "augment_erasing": 0.3,
        "augment_thickness": 1.0,
    },
}
GROUPS = {
    "moved": ("shift", "rotation", "scale", "shear"),
    "strokes changed": ("blur", "thickness", "patch"),
    "noise": ("noise",),
    "light changed": ("brightness", "contrast", "stripes", "inverted"),
}
N_CORRUPTED, N_FONTS, N_PER_SHAPE = 2000, 25, 6
FONT_SIZE, FONT_SIDE = 120, 200


def main(names):
    dataset, test = load_dataset("mnist"), split_for(load_recipe("mnist-cnn").spec).test
    sets = {"test images": (test.images, test.labels)}
    sets["drawings"] = drawn_digits()
    sets["printed"] = printed_digits()
    chosen = np.sort(np.random.default_rng(0).choice(test.n_images, N_CORRUPTED, replace=False))
    images, labels = test.take(chosen), test.labels[chosen]
    for group, corruptions in GROUPS.items():
        changed = [
            corrupted(images, name, severity, max_value=dataset.max_value)
            for name in corruptions
            for severity in SEVERITIES
        ]
        sets[group] = (np.concatenate(changed), np.tile(labels, len(changed)))
    assert sorted(sum(GROUPS.values(), ())) == sorted(CORRUPTIONS)
    print(f"{len(sets['drawings'][1])} drawings, {len(sets['printed'][1])} printed digits, {EPOCHS} epochs", flush=True)
    print(f"\n| recipe | augmentation | {' | '.join(sets)} |\n|---|---|{'---|' * len(sets)}", flush=True)
    for name in names or NAMES:
        for words, augmentation in AUGMENTATIONS.items():
            shares = np.mean([accuracies(name, augmentation, seed, sets) for seed in SEEDS], axis=0)
            print(f"| {name} | {words} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |", flush=True)


def accuracies(name, augmentation, seed, sets):
    """Train a recipe with an augmentation and return its accuracy on each set of images."""
    recipe = load_recipe(name).spec
    parameters = {"epochs": EPOCHS, "patience": None, **augmentation}
    spec = recipe.with_changes(
        random_state=seed, parameters=parameters, split={"kind": "official", "validation": "none"}
    )
    data = split_for(spec)
    with threads_for(spec):
        model = model_for(spec, data.dataset).fit(*images_and_labels(data.train, spec.scaling))
        largest = data.dataset.max_value
        return [
            float((model.predict(features(images, max_value=largest, scaling=spec.scaling)) == labels).mean())
            for images, labels in sets.values()
        ]


def drawn_digits():
    """Return drawings of seven shapes of each digit, small to large, cleaned up: images and labels."""
    entry, drawn = DATASETS["mnist"], drawings(np.random.default_rng(16), N_PER_SHAPE)
    cleaned = [clean_strokes(each.strokes, entry.used_framing)[-1].ink for each in drawn]
    return as_images(cleaned), np.array([each.digit for each in drawn])


def printed_digits():
    """Return the ten digits of the first fonts of this machine that have letters of English, cleaned up."""
    listed = subprocess.run(["fc-list", ":lang=en:variable=false", "file"], capture_output=True, text=True, check=True)
    files = sorted(
        line.rstrip(": ") for line in listed.stdout.splitlines() if line.rstrip(": ").endswith((".ttf", ".otf"))
    )
    entry, cleaned = DATASETS["mnist"], []
    # Far apart in the list: neighbours are styles of one family.
    for file in [files[place] for place in np.linspace(0, len(files) - 1, N_FONTS).astype(int)]:
        font = ImageFont.truetype(file, FONT_SIZE)
        for digit in range(10):
            picture = Image.new("L", (FONT_SIDE, FONT_SIDE))
            ImageDraw.Draw(picture).text((FONT_SIDE / 2, FONT_SIDE / 2), str(digit), fill=255, font=font, anchor="mm")
            cleaned.append(clean_drawing(np.asarray(picture) / 255, entry.used_framing)[-1].ink)
    return as_images(cleaned), np.tile(np.arange(10), N_FONTS)


def as_images(cleaned):
    """Return pixel values, uint8 ``(n_images, 28, 28)``."""
    return np.array([as_image(ink, DATASETS["mnist"].max_value) for ink in cleaned])


if __name__ == "__main__":
    main(sys.argv[1:])
