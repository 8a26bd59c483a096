"""A recipe's published figures beside the measured ones."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from digitcore.charts import (
    confusion_chart,
    confusion_difference_chart,
    published_chart,
    published_curve_chart,
)
from digitcore.evaluation import confusion_table
from digitcore.experiments import Experiment
from digitcore.experiments.published import (
    confusion_difference_table,
    fold_runs,
    headline_table,
    published_counts_table,
    published_curve_table,
    published_table,
    recipe_runs,
)
from digitcore.experiments.tables import in_percent
from digitcore.glossary import explain
from digitcore.specs.recipes import RECIPES, Recipe
from digitcore.wording import percent_text, points_change_text, shown_difference
from pages.parts import session, view
from pages.parts.experiments import fold_view
from pages.parts.messages import plain
from pages.parts.reading.reading_guide import show_guide
from pages.parts.signed_numbers import with_minus

NUMBER = st.column_config.NumberColumn
MATRICES = ("Difference", "Here", "Published")


def show(experiment: Experiment, table: pd.DataFrame) -> None:
    """Show all figures of the recipe, published or measured, with what has been trained so far."""
    recipe = RECIPES[experiment.plan.recipe]
    _show_headline(recipe, headline_table(table, recipe).iloc[0])
    st.caption(f"{plain(recipe.summary)} From: {plain(recipe.source)}.")
    for note in recipe.notes:
        st.caption(plain(note))
    own = tuple(recipe_runs(experiment))
    if recipe.variations:
        show_guide("published")
        _show_tables(experiment.digest, experiment.n_ended, _recipe=recipe, _members=table)
    if recipe.published_curve and own:
        st.header("Training curve", help=explain("loss", "nats"))
        _show_published_curve(own, recipe.name)
    if recipe.published_confusion and own and not any(experiment.runs[digest].covered for digest in own):
        _show_matrices(own, recipe)
    for published in recipe.cross_validations:
        folds = tuple(fold_runs(experiment, published.label))
        st.header(f"{published.title}, {published.label}")
        st.caption(f"Published: {published.words}")
        if folds:
            fold_view.show_figures(table[table["digest"].isin(folds)])
            fold_view.show_curves(folds, "bars")


def _show_headline(recipe: Recipe, row: pd.Series) -> None:
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=fold_view.FIGURE_WIDTH, gap=None):
            st.metric(recipe.accuracy_label, percent_text(recipe.accuracy), help=recipe.accuracy_help)
            st.caption(plain(recipe.accuracy_words))
        if not row["n"]:
            return
        with st.container(width=fold_view.FIGURE_WIDTH, gap=None):
            st.metric("Here", percent_text(row["mean"]), help=explain("accuracy", "standard deviation"))
            spread = f"± {100 * row['sd']:.2f} points over {row['n']} seeds" if row["n"] > 1 else "one seed"
            st.caption(spread)
        with st.container(width=fold_view.FIGURE_WIDTH, gap=None):
            st.metric("Difference", points_change_text(shown_difference(row["mean"], recipe.accuracy, 2), 2))


@st.cache_data(show_spinner=False, max_entries=16)
def _show_tables(digest: str, n_ended: int, _recipe: Recipe, _members: pd.DataFrame) -> None:
    columns = st.columns(2)
    for position, variation in enumerate(_recipe.variations):
        table = published_table(_members, variation, _recipe.accuracy_part)
        with columns[position % 2]:
            st.header(plain(variation.title))
            st.altair_chart(published_chart(table, title=variation.title), width="stretch")
            _show_figures(table, variation.title)


def _show_figures(table: pd.DataFrame, title: str) -> None:
    st.dataframe(
        with_minus(in_percent(table, ["published", "mean", "sd", "difference"]), {"difference": "+.2f"}),
        hide_index=True,
        # What a narrow table hides first is what a single seed leaves empty.
        column_order=["label", "published", "mean", "difference", "sd", "n"],
        column_config={
            "label": title,
            "published": NUMBER("Published", format="%.2f", help=explain("published")),
            "mean": NUMBER("Here", format="%.2f"),
            "sd": NUMBER("Spread", format="%.2f", help=explain("standard deviation")),
            "n": NUMBER("Seeds", format="%,d", help=explain("seed")),
            "difference": NUMBER("Difference"),
        },
        placeholder="",
        alt=f"Published and measured accuracies: {title}",
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _show_published_curve(digests: tuple[str, ...], recipe_name: str) -> None:
    runs = session.runs_with_epochs(digests)
    for column, measure in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        table = published_curve_table(runs, RECIPES[recipe_name], measure)
        column.altair_chart(published_curve_chart(table, measure=measure), width="stretch")


def _show_matrices(digests: tuple[str, ...], recipe: Recipe) -> None:
    st.header("Confusion matrix")
    which = view.buttons(st, "matrix", "Matrix", MATRICES, key="published_matrix", label_visibility="collapsed")
    _show_matrix(which, digests, recipe.name)


@st.cache_data(show_spinner="Counting the predictions ...", max_entries=16)
def _show_matrix(which: str, digests: tuple[str, ...], recipe_name: str) -> None:
    recipe = RECIPES[recipe_name]
    truth, prediction, class_names = session.pooled_predictions(digests, recipe.accuracy_part)
    if which == "Difference":
        st.caption("Measured minus published, in percentage points of the true class's images.")
        table = confusion_difference_table(recipe.published_confusion, truth, prediction, class_names)
        st.altair_chart(confusion_difference_chart(table), width="content")
    elif which == "Here":
        st.altair_chart(confusion_chart(confusion_table(truth, prediction, class_names), scale="log"), width="content")
    else:
        table = published_counts_table(recipe.published_confusion, class_names)
        st.altair_chart(confusion_chart(table, scale="log"), width="content")
