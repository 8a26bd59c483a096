"""Time an epoch of each recipe beside its peers, and write the ratios to ``results.md``.

    DIGITCORE_DATA=... python benchmarks/training.py [recipe ...]

Every contestant lives in a process of its own and trains when it is its turn, round by round, so that a slow minute of
the machine meets all of them. One epoch includes the pass over the validation images; ``digits-mlp`` is the whole
training of 1001 epochs.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
ROUNDS = 5
SIZES = (1000, 3000, 10_000, 30_000, 60_000)
RESULTS = ROOT / "benchmarks" / "results.md"
TITLE = """# Training beside its peers

One epoch including the pass over the validation images (`digits-mlp`: the whole training), on real MNIST; written by
`make bench`. Seconds are medians of {rounds} rounds in which the contestants took turns; a ratio is a peer's median
over this project's. Share of peak: floating-point operations of the matrix products over what `torch.mm` reaches on
2048x2048 matrices with {threads} threads here, {peak:.0f} GFLOP/s; a share above 1 is possible where a kernel uses
instructions that `torch.mm` leaves aside, and where products with zero are left out. Memory is the process's peak, and
how much of it came after the data was loaded; about 100 MB of this project's are the compiler of its loops.
This project trains with the environment of its workers (`digitcore/worker_host/process.py`).

{machine}
"""


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("recipes", nargs="*")
    arguments.add_argument("--contestant", nargs=2)
    arguments.add_argument("--growth", action="store_true")
    arguments.add_argument("--strongest", action="store_true")
    given = arguments.parse_args()
    if given.contestant:
        serve(*given.contestant)
    elif given.growth:
        print(growth_table())
    elif given.strongest:
        print(strongest_table())
    else:
        write_results(given.recipes)


def write_results(recipes):
    from peers import CONTESTS

    from digitcore.runs.training import MOST_THREADS

    peak = gemm_peak(MOST_THREADS)
    title = TITLE.format(rounds=ROUNDS, threads=MOST_THREADS, peak=peak, machine=machine())
    parts = [title, *(contest_table(recipe, peak) for recipe in recipes or CONTESTS)]
    if not recipes:
        parts.append(strongest_table())
        import augmentation
        import experiments

        parts += [growth_table(), experiments.tables(), augmentation.tables()]
    text = "\n".join(parts)
    print(text)
    RESULTS.write_text(text)


def contest_table(recipe, peak):
    """Return the table of one recipe in Markdown."""
    from peers import CONTESTS

    contestants = {name: Contestant(recipe, name) for name in CONTESTS[recipe]}
    seconds = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            seconds[name].append(contestant.epoch())
    own, work = median(seconds["digitcore"]), epoch_operations(recipe)
    lines = [
        f"## {recipe}",
        "",
        "| | median, s | from, to | ratio | share of peak | peak memory, MB | above data, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, contestant in contestants.items():
        each = seconds[name]
        before, most = contestant.end()
        lines.append(
            f"| {name} | {median(each):.3f} | {min(each):.3f}, {max(each):.3f} | {median(each) / own:.2f} "
            f"| {work / median(each) / peak / 1e9:.2f} | {most:.0f} | {most - before:.0f} |"
        )
    print("\n".join(lines), flush=True)
    return "\n".join([*lines, ""])


def strongest_table():
    """Return the table of the recipes beside JAX and tuned PyTorch, each alone, its epochs one after the other.

    After the seconds that the others take, JAX's next epoch is up to 1.8 times as long.
    """
    from peers import CONTESTS

    names = ("digitcore", "JAX", "PyTorch, tuned")
    lines = ["## Beside the strongest", "", f"| | {' | '.join(names)} |", "|---|---|---|---|"]
    for recipe in ("mnist-softmax", "mnist-dense", "mnist-dropout-mlp", "mnist-cnn"):
        medians = {name: median(epochs_alone(recipe, name)) for name in names if name in CONTESTS[recipe]}
        own = medians["digitcore"]
        cells = [f"{own:.3f}", *(f"{medians[name]:.3f} ({medians[name] / own:.2f})" for name in names[1:])]
        lines.append(f"| {recipe} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return "\n".join([*lines, ""])


def epochs_alone(recipe, name):
    """Return the seconds of epochs that a contestant trains while no other waits, without the first."""
    contestant = Contestant(recipe, name)
    seconds = [contestant.epoch() for _ in range(1 + ROUNDS)]
    contestant.end()
    return seconds[1:]


class Contestant:
    """A process that trains an epoch when told to."""

    def __init__(self, recipe, name):
        command = [sys.executable, __file__, "--contestant", recipe, name]
        from digitcore.worker_host.process import WORKER_ENVIRONMENT

        # This project trains in workers, whose environment is their own.
        environment = os.environ | (WORKER_ENVIRONMENT if name == "digitcore" else {})
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.before = float(self.process.stdout.readline())

    def epoch(self):
        """Return the seconds of one epoch."""
        self.process.stdin.write("epoch\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        """End the process; return its peak memory in MB when the data was loaded, and in all."""
        self.process.stdin.close()
        most = float(self.process.stdout.readline())
        self.process.wait()
        return self.before, most


def serve(recipe, name):
    """Train an epoch for each line that comes in."""
    from peers import CONTESTS, Data

    answers, sys.stdout = sys.stdout, sys.stderr
    data = Data(recipe)
    print(peak_memory(), file=answers, flush=True)
    epoch = CONTESTS[recipe][name](data)
    for _ in sys.stdin:
        start = time.perf_counter()
        epoch()
        print(time.perf_counter() - start, file=answers, flush=True)
    print(peak_memory(), file=answers, flush=True)


def growth_table():
    """Return how the time of mnist-cnn's epoch, without validation, grows with the number of images."""
    import numpy as np
    from peers import Data

    from digitcore.models import make_model
    from digitcore.runs.training import threads_for

    data, seconds = Data("mnist-cnn"), []
    with threads_for(data.spec):
        for size in SIZES:
            model = make_model("cnn", **{**data.spec.parameters, "epochs": 3, "random_state": 0})
            seconds.append(min(epoch.seconds for epoch in model.iter_fit(data.X[:size], data.y[:size])))
    slope = np.polyfit(np.log(SIZES), np.log(seconds), 1)[0]
    rows = [f"| {size} | {each:.3f} | {each / size * 1e6:.1f} |" for size, each in zip(SIZES, seconds, strict=True)]
    lines = [
        "## Growth of mnist-cnn",
        "",
        f"Seconds of an epoch without validation, best of three; images to the power of {slope:.3f} (1 is linear).",
        "",
        "| images | s | us an image |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def epoch_operations(recipe):
    """Return the floating-point operations of the matrix products of what a contestant trains in one turn."""
    from peers import Data

    from digitcore.models.architecture import plan

    data = Data(recipe)
    spec = data.spec
    weighted = [
        layer.multiply_adds for layer in plan(spec.model, spec.parameters, data.image_shape, 10) if layer.weight_shape
    ]
    # Forward, weights' gradient and inputs' gradient, which the first layer does not need.
    trained = (3 * sum(weighted) - weighted[0]) * len(data.y)
    n_epochs = spec.parameters["epochs"] if recipe == "digits-mlp" else 1
    return 2 * n_epochs * (trained + sum(weighted) * len(data.y_held_out))


def gemm_peak(n_threads):
    """Return the GFLOP/s of torch's product of square float32 matrices."""
    import torch

    torch.set_num_threads(n_threads)
    one, other, product = (torch.rand(2048, 2048) for _ in range(3))
    times = []
    for _ in range(12):
        start = time.perf_counter()
        torch.mm(one, other, out=product)
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / median(times) / 1e9


def machine():
    """Return the machine and the versions in a sentence."""
    names = ("torch", "numpy", "scikit-learn", "jax", "keras", "skorch")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"Machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; {versions}."


def peak_memory():
    """Return the most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
