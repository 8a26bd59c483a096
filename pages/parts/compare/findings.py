"""What the chosen models say together: sentences first, then their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from digitcore.errors import DigitcoreError
from digitcore.experiments.comparison import RunsComparison
from digitcore.experiments.side_by_side import common_parts, figures_table, has_covered
from digitcore.experiments.tables import in_percent
from digitcore.glossary import explain
from digitcore.runs import Run
from digitcore.runs.listed_columns import test_part_digest
from digitcore.runs.listed_table import LOCKED, interval_texts
from pages.parts import layout, part_lock, session, view
from pages.parts.compare import loss_intervals
from pages.parts.compare.run_table import RUNS_HELP, name_width
from pages.parts.messages import plain
from pages.parts.reading.reading_guide import show_heading
from pages.parts.signed_numbers import with_minus

# For intervals of the loss: how long the first drawing waits for them, and how often it looks for them later.
WAIT_SECONDS, POLL_SECONDS = 0.1, 2.0
Models = Mapping[str, Sequence[Run]]


def show(models: Models) -> tuple[str, RunsComparison | None]:
    """Show the sentences and the figures; return the part, and the comparison unless there is none."""
    show_heading("Is the difference real?", "difference", help_text=explain("interval", "accuracy"))
    part = _ask_part(models)
    comparison, is_refused = _show_sentences(models, part)
    # Models that cannot be compared have no best one, and so no accuracy that a choice has flattered.
    _show_figures(models, part, names_best=not is_refused)
    if not is_refused:
        _show_looks(models)
    return part, comparison


def _ask_part(models: Models) -> str:
    seen = common_parts(models)
    parts = ["test", *seen] if _covered_runs(models, "test") and "test" not in seen else seen
    if len(parts) < 2:
        return next(iter(parts), "test")
    row, start = layout.choices("part"), next(iter(seen), "test")
    return view.buttons(row, "part", "Compared on", parts, start=start, format_func=str.title, help=explain("part"))


def _covered_runs(models: Models, part: str) -> list[Run]:
    return [run for members in models.values() for run in members if has_covered([run], part)]


def _show_sentences(models: Models, part: str) -> tuple[RunsComparison | None, bool]:
    """Return the comparison, None without one, and whether the models do not compare."""
    if len(models) == 1 and len(next(iter(models.values()))) == 1:
        st.info("One run is chosen: choose another one to compare it with.", icon=layout.NOTHING_FITS)
        return None, False
    if covered := _covered_runs(models, part):
        part_lock.offer_opening(covered)
        return None, False
    try:
        comparison = session.comparison_of(models, part)
    except DigitcoreError as refusal:
        st.warning(plain(f"Not compared. {str(refusal).rstrip('.')}."))
        return None, True
    st.markdown("\n\n".join(f"**{plain(sentence)}**" for sentence in comparison.sentences))
    return comparison, False


def _show_figures(models: Models, part: str, *, names_best: bool) -> None:
    table, asked = figures_table(models, part), loss_intervals.ask(models, part)
    covered = [has_covered(members, part) for members in models.values()]
    texts = interval_texts(table["low"], table["high"])
    intervals = [LOCKED if hidden else text for hidden, text in zip(covered, texts, strict=True)]
    shown = in_percent(table, ("accuracy", "sd", "gap")).assign(interval=intervals)
    if not names_best:
        shown = shown.drop(columns="best")
    # Soon there, and computed once. The page is not drawn anew for them: that would take back a choice on its way here.
    are_done = loss_intervals.wait(asked, WAIT_SECONDS)

    @st.fragment(run_every=None if are_done else POLL_SECONDS)
    def show_table() -> None:
        _show_table(shown.assign(loss_interval=loss_intervals.texts(table, asked)), part)

    show_table()


def _show_table(table: pd.DataFrame, part: str) -> None:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    seeds = ["n_seeds", "sd"] if table["n_seeds"].max() > 1 else []
    of_loss = ["loss", "loss_interval"]
    st.dataframe(
        with_minus(table, {"gap": ".2f"}),
        hide_index=True,
        column_order=["name", "best", "accuracy", "interval", *seeds, *of_loss, "gap", "epochs_trained", "seconds"],
        column_config={
            "name": text("Model", width=name_width(table["name"]), pinned=True),
            "best": text("Best in", width=150, help="In which figures no other chosen model is better."),
            "accuracy": number(f"{part.title()} (%)", format="%.2f", help=explain("accuracy")),
            "interval": text("95 % interval", help=explain("interval")),
            "n_seeds": number("Runs", format="%,d", help=RUNS_HELP),
            "sd": number("SD (points)", format="%.2f", help=explain("standard deviation")),
            "loss": number("Loss", format="%.4f", help=explain("loss", "nats")),
            "loss_interval": text("95 % interval (loss)", help=explain("bootstrap interval")),
            "gap": number("Gap (points)", help=explain("gap")),
            "epochs_trained": number("Epochs", format="%,.0f", help=explain("epoch")),
            "seconds": number("Time (s)", format="%,.2f", help=explain("training time")),
        },
        placeholder="",
        alt=f"Figures of each chosen model{', and in which of them it is the best' if 'best' in table else ''}",
    )


def _show_looks(models: Models) -> None:
    """Say of each test part how many runs were tested on it: the best of many is flattered."""
    parts = {test_part_digest(members[0].spec): members[0] for members in models.values() if not members[0].covered}
    for run in parts.values():
        part_lock.show_looks(run)
