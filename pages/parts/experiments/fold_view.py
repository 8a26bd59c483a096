"""What cross-validation says: curves with their spread, scores, the pooled confusion matrix."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from digitcore.charts import confusion_chart, fold_curves_chart, fold_scores_chart
from digitcore.evaluation import confusion_table
from digitcore.experiments import Experiment
from digitcore.experiments.epoch_choice import early_ends_text, epoch_choice_warning
from digitcore.experiments.tables import fold_curves_table, fold_means_table, part_scores_table
from digitcore.glossary import explain
from digitcore.runs.summary import validation_name
from digitcore.wording import accuracy_label, percent_interval_text, percent_text
from pages.parts import layout, session, view
from pages.parts.messages import plain
from pages.parts.reading.reading_guide import show_guide, show_heading

FIGURE_WIDTH = 250
# A matrix beside a chart, or on a phone.
CELL_SIZE = 38
SPREADS = {"band": "Band", "bars": "Error bars"}


def show(experiment: Experiment, table: pd.DataFrame) -> None:
    """Show figures, curves and confusion matrix of the folds that are done."""
    digests = session.done_runs(experiment)
    if not digests:
        layout.show_coming("The first fold is being trained.")
        return
    show_figures(table, experiment.plan.k)
    if experiment.plan.spec.parameters["patience"] is not None:
        _show_warning(digests)
    spread = ask_spread("fold_spread", guide="folds")
    show_curves(digests, spread)
    left, right = st.columns(2)
    with left:
        show_heading("Final accuracy of every fold", "fold_scores", help_text=explain("accuracy", "fold"))
        _show_scores(digests, table)
    with right:
        show_heading("All held-out images together", "confusion", help_text=explain("confusion matrix"))
        _show_matrix(digests)


def ask_spread(key: str, *, guide: str) -> str:
    """Ask how a chart shows the spread around its means, a key of :data:`SPREADS`, with its guide beside it."""
    row = layout.choices(key)
    spread = view.buttons(
        row,
        "spread",
        "Spread",
        list(SPREADS),
        format_func=SPREADS.get,
        key=key,
        help=explain("spread", "standard deviation"),
    )
    with row:
        show_guide(guide)
    return spread


def show_figures(table: pd.DataFrame, k: int | None = None) -> None:
    """Show mean, spread and interval of each part's final accuracy over the folds done, of ``k`` in all if given."""
    with st.container(horizontal=True, gap="medium"):
        for row in fold_means_table(table, k or len(table)).itertuples():
            with st.container(width=FIGURE_WIDTH, gap=None):
                st.metric(accuracy_label(row.part), percent_text(row.mean), help=explain("accuracy", "fold"))
                st.caption(
                    f"± {100 * row.sd:.2f} points between {row.n} folds" if row.n > 1 else "one fold so far",
                    help=explain("standard deviation"),
                )
                if row.mean_low < row.mean_high:
                    interval = percent_interval_text(row.mean_low, row.mean_high)
                    st.caption(f"Interval of the mean {interval}", help=explain("interval of the mean"))


@st.cache_data(show_spinner=False, max_entries=32)
def _show_warning(digests: tuple[str, ...]) -> None:
    if warning := epoch_choice_warning(session.runs_with_epochs(digests)):
        st.warning(plain(warning))


# What does not change is written down once: charts take altair tens of milliseconds.
@st.cache_data(show_spinner=False, max_entries=32)
def show_curves(digests: tuple[str, ...], spread: str) -> None:
    """Draw loss and accuracy of every epoch, mean and spread over the runs."""
    runs = session.runs_with_epochs(digests)
    for column, measure in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        table = fold_curves_table(runs, measure)
        chart = fold_curves_chart(table, measure=measure, spread=spread, held_out_name=validation_name(runs[0]))
        column.altair_chart(chart, width="stretch")
    if words := early_ends_text(runs):
        st.caption(words)


@st.cache_data(show_spinner=False, max_entries=32)
def _show_scores(digests: tuple[str, ...], _table: pd.DataFrame) -> None:
    st.altair_chart(fold_scores_chart(part_scores_table(_table, "fold")), width="stretch")


@st.cache_data(show_spinner="Counting the predictions ...", max_entries=32)
def _show_matrix(digests: tuple[str, ...]) -> None:
    truth, prediction, class_names = session.pooled_predictions(digests)
    table = confusion_table(truth, prediction, class_names)
    st.altair_chart(confusion_chart(table, scale="log", cell_size=CELL_SIZE), width="content")
    st.caption("Stronger colour, more images, on a logarithmic scale.", help=explain("logarithmic scale"))
