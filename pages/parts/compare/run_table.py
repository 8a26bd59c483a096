"""All kept runs as a table in which the ones to compare are chosen."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.datasets import DATASETS
from digitcore.glossary import explain
from digitcore.models import MODELS
from digitcore.runs.choice import entries_of, labels_of
from digitcore.runs.listed_table import date_format, telling_columns
from digitcore.runs.run_query import ALL_LISTED, RunQuery
from digitcore.wording import counted
from pages.parts import layout, messages, session, view
from pages.parts.compare import listed_runs
from pages.parts.compare.listed_runs import Listing
from pages.parts.run_picker import show_nothing_trained

PAGE_SIZE = 100
TABLE_HEIGHT = 320
# Pixels of the column of names: as wide as the longest one, by the mean width of a letter and the room beside it.
LEAST_NAME_WIDTH, LETTER_WIDTH, NAME_PADDING = 120, 6.3, 24
# Leaves room for the other columns on a laptop.
MOST_NAME_WIDTH = 380
# Leaves room for the figures beside the names.
PHONE_NAME_WIDTH = 170
RUNS_HELP = f"That differ in the seed alone. {explain('seed')}"
# Between two looks for new runs.
LOOK_SECONDS = 5.0
# What the order is called, the column it sorts by, and whether the largest comes first.
ORDERS = {
    "Newest first": ("created_at", True),
    "Oldest first": ("created_at", False),
    "Best test accuracy first": ("test_accuracy", True),
    "Best validation accuracy first": ("validation_accuracy", True),
    "Smallest gap first": ("gap", False),
    "Lowest training loss first": ("last_loss", False),
    "Fastest first": ("seconds", False),
    "By name": ("name", False),
}
# In the order of the table.
COLUMNS = (
    *("called", "accuracy", "interval", "n", "sd", "losses", "tags", "data", "model", "recipe", "gap", "seconds"),
    *("state", "created_at"),
)
# In the address: "-test_accuracy" for the largest first.
_ORDER_TEXTS = {f"{'-' * descending}{column}": label for label, (column, descending) in ORDERS.items()}
HELP = (
    "Choose a row by clicking the box at its left, or with Shift + Space in it. Chosen rows stay chosen while you "
    "search, sort or turn pages."
)
ONE_ROW_HELP = "Off: runs that differ in the seed alone share one row, with their mean and its interval."


def show() -> dict[str, str] | None:
    """Show a page of the table; return what its rows are called, by entry, or None if nothing is kept at all."""
    if not listed_runs.count_lines(ALL_LISTED):
        show_nothing_trained("difference")
        return None
    with messages.caught():
        query, row = _ask_query()
        n_lines = listed_runs.count_lines(query)
        listing = listed_runs.page_of_runs(query, PAGE_SIZE * (_ask_page(query, n_lines) - 1), PAGE_SIZE)
        with row:
            _offer_refresh(query, listing.n_tested)
        lines = listing.lines
        if lines.empty:
            st.info("No run fits: change the search or the filters.", icon=layout.NOTHING_FITS)
            return {}
        _show_table(listing)
        st.caption(f"{_counted_lines(n_lines, query)}. {HELP}")
        return dict(zip(entries_of(lines), labels_of(lines), strict=True))
    return {}


def _ask_query() -> tuple[RunQuery, DeltaGenerator]:
    """Ask which runs are listed, in which order, and what a row is; return the last row of what was asked, too."""
    row = layout.choices("search")
    search = view.text(
        row,
        "search",
        "Search",
        key="runs_search",
        placeholder="name, note, tag, model ...",
        persist_state="session",
    )
    order = view.select(
        row, "order", "Order", list(ORDERS), key="runs_order", texts=_ORDER_TEXTS, persist_state="session"
    )
    more = layout.choices("filters")
    background = _ask_whether(more, "background", "Runs of experiments, too")
    archived = _ask_whether(more, "archived", "Archived runs, too")
    each = _ask_whether(more, "each", "One row per run", help=ONE_ROW_HELP)
    known = listed_runs.filter_choices(RunQuery(background=background, archived=archived))
    sort, descending = ORDERS[order]
    query = RunQuery(
        search=search,
        datasets=_ask_several(row, "data", "Data", known["datasets"], DATASETS),
        models=_ask_several(row, "models", "Model", known["models"], MODELS),
        tags=_ask_several(row, "tags", "Tags", known["tags"], {}),
        sort=sort,
        descending=descending,
        background=background,
        archived=archived,
        grouped=not each,
    )
    return query, more


@st.fragment(run_every=LOOK_SECONDS)
@messages.caught()
def _offer_refresh(query: RunQuery, n_drawn: int) -> None:
    """Say how many runs have come since the table was drawn, and offer to list them; what is chosen stays chosen."""
    n_new = listed_runs.count_tested(query) - n_drawn
    if n_new > 0 and st.button(f"{counted(n_new, 'new run')}: refresh", icon=":material/refresh:", key="refresh_runs"):
        st.rerun()


def _ask_whether(row: DeltaGenerator, name: str, label: str, **more: str) -> bool:
    return view.toggle(row, name, label, key=f"runs_{name}", persist_state="session", **more)


def _ask_several(
    row: DeltaGenerator, name: str, label: str, options: list[str], entries: Mapping[str, Any]
) -> tuple[str, ...]:
    chosen = view.several(
        row,
        name,
        label,
        options,
        key=f"runs_{name}",
        format_func=lambda name: entries[name].label if name in entries else name,
        placeholder="any",
        persist_state="session",
    )
    return tuple(chosen)


def _ask_page(query: RunQuery, n_lines: int) -> int:
    n_pages = math.ceil(n_lines / PAGE_SIZE)
    if n_pages < 2:
        return 1
    # Another list begins with its first page.
    return view.pages(st, "page", n_pages, key=f"runs_page_{_short_hash(repr(query))}")


def _show_table(listing: Listing) -> None:
    lines = listing.lines
    entries, chosen = entries_of(lines), session.compared()
    key = f"kept_runs_{_short_hash(*entries)}_{session.compared_version()}"
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    telling = telling_columns(listing.table)
    dates = date_format(listing.table["created_at"], pd.Timestamp.now("UTC"))
    st.dataframe(
        listing.table,
        height=TABLE_HEIGHT if len(lines) > 7 else "auto",
        hide_index=True,
        column_order=[name for name in COLUMNS if name in telling],
        column_config={
            "called": text(
                "Name", width=name_width(listing.table["called"]), pinned=True, help="A star marks what is pinned."
            ),
            "accuracy": number("Test (%)", format="%.2f", help=explain("accuracy", "test part")),
            "interval": text("95 % interval", help=explain("interval")),
            "n": number("Runs", format="%,d", help=RUNS_HELP),
            "sd": number("SD (points)", format="%.2f", help=explain("standard deviation")),
            "losses": st.column_config.LineChartColumn("Loss", width="small", y_min=0, help=explain("loss", "nats")),
            "tags": st.column_config.ListColumn("Tags"),
            "data": text("Data"),
            "model": text("Model"),
            "recipe": text("Recipe", help=explain("recipe")),
            # No real minus sign: a Styler takes 100 ms over a page of sparklines.
            "gap": number("Gap (points)", format="%.2f", help=explain("gap")),
            "seconds": number("Time (s)", format="%,.2f"),
            "state": text("State"),
            "created_at": st.column_config.DatetimeColumn("Begun (UTC)", format=dates, timezone="UTC"),
        },
        on_select=lambda: _take_selection(key, entries),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [n for n, entry in enumerate(entries) if entry in chosen]}},
        key=key,
        placeholder="",
        alt="Kept runs, one row each, with their test accuracies; the chosen ones are compared below",
    )


def name_width(names: pd.Series) -> int:
    """Return the width of a column of names, in pixels."""
    longest = int(names.str.len().max())
    most = PHONE_NAME_WIDTH if layout.is_phone() else MOST_NAME_WIDTH
    return min(max(round(LETTER_WIDTH * longest) + NAME_PADDING, LEAST_NAME_WIDTH), most)


def _take_selection(key: str, entries: Sequence[str]) -> None:
    """Compare what is selected on this page of the table, and what was chosen on others."""
    rows = st.session_state[key].selection.rows
    picked = [entries[row] for row in rows if row < len(entries)]
    kept = [entry for entry in session.compared() if entry in picked or entry not in entries]
    session.choose_compared([*kept, *picked])


def _counted_lines(n_lines: int, query: RunQuery) -> str:
    return counted(n_lines, "row" if query.grouped else "run")


def _short_hash(*texts: str) -> str:
    return hashlib.md5("\n".join(texts).encode(), usedforsecurity=False).hexdigest()[:12]
