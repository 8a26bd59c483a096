"""Models side by side: their figures, their settings and their curves, whatever images they were tested on.

A model is one run, or several runs that differ in the seed alone; its figures are then means over the seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from digitcore.errors import InvalidSetting
from digitcore.evaluation import epochs_table
from digitcore.evaluation.comparison import summarise_accuracies
from digitcore.experiments.tables import MOST_EPOCHS
from digitcore.runs.listed_columns import seedless_digest
from digitcore.runs.run import Run
from digitcore.runs.summary import distinct_labels, validation_name
from digitcore.specs.run_spec import RunSpec
from digitcore.specs.settings import all_settings, setting_label, setting_value, settings_of
from digitcore.specs.titles import model_titles, spec_title
from digitcore.wording import clipped, listed

PARTS = ("test", "validation", "train")
CURVES: Mapping[str, str] = {
    "validation_accuracy": "Validation accuracy",
    "validation_loss": "Validation loss",
    "train_accuracy": "Training accuracy",
    "train_loss": "Training loss",
}
OVER: Mapping[str, str] = {"epoch": "Epochs", "seconds": "Time"}
GOES_ON_FROM = "Goes on from"
# What is better, and whether more of it is.
_BETTER = {"accuracy": True, "loss": False, "seconds": False}
_BEST_WORDS = {"accuracy": "accuracy", "loss": "loss", "seconds": "time"}


def named_models(runs: Sequence[Run], names: Mapping[str, str]) -> dict[str, list[Run]]:
    """Return runs as models, each under a name of its own.

    Parameters
    ----------
    runs : sequence of Run
        In their order; those that differ in the seed alone are one model.
    names : mapping of str to str
        By digest, what visitors call the runs. A model without a name is called by what differs.
    """
    models: dict[str, list[Run]] = {}
    for run in runs:
        models.setdefault(seedless_digest(run.spec), []).append(run)
    titles = model_titles([members[0].spec.with_changes(random_state=0) for members in models.values()])
    labels = {
        key: clipped(next((names[run.digest] for run in members if names.get(run.digest)), title))
        for (key, members), title in zip(models.items(), titles, strict=True)
    }
    distinct = distinct_labels(labels)
    return {distinct[key]: members for key, members in models.items()}


def labelled_runs(models: Mapping[str, Sequence[Run]]) -> dict[str, Run]:
    """Return each run of some models under a label of its own: the model's name, and the seed where it has several."""
    labels = {
        run.digest: f"{name}, seed {run.spec.random_state}" if len(members) > 1 else name
        for name, members in models.items()
        for run in members
    }
    distinct = distinct_labels(labels)
    return {distinct[run.digest]: run for members in models.values() for run in members}


def has_covered(members: Sequence[Run], part: str) -> bool:
    """Return True if the figures of a part are covered for one of the runs, see :mod:`digitcore.runs.part_locks`."""
    return part == "test" and any(run.covered for run in members)


def common_parts(models: Mapping[str, Sequence[Run]]) -> list[str]:
    """Return the parts that all runs have figures of, the one that tells most first."""
    return [part for part in PARTS if all(part in run.figures for members in models.values() for run in members)]


def figures_table(models: Mapping[str, Sequence[Run]], part: str = "test") -> pd.DataFrame:
    """Return the figures of each model.

    Returns
    -------
    DataFrame
        One row per model: ``name``, ``n_seeds``, ``accuracy``, ``low``, ``high`` (95 % interval, of the mean over seeds
        or Wilson's for one seed), ``sd``, ``loss``, ``loss_low``, ``loss_high`` (95 % interval of the mean
        over seeds, NaN for one), ``gap`` (training accuracy minus this), ``epochs_trained``, ``seconds``, and ``best``:
        in which of accuracy, loss and time no other model is better. A model of which a run is covered has no figures
        of the test part.
    """
    table = pd.DataFrame([_figures_of(name, members, part) for name, members in models.items()])
    best: list[list[str]] = [[] for _ in models]
    for column, more in _BETTER.items():
        values = table[column].to_numpy(dtype=float)
        if len(models) > 1 and not np.isnan(values).all():
            top = np.nanmax(values) if more else np.nanmin(values)
            for place in np.flatnonzero(values == top):
                best[place].append(_BEST_WORDS[column])
    return table.assign(best=[listed(words) for words in best])


def settings_table(models: Mapping[str, Sequence[Run]], *, every: bool = False) -> pd.DataFrame:
    """Return the settings of each model.

    Parameters
    ----------
    models : mapping of str to sequence of Run
        By name.
    every : bool
        All settings, not only those in which models differ.

    Returns
    -------
    DataFrame
        A column of texts for each model, and the labels of the settings as index; a setting that a model does not have
        is empty. The seed is left out. The last row says which training, and which epoch of it, a model goes on from.
    """
    specs = {name: members[0].spec for name, members in models.items()}
    known = {name: settings_of(spec.model) for name, spec in specs.items()}
    rows = {}
    for setting, declared in all_settings().items():
        texts = [
            setting_label(setting, setting_value(spec, setting)) if setting in known[name] else ""
            for name, spec in specs.items()
        ]
        if setting != "seed" and any(texts) and (every or len(set(texts)) > 1):
            rows[declared.record.label] = texts
    origins = [_origin_text(spec) for spec in specs.values()]
    if any(origins) and (every or len(set(origins)) > 1):
        rows[GOES_ON_FROM] = origins
    return pd.DataFrame(list(rows.values()), index=pd.Index(rows, name="Setting", dtype=object), columns=list(specs))


def _origin_text(spec: RunSpec) -> str:
    """Return from what a training goes on, and that from what, and so on; empty for one that begins from nothing."""
    if spec.parent is None:
        return ""
    before = _origin_text(spec.parent)
    own = f"{spec_title(spec.parent.with_changes(parent=None))}, epoch {spec.n_inherited:,}"
    return f"{own}, after {before}" if before else own


def curve_labels(models: Mapping[str, Sequence[Run]]) -> dict[str, str]:
    """Return the labels of :data:`CURVES`, by the part that these models were monitored on."""
    monitored = {validation_name(run) for members in models.values() for run in members if _is_monitored(run)}
    part = "Held-out" if len(monitored) > 1 else next(iter(monitored), "validation").capitalize()
    return {name: label.replace("Validation", part) for name, label in CURVES.items()}


def _is_monitored(run: Run) -> bool:
    return bool(run.epochs) and run.epochs[-1].validation_loss is not None


def available_curves(models: Mapping[str, Sequence[Run]]) -> list[str]:
    """Return the names in :data:`CURVES` of which any run has values."""
    last = [run.epochs[-1] for members in models.values() for run in members if run.epochs]
    return [curve for curve in CURVES if any(getattr(epoch, curve) is not None for epoch in last)]


def missing_curves_text(models: Mapping[str, Sequence[Run]], curve: str) -> str:
    """Return a sentence that names the models without values of a curve in :data:`CURVES`; empty if all have them."""
    missing = [name for name, members in models.items() if curve not in available_curves({name: members})]
    if not missing:
        return ""
    trained_blind = all(any(run.epochs for run in models[name]) for name in missing)
    reason = "trained without validation images" if trained_blind else "whose epochs have no such values"
    marked = [f'"{name}"' for name in missing]
    return f"Not drawn: {listed(marked)}, {reason}."


def model_curves_table(
    models: Mapping[str, Sequence[Run]], curve: str = "validation_loss", *, over: str = "epoch", smoothing: float = 0.0
) -> pd.DataFrame:
    """Return a curve of each model, with its spread over the seeds.

    Parameters
    ----------
    models : mapping of str to sequence of Run
        By name; the runs have their epochs.
    curve : str
        A name in :data:`CURVES`.
    over : {"epoch", "seconds"}
        What the curve is drawn over: epochs, or the wall time of the training so far, as a mean over the seeds.
    smoothing : float
        0 for none, to below 1: the weight that the last smoothed value has in the next one, corrected for the start.

    Returns
    -------
    DataFrame
        ``name``, ``x``, ``mean``, ``sd``, ``low``, ``high`` (one standard deviation to each side; NaN for one run) and
        ``n`` runs; no rows for a model without such values.

    Raises
    ------
    InvalidSetting
        If an argument is not valid.
    """
    if curve not in CURVES:
        raise InvalidSetting(f"curve must be one of {', '.join(CURVES)}, got {curve!r}")
    if over not in OVER:
        raise InvalidSetting(f"over must be epoch or seconds, got {over!r}")
    if not 0 <= smoothing < 1:
        raise InvalidSetting(f"smoothing must be a number from 0 to below 1, got {smoothing!r}")
    curves = [_curve_of(members, curve, over, smoothing).assign(name=name) for name, members in models.items()]
    columns = ["name", "x", "mean", "sd", "low", "high", "n"]
    return pd.concat(curves, ignore_index=True)[columns] if curves else pd.DataFrame(columns=columns)


def _figures_of(name: str, members: Sequence[Run], part: str) -> dict[str, Any]:
    shown = [] if has_covered(members, part) else members
    measured = [run.figures[part] for run in shown if part in run.figures]
    row: dict[str, Any] = {"name": name, "n_seeds": len(members)}
    row |= dict.fromkeys(("accuracy", "low", "high", "sd"), math.nan)
    if measured:
        summary = summarise_accuracies([each.accuracy for each in measured], measured[0].n_images)
        row |= {"accuracy": summary.mean, "low": summary.low, "high": summary.high, "sd": summary.sd}
    gaps = [run.figures["train"].accuracy - run.figures[part].accuracy for run in shown if _has_gap(run, part)]
    others = {
        "loss": [each.loss for each in measured],
        "gap": gaps,
        "epochs_trained": [run.n_trained for run in members],
        "seconds": [run.seconds for run in members],
    }
    row |= dict(zip(("loss_low", "loss_high"), _interval_of_mean(others["loss"]), strict=True))
    # Means of what is known: not of a loss that is NaN.
    return row | {figure: pd.Series(values, dtype=float).mean() for figure, values in others.items()}


def _interval_of_mean(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of values from 0 by Student's t distribution; NaN for fewer than two."""
    known = np.array([value for value in values if not math.isnan(value)])
    if len(known) < 2:
        return math.nan, math.nan
    half = float(stdtrit(len(known) - 1, 0.975) * known.std(ddof=1) / math.sqrt(len(known)))
    return max(float(known.mean()) - half, 0.0), float(known.mean()) + half


def _has_gap(run: Run, part: str) -> bool:
    return part != "train" and part in run.figures and "train" in run.figures


def _curve_of(members: Sequence[Run], curve: str, over: str, smoothing: float) -> pd.DataFrame:
    tables = [epochs_table(run.epochs) for run in members]
    values = pd.concat([_smoothed(table.set_index("epoch")[curve], smoothing) for table in tables], axis="columns")
    times = pd.concat([table.set_index("epoch")["seconds"].cumsum() for table in tables], axis="columns")
    mean, sd = values.mean(axis="columns"), values.std(axis="columns", ddof=1)
    table = pd.DataFrame(
        {
            "x": times.mean(axis="columns") if over == "seconds" else values.index.to_numpy(dtype=float),
            "mean": mean,
            "sd": sd,
            "low": mean - sd,
            "high": mean + sd,
            "n": values.notna().sum(axis="columns"),
        },
        index=values.index,
    ).dropna(subset="mean")
    kept = np.linspace(0, len(table) - 1, min(MOST_EPOCHS, len(table))).round().astype(int)
    return table.iloc[kept]


def _smoothed(values: pd.Series, smoothing: float) -> pd.Series:
    return values.ewm(alpha=1 - smoothing, adjust=True).mean() if smoothing else values
