"""How long the queries of a table of runs take where 10,000 runs are kept.

    python benchmarks/run_catalogue.py [URL of an empty PostgreSQL database]

Prints the median, shortest and longest time of fifteen, on a store made for this; by default on SQLite. Five runs each
differ in the seed alone, one in ten belongs to an experiment, and every run has twenty epochs.
"""

import itertools
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import sqlalchemy as sa

ROOT = Path(__file__).parents[1]
N_RUNS, N_SEEDS, N_EPOCHS = 10_000, 5, 20
REPEATS = 15
PER_INSERT = 2000


def main(url=None):
    from digitcore.runs import Store

    with tempfile.TemporaryDirectory() as home:
        store = Store(url or f"sqlite:///{Path(home) / 'runs.db'}", Path(home))
        start = time.perf_counter()
        fill(store)
        if store.url.get_backend_name() == "postgresql":
            # As its own daemon does within a minute; until then its plans do not know how many rows there are.
            with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
        print(f"{N_RUNS} runs written in {time.perf_counter() - start:.1f} s ({store.url.get_backend_name()})")
        for what, call in calls(store).items():
            times = [1000 * timed(call) for _ in range(REPEATS)]
            print(f"{what:45} {statistics.median(times):7.1f} ms ({min(times):.1f} to {max(times):.1f})")
        store.close()


def timed(call):
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def calls(store):
    """Return what a page asks of the store, by what it is."""
    from digitcore.runs.catalogue import Catalogue
    from digitcore.runs.run_editor import RunEditor
    from digitcore.runs.run_query import SORTS, RunQuery

    catalogue, editor, numbers = Catalogue(store), RunEditor(store), itertools.count()
    runs, groups = RunQuery(grouped=False), RunQuery()
    all_digests = catalogue.digests(runs)
    chosen, group = all_digests[:50], catalogue.page(groups).group[0]
    queries = {f"by {name}": {"sort": name, "descending": name != "name"} for name in SORTS}
    queries |= {"search for a rare name": {"search": "number 77"}, "search that finds nothing": {"search": "nowhere"}}
    queries |= {"a tag": {"tags": ("final",)}, "a model": {"models": ("mlp",)}, "archived": {"archived": True}}
    pages = {
        f"page of {'groups' if grouped else 'runs'}, {what}": partial(
            catalogue.page, RunQuery(grouped=grouped, **settings)
        )
        for grouped in (False, True)
        for what, settings in queries.items()
    }
    return {
        **pages,
        "last page of runs": lambda: catalogue.page(runs, 8950),
        "last page of groups": lambda: catalogue.page(groups, 1950),
        "count of runs": lambda: catalogue.count(runs),
        "count of groups": lambda: catalogue.count(groups),
        "all digests": lambda: catalogue.digests(runs),
        "members of a group": lambda: catalogue.members(group),
        "latest run": lambda: catalogue.latest(runs),
        "choices of the filters": lambda: catalogue.choices(),
        "50 sparklines": lambda: catalogue.loss_sparklines(chosen),
        "trainings tested alike": lambda: catalogue.n_tested_alike(chosen[0]),
        "rename a run": lambda: editor.rename(chosen[0], f"Name {next(numbers)}"),
        "tag 50 runs": lambda: editor.add_tags(chosen, [f"tag {next(numbers) % 10}"]),
        "delete and restore 50 runs": lambda: editor.restore(editor.delete(chosen)),
        "archive 9,000 runs and back": lambda: editor.archive(editor.archive(all_digests), False),
    }


def fill(store):
    """Write runs of several models and learning rates, each with a digest and a time of its own."""
    from digitcore.runs import schema

    rng, rows = np.random.default_rng(0), []
    for number, spec in enumerate(specs()):
        rows.append(row_of(spec, number, rng))
        if len(rows) == PER_INSERT:
            with store.database.transaction("write") as connection:
                connection.execute(sa.insert(schema.runs), rows)
                connection.execute(sa.insert(schema.epochs), epochs_of(rows))
                tagged = [row["digest"] for row in rows[::100]]
                connection.execute(sa.insert(schema.tags), [dict(digest=digest, tag="final") for digest in tagged])
            rows = []


def specs():
    from digitcore.runs import RunSpec

    for number in range(N_RUNS // N_SEEDS):
        rate = {"learning_rate": 0.001 + 0.0001 * number, "epochs": N_EPOCHS}
        spec = RunSpec(dataset="digits", model="mlp" if number % 2 else "softmax", parameters=rate)
        for seed in range(N_SEEDS):
            yield spec.with_changes(random_state=seed)


def row_of(spec, number, rng):
    from digitcore.evaluation import PartEvaluation, wilson_interval
    from digitcore.runs.listed_columns import columns_of_evaluation, columns_of_spec
    from digitcore.runs.run import Evaluation

    def part(n_images):
        n_right = int(rng.binomial(n_images, 0.95))
        return PartEvaluation(n_images, n_right, n_right / n_images, 0.2, *wilson_interval(n_right, n_images))

    evaluation = Evaluation({"train": part(1347), "test": part(450)}, N_EPOCHS, N_EPOCHS)
    name = f"Run number {number}" if number % 3 == 0 else ""
    return dict(
        **dict(digest=spec.digest, spec=spec.canonical_json, state="done", reason="", stop_requested=False),
        **dict(evaluation=evaluation.as_json, evaluated=True, background=number % 50 < 5, owner="benchmark"),
        **dict(created_at=datetime(2025, 1, 1) + timedelta(minutes=number), seconds=float(rng.random()), attempt=1),
        **dict(name=name, sort_name=name.lower() or None, search_text=name.lower(), pinned=number % 500 == 0),
        **dict(n_epochs=N_EPOCHS, last_loss=float(rng.random()), archived=False),
        **columns_of_spec(spec),
        **columns_of_evaluation(evaluation),
    )


def epochs_of(rows):
    return [
        dict(digest=row["digest"], number=number, train_loss=2 / number, train_accuracy=0.9, seconds=0.1)
        for row in rows
        for number in range(1, N_EPOCHS + 1)
    ]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(*sys.argv[1:])
