"""Which finished run a page looks at, and which part of its data."""

from __future__ import annotations

import streamlit as st

from digitcore.datasets import Part
from digitcore.runs import Run
from digitcore.runs.summary import distinct_labels, run_label
from pages.parts import session, shared
from pages.parts.messages import plain, show_problems


def ask_run() -> Run | None:
    """Let the user choose among the finished runs; None, and what to do, when there is none yet."""
    linked, problems = session.linked_run()
    show_problems(problems)
    wanted = shared.engine().run(linked) if linked else None
    runs = {run.digest: run for run in session.recent_runs()}
    if wanted is not None and wanted.evaluated:
        runs.setdefault(wanted.digest, wanted)
    if not runs:
        _show_empty(wanted)
        return None
    start = linked if linked in runs else next(iter(runs))
    key = session.run_key()
    digests = list(runs)
    digest = st.selectbox(
        "Run",
        digests,
        index=digests.index(session.widget_value(key, start, runs)),
        format_func=_labels(runs).__getitem__,
        key=key,
        help="Every training that was kept, the latest first.",
    )
    run = shared.engine().run(digest)
    if run is not None:
        session.link_run(run)
    if run is None or not run.evaluated:  # it has been started again, or was removed by another server
        session.forget_recent_runs()
        _show_empty(run)
        return None
    return run


def ask_others(run: Run) -> list[Run]:
    """Let the user choose further runs of the same data set."""
    runs = {
        other.digest: other
        for other in session.recent_runs()
        if other.spec.dataset == run.spec.dataset and other.digest != run.digest
    }
    chosen = (
        st.multiselect(
            "Also ask",
            list(runs),
            format_func=_labels(runs).__getitem__,
            key=f"other_runs_{run.spec.dataset}",
            placeholder="other runs of the same data set",
            help="The same image, judged by every chosen run.",
        )
        if runs
        else []
    )
    fresh = [shared.engine().run(digest) for digest in chosen if digest in runs]
    return [other for other in fresh if other is not None and other.evaluated]


def ask_part(run: Run) -> Part:
    """Let the user choose among the parts that were evaluated, the one that tells most first."""
    parts = list(run.evaluation.parts)[::-1]
    name = st.segmented_control("Part", parts, default=parts[0], required=True, format_func=str.title)
    return getattr(session.parts_of(run), name)


def _labels(runs: dict[str, Run]) -> dict[str, str]:
    return distinct_labels({digest: run_label(run) for digest, run in runs.items()})


def _show_empty(wanted: Run | None) -> None:
    if wanted is not None and wanted.active:
        st.info("This training is still running: its results appear here when it has ended.")
    elif wanted is not None and wanted.state == "failed":
        st.info(f"The last training failed: {plain(wanted.reason)}")
    else:
        st.info("Nothing trained yet: choose a model and press **Train** first.")
    st.page_link("pages/train.py", label="Go to Train")
