"""The verdict on a training: what it came to, why, one change to try, and what else can follow."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from digitcore.evaluation import Verdict
from digitcore.evaluation.verdict import RULES, TITLES
from digitcore.runs import Run, RunSpec
from digitcore.runs.advice import Advice, advice_for
from digitcore.runs.summary import remark_of, verdict_of
from pages.parts import press, session
from pages.parts.messages import plain
from pages.parts.train import next_steps, plan_view

COLORS = {"fits well": "green", "still improving": "blue", "diverged": "red", "learned nothing": "red"}


def show(run: Run, *, alone: bool = False) -> None:
    """Show the verdict with *Apply* and *Why?*, what can follow, and at most one further remark; or ``alone``."""
    verdict, advice = _judgement(run)
    if verdict is not None:
        color = COLORS.get(verdict.kind, "orange")
        st.markdown(f":{color}-badge[{verdict.title}] {plain(verdict.explanation)}")
    if alone:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="next_steps"):
        if advice is not None:
            _offer(advice, run)
        if verdict is not None:
            with st.popover("Why?", type="tertiary", width="content"):
                _show_reasons(run, verdict, advice)
        next_steps.show(run, None if verdict is None else verdict.kind)
    if verdict is not None and (remark := remark_of(run, verdict)):
        st.warning(plain(remark))


def is_advised(run: Run, spec: RunSpec) -> bool:
    """Return True if a training is what the verdict on a run that has ended suggests to try."""
    advice = _judgement(run)[1]
    return advice is not None and advice.spec == spec


def _judgement(run: Run) -> tuple[Verdict | None, Advice | None]:
    return _judged(run.digest, run.created_at, run.state, len(run.epochs), run.covered, _run=run)


# The same at each move of a slider.
@st.cache_resource(show_spinner=False, max_entries=512)
def _judged(
    digest: str, created_at: datetime | None, run_state: str, n_epochs: int, covered: bool, _run: Run
) -> tuple[Verdict | None, Advice | None]:
    verdict = verdict_of(_run)
    return verdict, None if verdict is None else advice_for(_run, verdict)


def _offer(advice: Advice, run: Run) -> None:
    applied = is_advised(run, session.spec_in_form())
    if applied and not advice.changes:
        # The button above does it: there is nothing to put into the form.
        n_epochs, label = run.spec.parameters["epochs"], plan_view.end_label(run)
        rest = f"the other {n_epochs - len(run.epochs):,}" if label == plan_view.GO_ON else f"all {n_epochs:,}"
        st.markdown(f"**Try:** *{label}*, for {rest} epochs.", width="content")
        return
    st.markdown(f"**Try:** {plain(advice.words)}.", width="content")
    if press.button(
        "Applied" if applied else "Apply",
        key="apply_advice",
        disabled=applied,
        help="The form has this change: press Train." if applied else "Put this change into the form.",
    ):
        session.apply_spec(advice.spec)


def _show_reasons(run: Run, verdict: Verdict, advice: Advice | None) -> None:
    st.markdown(f"**{TITLES[verdict.kind]}:** {plain(verdict.rule)}")
    if advice is not None:
        st.markdown(f"**{plain(advice.words)}:** {plain(advice.reason)}")
    if verdict.evidence:
        st.markdown("\n".join(f"- {plain(line)}." for line in verdict.evidence))
    tried = list(RULES)[: list(RULES).index(verdict.kind)]
    if tried:
        names = ", ".join(TITLES[kind].lower() for kind in tried)
        st.caption(f"The first rule that holds decides. Tried before this one: {names}.")
