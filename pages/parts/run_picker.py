"""Which finished run a page looks at, and which part of its data."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.datasets import Part
from digitcore.glossary import explain
from digitcore.parameters import shortened
from digitcore.runs import Run
from digitcore.runs.summary import run_labels
from digitcore.specs.titles import HEADING_PARTS, spec_title
from pages.parts import layout, part_lock, session, shared, view
from pages.parts.messages import plain, show_problems
from pages.parts.reading.reading_guide import show_empty


def ask_run(row: DeltaGenerator, guide: str | None = None) -> Run | None:
    """Let the user choose among the finished runs; None, and what to do, when there is none yet.

    In that case the picture of ``guide`` shows what the page will be like, where one does.
    """
    linked = session.linked_run()
    notes = st.container()
    wanted = shared.engine().run(linked) if linked else None
    runs = {run.digest: run for run in session.recent_runs()}
    if wanted is not None and wanted.evaluated:
        runs.setdefault(wanted.digest, wanted)
    if not runs:
        with notes:
            show_problems([_missing(linked)] if linked and wanted is None else [])
        _show_empty(wanted, guide)
        return None
    key, digests = session.run_key(), list(runs)
    if linked and wanted is None:
        # Nothing is shown in place of what a link asks for.
        chosen = st.session_state.get(key)
    else:
        start = linked if linked in runs else digests[0]
        if linked and start != linked:
            session.say_instead(runs[start], _why_another(wanted))
        chosen = session.widget_value(key, start, runs)
    digest = row.selectbox(
        "Run",
        digests,
        index=digests.index(chosen) if chosen in runs else None,
        format_func=run_labels(list(runs.values())).__getitem__,
        key=key,
        placeholder="choose a run",
        help="Every training that was kept, the latest first.",
    )
    if digest is None:
        with notes:
            show_problems([f"{_missing(linked)} Choose another one."])
        return None
    run = shared.engine().run(digest)
    if run is not None:
        with notes:
            show_problems(session.said_instead(run))
        session.link_run(run)
    if run is None or not run.evaluated:  # it has been started again, or was removed by another server
        session.forget_recent_runs()
        _show_empty(run, guide)
        return None
    return run


def ask_others(run: Run, row: DeltaGenerator) -> list[Run]:
    """Let the user choose further runs of the same data set."""
    runs = {
        other.digest: other
        for other in session.recent_runs()
        if other.spec.dataset == run.spec.dataset and other.digest != run.digest
    }
    chosen = (
        view.several(
            row,
            "also",
            "Also ask",
            list(runs),
            format_func=run_labels(list(runs.values())).__getitem__,
            key=f"other_runs_{run.spec.dataset}",
            expected="digests of kept runs of this data set",
            placeholder="other runs of the same data set",
            help="The same image, judged by every chosen run.",
        )
        if runs
        else []
    )
    fresh = [shared.engine().run(digest) for digest in chosen if digest in runs]
    return [other for other in fresh if other is not None and other.evaluated]


def ask_part(run: Run, row: DeltaGenerator) -> Part:
    """Let the user choose among the parts that were evaluated, the one that tells most first.

    Of a test part whose figures are covered nothing is drawn but how they are opened.
    """
    seen = list(run.evaluation.parts)[::-1]
    parts = ["test", *seen] if run.covered else seen
    name = view.buttons(row, "part", "Part", parts, start=seen[0], format_func=str.title, help=explain("part"))
    if run.covered and name == "test":
        part_lock.offer_opening([run])
        view.end_page()
    return getattr(session.parts_of(run), name)


def _missing(digest: str) -> str:
    return f"The run {shortened(digest)} is not kept on this server."


def _why_another(wanted: Run) -> str:
    """Say why a run without results is not shown, but the latest one."""
    state = "is still running" if wanted.active else "has no results"
    return f"The training {spec_title(wanted.spec, most=HEADING_PARTS)} {state}: the latest run is shown instead."


def _show_empty(wanted: Run | None, guide: str | None) -> None:
    if wanted is not None and wanted.active:
        st.info(
            "This training is still running: its results appear here when it has ended.",
            icon=":material/hourglass_top:",
        )
    elif wanted is not None and wanted.state == "failed":
        st.info(f"The last training failed: {plain(wanted.reason)}")
    else:
        show_nothing_trained(guide)
        return
    _show_way_to_train()


def show_nothing_trained(guide: str | None) -> None:
    """Say that no run is kept and what to do, under the picture of a guide where there is one."""
    words = "Nothing trained yet: choose a model and press **Train** first."
    if guide is None:
        st.info(words, icon=layout.EMPTY)
    else:
        show_empty(words, guide)
    _show_way_to_train()


def _show_way_to_train() -> None:
    st.page_link("pages/train.py", label="Go to Train")
