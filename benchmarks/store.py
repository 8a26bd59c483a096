"""How long the lists of runs take to read, by the number of runs that are kept.

    python benchmarks/store.py

Prints the median of seven for a fresh SQLite store of each size: the list that every page shows, and the same with the
runs of experiments. Half of the runs are in the background, and one in ten has failed.
"""

import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

ROOT = Path(__file__).parents[1]
N_RUNS = (500, 3000, 10_000, 100_000)
REPEATS = 7
PER_INSERT = 5000


def main():
    for n_runs in N_RUNS:
        with tempfile.TemporaryDirectory() as home:
            store = filled_store(Path(home), n_runs)
            for background in (False, True):
                seconds = [time_recent(store, background) for _ in range(REPEATS)]
                whose = "with those of experiments" if background else "without those of experiments"
                print(f"{n_runs} runs, {whose}: {statistics.median(seconds):.4f} s", flush=True)
            store.close()


def filled_store(home, n_runs):
    """Return a store with copies of one real run, each with a digest and a time of its own."""
    from digitcore.runs import RunSpec, Store, schema, train_spec

    spec = RunSpec(dataset="digits", model="softmax", parameters={"epochs": 2})
    evaluation, first = train_spec(spec).evaluation.as_json, datetime(2025, 1, 1)
    store = Store(f"sqlite:///{home / 'runs.db'}", home)
    common = dict(reason="", seconds=1.0, attempt=1, owner="benchmark", stop_requested=False)
    for start in range(0, n_runs, PER_INSERT):
        rows = [
            dict(
                digest=f"{number:020x}",
                spec=spec.with_changes(random_state=number).canonical_json,
                state="failed" if number % 10 == 0 else "done",
                evaluation={} if number % 10 == 0 else evaluation,
                evaluated=number % 10 != 0,
                background=number % 2 == 0,
                created_at=first + timedelta(minutes=number),
                **common,
            )
            for number in range(start, min(start + PER_INSERT, n_runs))
        ]
        with store.database.transaction("write") as connection:
            connection.execute(sa.insert(schema.runs), rows)
    return store


def time_recent(store, background):
    start = time.perf_counter()
    runs = store.recent(evaluated=True, background=background)
    seconds = time.perf_counter() - start
    assert len(runs) == 50
    return seconds


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
