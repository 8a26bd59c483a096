"""Columns for lists of runs, copied from specs, evaluations and epochs, so that no query parses JSON."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from digitcore.errors import InvalidSetting
from digitcore.runs import schema
from digitcore.runs.run import PARTS, Evaluation
from digitcore.specs.run_spec import DIGEST_LENGTH, SEED, RunSpec
from digitcore.specs.titles import recipe_name

_runs, _epochs, _locked = schema.runs, schema.epochs, schema.locked_test_parts
# With these a random split draws the test part; the official one is always the same.
_TEST_PART_SETTINGS = ("test_size", "max_images", "stratify", "random_state")


def columns_of_spec(spec: RunSpec) -> dict[str, Any]:
    """Return data set, model, recipe, seed, and the digests of what runs may have in common."""
    return {
        "dataset": spec.dataset,
        "model": spec.model,
        "recipe": recipe_name(spec),
        "seed": spec.random_state,
        "seedless_digest": seedless_digest(spec),
        "test_part": test_part_digest(spec),
    }


def columns_of_evaluation(evaluation: Evaluation | None) -> dict[str, Any]:
    """Return accuracy and number of images of each part, and the gap; None for what was not measured."""
    parts = evaluation.parts if evaluation is not None else {}
    columns: dict[str, Any] = {f"{part}_accuracy": _accuracy(parts, part) for part in PARTS}
    columns |= {f"n_{part}": parts[part].n_images if part in parts else None for part in PARTS}
    train, held_out = columns["train_accuracy"], columns["test_accuracy"]
    if held_out is None:
        held_out = columns["validation_accuracy"]
    return {**columns, "gap": None if train is None or held_out is None else train - held_out}


def columns_of_epochs() -> dict[str, sa.ScalarSelect[Any]]:
    """Return, for an update of runs, the number of their last epoch and its training loss."""
    own = _epochs.c.digest == _runs.c.digest
    last = sa.select(_epochs.c.train_loss).where(own).order_by(_epochs.c.number.desc()).limit(1)
    return {
        "n_epochs": sa.select(sa.func.max(_epochs.c.number)).where(own).scalar_subquery(),
        "last_loss": last.scalar_subquery(),
    }


def no_results() -> dict[str, None]:
    """Return the columns of evaluation and epochs of a run that has only begun."""
    return dict.fromkeys((*columns_of_evaluation(None), *columns_of_epochs()))


def seedless_digest(spec: RunSpec) -> str:
    """Return the digest of the spec with the default seed: runs that differ in the seed alone have it in common.

    The seed of the split is not a seed in this sense: with another one the runs are tested on other images.
    """
    return _digest({**json.loads(spec.canonical_json), "random_state": SEED.default})


def test_part_digest(spec: RunSpec) -> str:
    """Return a digest of the test part: runs that have it in common are tested on the same images."""
    settings = {} if spec.split.kind == "official" else {key: getattr(spec.split, key) for key in _TEST_PART_SETTINGS}
    return _digest({"dataset": spec.dataset, "kind": spec.split.kind, **settings})


def is_covered_row() -> sa.ColumnElement[bool]:
    """Return the condition that a run's test part is locked and its test figures have not been opened."""
    return _runs.c.test_opened_at.is_(None) & _runs.c.test_part.in_(sa.select(_locked.c.test_part))


def cover_test_figures(connection: sa.Connection, *chosen: sa.ColumnElement[bool]) -> None:
    """Leave covered test figures out of the columns of lists, and note which others are seen there.

    Parameters
    ----------
    connection : Connection
        In a transaction that writes.
    *chosen : ColumnElement
        Conditions on the runs to look at. Default: all.
    """
    known = _runs.c.test_accuracy.is_not(None)
    # As where there is no test part; without a validation part the gap is not known.
    hidden = {"test_accuracy": None, "gap": _runs.c.train_accuracy - _runs.c.validation_accuracy}
    connection.execute(sa.update(_runs).where(*chosen, known, is_covered_row()).values(hidden))
    connection.execute(sa.update(_runs).where(*chosen, known, ~_runs.c.test_seen).values(test_seen=True))


def fill_in(connection: sa.Connection) -> None:
    """Fill the columns of runs that earlier versions have begun, or that this one could not read so far.

    Runs that cannot be read now stay as they are.
    """
    query = sa.select(_runs.c.digest, _runs.c.spec, _runs.c.evaluation).where(_runs.c.seedless_digest.is_(None))
    read = [_read_columns(row) for row in connection.execute(query).mappings()]
    rows = [row for row in read if row is not None]
    if rows:
        names = {*columns_of_evaluation(None), *rows[0]} - {"run"}
        values = {name: sa.bindparam(name) for name in names} | columns_of_epochs()
        connection.execute(sa.update(_runs).where(_runs.c.digest == sa.bindparam("run")).values(values), rows)
    cover_test_figures(connection)


def _read_columns(row: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        spec, evaluation = RunSpec.from_json(row["spec"]), Evaluation.from_json(row["evaluation"] or {})
    except (InvalidSetting, TypeError):  # newer versions may add figures to an evaluation
        return None
    if spec.digest != row["digest"]:
        return None
    return {"run": spec.digest, **columns_of_spec(spec), **columns_of_evaluation(evaluation)}


def _accuracy(parts: Mapping[str, Any], part: str) -> float | None:
    accuracy = parts[part].accuracy if part in parts else math.nan
    return None if math.isnan(accuracy) else accuracy


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
