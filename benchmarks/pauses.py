"""What it costs a training to look for Stop and to pass its turn on between batches.

    DIGITCORE_DATA=... python benchmarks/pauses.py [recipe ...]

Each recipe is trained in a worker of a real engine, in alternating rounds without and with what a worker's training
calls between batches, the questions to the scheduler included. Compared is the CPU time of the worker's process, which
other programs on the machine change less. Prints medians, and the median of the ratios of neighbouring rounds, which
must stay below 1.01.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = str(ROOT)

# Images and epochs of a round: half a second, so that both of a pair meet the same machine.
SIZES = {
    "digits-mlp": (None, 801),
    "mnist-softmax": (20_000, 6),
    "mnist-dropout-mlp": (10_000, 1),
    "mnist-dense": (10_000, 1),
    "mnist-cnn": (2000, 1),
}
ROUNDS = 40


def main(names):
    from digitcore.runs import Engine, Store

    with tempfile.TemporaryDirectory() as home, Engine(Store(home=Path(home)), n_workers=1) as engine:
        client = engine.workers.ready_cluster().client
        print("| recipe | CPU s without | with | ratio |\n|---|---|---|---|", flush=True)
        for name in names or SIZES:
            without, paused = client.submit(measure, name, *SIZES[name], Path(home) / "turns").result()
            ratio = median(b / a for a, b in zip(without, paused, strict=True))
            print(f"| {name} | {median(without):.4f} | {median(paused):.4f} | {ratio:.4f} |", flush=True)


def measure(name, n_images, epochs, folder):
    """Return the CPU seconds of each training without pauses, and of each with them; runs in a worker."""
    from digitcore.models.pauses import pauses
    from digitcore.runs.core_locks import turn_for
    from digitcore.runs.training import model_for, split_for, threads_for
    from digitcore.runs.worker import STOP_SECONDS, StopSignal
    from digitcore.specs.recipes import load_recipe

    spec = load_recipe(name).spec.with_changes(parameters={"epochs": epochs, "patience": None})
    divided = split_for(spec)
    X, y = divided.train.features(spec.scaling)[:n_images], divided.train.labels[:n_images]
    stop = StopSignal(f"stop-{name}", STOP_SECONDS)

    def look():
        turn.pass_on(stop.is_set)
        stop.is_set()

    def train():
        before = time.process_time()
        model_for(spec, divided.dataset).fit(X, y)
        return time.process_time() - before

    seconds = {"without": [], "with": []}
    with threads_for(spec), turn_for(2, folder) as turn:
        turn.wait()
        train()
        for number in range(ROUNDS):
            # Who goes first changes: a slow moment meets both alike.
            for kind in sorted(seconds, reverse=bool(number % 2)):
                if kind == "without":
                    seconds[kind].append(train())
                    continue
                with pauses(look):
                    seconds[kind].append(train())
    return seconds["without"], seconds["with"]


if __name__ == "__main__":
    main(sys.argv[1:])
