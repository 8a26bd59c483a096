"""What it costs a training to show its model after its epochs: confusion matrix, wrong images, first layer.

    DIGITCORE_DATA=... python benchmarks/glimpses.py [recipe ...]

Each recipe is trained by ``train_spec`` in alternating rounds without and with glimpses, written as they would be sent.
Compared is the CPU time of the process from the first epoch to the last, which other programs change less. Prints
medians, the median of the ratios of neighbouring rounds, and number and bytes of the glimpses.
"""

import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

# Images and epochs of a round.
SIZES = {
    "digits-mlp": (None, 801),
    "mnist-softmax": (20_000, 8),
    "mnist-dense": (20_000, 3),
    "mnist-cnn": (20_000, 4),
}
ROUNDS = 9


def main(names):
    print("| recipe | CPU s without | with | ratio | glimpses | bytes |\n|---|---|---|---|---|---|", flush=True)
    for name in names or SIZES:
        seconds, n_glimpses, n_bytes = measure(name, *SIZES[name])
        without, shown = seconds[False], seconds[True]
        ratio = median(b / a for a, b in zip(without, shown, strict=True))
        print(
            f"| {name} | {median(without):.3f} | {median(shown):.3f} | {ratio:.3f} | {n_glimpses} | {n_bytes:,} |",
            flush=True,
        )


def measure(name, n_images, epochs):
    """Return the CPU seconds of each training, by whether it was shown, the last one's glimpses, and their bytes."""
    from digitcore.runs import train_spec
    from digitcore.specs.recipes import load_recipe

    spec = load_recipe(name).spec.with_changes(
        parameters={"epochs": epochs, "patience": None}, split={"max_train": n_images}
    )
    sizes = []

    def train(*, shown):
        sizes.clear()
        took = []

        def note(epoch):
            # The first epoch begins after loading, the last one ends before the evaluation.
            took.append(time.process_time())

        train_spec(
            spec, on_epoch=note, on_glimpse=(lambda glimpse: sizes.append(len(glimpse.to_bytes()))) if shown else None
        )
        return took[-1] - took[0]

    seconds = {False: [], True: []}
    train(shown=True)
    for number in range(ROUNDS):
        # Who goes first changes: a slow moment meets both alike.
        for shown in sorted(seconds, reverse=bool(number % 2)):
            seconds[shown].append(train(shown=shown))
            if shown:
                counted = len(sizes), max(sizes)
    return seconds, *counted


if __name__ == "__main__":
    main(sys.argv[1:])
