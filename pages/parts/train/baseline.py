"""The baseline, with which the run on Train is compared: the pinned run, or the last one before on the same data."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import streamlit as st

from digitcore.datasets import Part
from digitcore.errors import ComparisonError, InvalidSetting
from digitcore.evaluation import predictions
from digitcore.evaluation.comparison import PairComparison, compare_predictions, in_same_order
from digitcore.parameters import shortened
from digitcore.runs import Run, RunSpec
from digitcore.specs.changes import Change, changes_between, put_back
from digitcore.specs.titles import HEADING_PARTS, spec_title
from digitcore.wording import percent_text, points_interval_text, points_text
from pages.parts import press, session, shared
from pages.parts.messages import plain

# Session keys of this file: the digest that is pinned, and those of the runs shown so far, the last one at the end.
_PINNED, _SHOWN = "baseline_pinned", "baseline_shown"
_PARAMETER = "baseline"
_MOST_SHOWN = 20
# So many of the settings that differ are named; the form has the others.
_MOST_NAMED = 3


def follow_link() -> None:
    """Take the pinned run from the address, and let the address name it once there is one."""
    digest, _ = session.linked_value(_PARAMETER, _PINNED, None, _read)
    is_kept = digest is not None and shared.engine().run(digest) is not None
    session.note_view(_PARAMETER, digest if is_kept else None)


def _read(text: str) -> str:
    if shared.engine().run(text) is None:
        raise InvalidSetting(f"{_PARAMETER} must be the digest of a run kept on this server, got {shortened(text)}")
    return text


def note_shown(run: Run) -> None:
    """Note that the page shows a run; it will be the baseline of the next one on the same data."""
    shown = st.session_state.setdefault(_SHOWN, [])
    if not shown or shown[-1] != run.digest:
        st.session_state[_SHOWN] = [*(digest for digest in shown if digest != run.digest), run.digest][-_MOST_SHOWN:]


def pin(spec: RunSpec) -> None:
    """Pin the run of a spec as the baseline, be it trained or not yet."""
    st.session_state[_PINNED] = spec.digest


def pinned() -> str | None:
    """Return the digest of the run that is pinned as the baseline, None if there is none."""
    return st.session_state.get(_PINNED)


def is_pinned(run: Run | RunSpec) -> bool:
    """Whether this run, or the one of this spec, is pinned as the baseline."""
    return pinned() == run.digest


def of(spec: RunSpec) -> Run | None:
    """Return the baseline of a spec's run; None if there is none, or it is that run itself."""
    pinned = st.session_state.get(_PINNED)
    if pinned is not None:
        run = shared.engine().run(pinned)
        return run if run is not None and run.epochs and run.digest != spec.digest else None
    for digest in reversed(st.session_state.get(_SHOWN, [])):
        run = None if digest == spec.digest else shared.engine().run(digest)
        if run is not None and run.epochs and not run.active and run.spec.dataset == spec.dataset:
            return run
    return None


def difference(run: Run, base: Run) -> PairComparison | None:
    """Return how a run's test accuracy differs from the baseline's; None unless both were tested on the same images."""
    if "test" not in run.figures or "test" not in base.figures or run.spec.dataset != base.spec.dataset:
        return None
    return _difference(run.digest, run.created_at, base.digest, base.created_at, _run=run, _base=base)


@st.cache_resource(show_spinner=False, max_entries=256)
def _difference(
    digest: str, created_at: datetime, base_digest: str, base_created_at: datetime, _run: Run, _base: Run
) -> PairComparison | None:
    part = session.parts_of(_run).test
    of_base = prediction_of(_base, part)
    if of_base is None:
        return None
    return compare_predictions(part.labels, predictions(session.probabilities_of(_run, part)), of_base)


def prediction_of(base: Run | None, part: Part) -> np.ndarray | None:
    """Return what a baseline takes a part's images for, int64 ``(n_images,)``; None if it was measured on others."""
    if base is None or base.spec.dataset != part.dataset.name or part.name not in base.figures:
        return None
    theirs = getattr(session.parts_of(base), part.name)
    try:
        return predictions(in_same_order(part.indices, theirs.indices, session.probabilities_of(base, theirs)))
    except ComparisonError:
        return None


def show(run: Run, pin_key: str | None = None) -> Run | None:
    """Show how the run differs from its baseline, and the buttons that pin, swap and let go; return the baseline.

    ``pin_key`` is the key that pins.
    """
    base = of(run.spec)
    pinned = st.session_state.get(_PINNED)
    if base is None and not (run.evaluated or pinned):
        return None
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="baseline"):
        st.markdown(_words(run, base), width="content")
        clicked = False
        if base is not None and press.button(
            "Swap", key="swap_baseline", type="tertiary", help="Shows the baseline, and pins this run in its place."
        ):
            st.session_state[_PINNED] = run.digest
            session.show_run(base)
            session.fill_form(base.spec)
            clicked = True
        if pinned is not None and press.button(
            "Let go", key="let_baseline_go", type="tertiary", help="The run before the one shown is the baseline again."
        ):
            st.session_state[_PINNED] = None
            clicked = True
        if pinned != run.digest and run.evaluated:
            words = "Keeps this run as the baseline that the next ones are set beside."
            if press.button(":material/keep: Pin", key="pin_baseline", type="tertiary", help=words, shortcut=pin_key):
                st.session_state[_PINNED] = run.digest
                clicked = True
    if clicked:
        st.rerun()  # the form and the address, too: this is drawn by a fragment
    return base


def _words(run: Run, base: Run | None) -> str:
    if base is None:
        if is_pinned(run):
            return ":gray[:material/keep: This run is pinned: change a setting, train, and see what it changes.]"
        return ":gray[Pin this run to set the next ones beside it.]"
    changes = changes_between(base.spec, run.spec)
    named = [change.words for change in changes[:_MOST_NAMED]]
    if len(changes) > _MOST_NAMED:
        named.append(f"{len(changes) - _MOST_NAMED} more")
    mark = ":material/keep: " if is_pinned(base) else ""
    title = plain(spec_title(base.spec, most=HEADING_PARTS))
    verdict = _verdict(run, base)
    # What differs says more than the name of the other; that is in the tooltip of the curves, and below "Swap".
    return f":gray[{mark}Beside] **{plain(', '.join(named)) or title}**{verdict}"


def _verdict(run: Run, base: Run) -> str:
    comparison = difference(run, base)
    if comparison is None:
        if "test" not in run.figures or "test" not in base.figures:
            return ""
        return f" :gray[· it got {percent_text(base.figures['test'].accuracy)} on other test images]"
    low, high = sorted((abs(comparison.low), abs(comparison.high)))
    amount = points_text(abs(comparison.difference))
    if comparison.told_apart:
        word, color = ("better", "green") if comparison.difference > 0 else ("worse", "orange")
        return f" · :{color}[**{word} by {amount}**] :gray[({points_interval_text(low, high)})]"
    interval = points_interval_text(comparison.low, comparison.high)
    return f" · **no difference that these images can show** :gray[({interval})]"


def show_changes(spec: RunSpec) -> list[str]:
    """Show, in the form, what differs from the baseline: a click on a setting puts it back. Return the flat names."""
    base = of(spec)
    if base is None or spec.parent is not None:
        return []
    changes = changes_between(base.spec, spec)
    if not changes:
        return []
    with st.container(horizontal=True, gap="xxsmall", key="changes"):
        st.caption("Changed since the baseline:" if is_pinned(base) else "Changed since the last run:")
        for change in changes:
            _show_change(change, spec, base)
    return [change.name for change in changes]


def _show_change(change: Change, spec: RunSpec, base: Run) -> None:
    if press.button(
        f":material/undo: {plain(change.words)}",
        key=f"put_back_{change.name}",
        type="tertiary",
        help=f"Puts it back to {plain(change.before)}.",
    ):
        try:
            back = put_back(spec, change.name, base.spec)
        except InvalidSetting as problem:
            session.tell(str(problem))
            st.rerun()
        session.apply_spec(back)
