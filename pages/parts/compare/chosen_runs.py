"""The chosen runs: they stay while the table is searched, and each can be removed."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from digitcore.experiments.side_by_side import named_models
from digitcore.runs import Run
from digitcore.runs.choice import MOST_CHOSEN, entry_label, gone_sentences
from digitcore.runs.summary import distinct_labels
from digitcore.wording import counted
from pages.parts import layout, messages, session
from pages.parts.compare.listed_runs import chosen_lines, chosen_runs

_KEY = "compared_box"
Chosen = Mapping[str, pd.DataFrame]


def ask(listed: Mapping[str, str]) -> Chosen:
    """Show what is chosen, let the user remove or add an entry, and return the lines of the catalogue of each."""
    messages.show_problems(session.compared_problems())
    entries = session.compared()
    chosen = chosen_lines(entries)
    own = {entry: entry_label(entry, lines) for entry, lines in chosen.items()}
    labels = distinct_labels({**own, **{entry: label for entry, label in listed.items() if entry not in own}})
    # Its value is always the choice, whichever way that came about. It is not set where it is that already: what is set
    # goes to the browser, and would take back a click that is on its way here.
    st.multiselect(
        "Compared",
        list(labels),
        default=session.set_value(_KEY, entries),
        key=_KEY,
        format_func=labels.__getitem__,
        max_selections=MOST_CHOSEN,
        select_all=False,
        placeholder="choose rows of the table, or type a name",
        on_change=_take_box,
        help=f"Up to {MOST_CHOSEN} runs or groups. The address holds them: copy the link to share the comparison.",
    )
    session.link_compared()
    messages.show_problems(gone_sentences(chosen))
    return {entry: lines for entry, lines in chosen.items() if not lines.empty}


def models_of(chosen: Chosen) -> dict[str, list[Run]]:
    """Return the models of the chosen runs that have results, by name; say what is left out, or what to do next."""
    names: dict[str, str] = {}
    for lines in chosen.values():
        names |= dict(zip(lines["digest"].tolist(), lines["name"].tolist(), strict=True))
    tested = [run for run in chosen_runs(list(names)) if run.evaluated]
    if not chosen:
        st.info("Choose two or more rows of the table to compare them.", icon=layout.NOTHING_FITS)
    elif len(tested) < len(names):
        left_out = counted(len(names) - len(tested), "run")
        st.warning(f"{left_out} left out: not trained to the end, so without results. Train again on *Train*.")
    return named_models(tested, names)


def _take_box() -> None:
    session.choose_compared(st.session_state[_KEY])
    session.redraw_compared()
