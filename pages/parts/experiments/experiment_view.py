"""An experiment as the user follows it: progress, what has come so far, each member's row."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from digitcore.experiments import Experiment, Plan
from digitcore.experiments.experiment import ExperimentProgress, progress_of_experiment
from digitcore.experiments.summary import member_columns, plan_words
from digitcore.experiments.tables import in_percent, labelled, members_table
from digitcore.glossary import explain
from digitcore.runs import Run
from digitcore.runs.progress import milestone_text
from digitcore.runs.store import KeptExperiment
from digitcore.runs.summary import distinct_labels
from digitcore.specs.settings import all_settings
from digitcore.wording import about_text, counted, duration_text
from pages.parts import announcer, layout, press, session, shared, stop_button, view, visitor
from pages.parts.experiments import fold_view, learning_curve_view, recipe_view, sweep_view
from pages.parts.messages import attempt, caught, plain
from pages.parts.reading.reading_guide import show_empty

POLL_SECONDS = 1.0
VIEWS = {
    "cross-validation": fold_view,
    "sweep": sweep_view,
    "learning-curve": learning_curve_view,
    "recipe": recipe_view,
}
# The guide whose picture shows what will be here.
EXAMPLES = {
    "cross-validation": "folds",
    "sweep": "sweep",
    "learning-curve": "learning_curve",
    "recipe": "published",
}
ACCURACIES = {
    "train_accuracy": "Train (%)",
    "validation_accuracy": "Validation (%)",
    "test_accuracy": "Test (%)",
}


def show(kind: str, plan: Plan | None) -> None:
    """Show the experiment of this kind that was started or opened last; say so if it is not the form's ``plan``."""
    labels = {digest: _label(*each) for digest, each in session.recent_experiments(kind).items()}
    linked = session.linked_experiment()
    if linked is not None and kind == linked.plan.KIND:
        labels.setdefault(linked.digest, plan_words(linked.plan))
    if not labels:
        session.show_experiment(None)
        words = "Nothing of this kind yet: press **Start**, and the results appear here as they come."
        show_empty(words, EXAMPLES[kind])
        return
    key = session.experiment_key(kind)
    start = linked.digest if linked is not None and linked.digest in labels else next(iter(labels))
    # What was just started is shown, whatever was chosen before.
    just_started = session.take_started()
    if just_started:
        st.session_state[key] = start
    labels = distinct_labels(labels)
    if session.missing_experiment() and not just_started:
        # Nothing is shown in place of what a link asks for.
        chosen = st.session_state.get(key)
    else:
        chosen = session.widget_value(key, start, labels)
    digest = st.selectbox(
        "Experiment",
        list(labels),
        index=list(labels).index(chosen) if chosen in labels else None,
        format_func=labels.__getitem__,
        key=key,
        placeholder="choose an experiment",
    )
    if digest is None:
        st.info("Choose an experiment above, or press **Start** for a new one.", icon=layout.NOTHING_FITS)
        return
    session.show_experiment(digest)
    if plan is not None and plan.digest != digest:
        wanted = "choose its experiment above" if plan.digest in labels else "press **Start** to run them"
        st.caption(f"The form has other settings than this experiment: {wanted}.")
    _live(digest, not session.experiment(digest).settled)


def show_reading_help(kind: str) -> None:
    """Say what this kind of experiment does."""
    with st.expander("What this experiment does"):
        st.markdown(HELP[kind])


def _label(kept: KeptExperiment, words: str) -> str:
    return f"{words} · {kept.created_at:%d %b %H:%M} UTC"


def _live(digest: str, changing: bool) -> None:
    @view.fragment(run_every=POLL_SECONDS if changing else None)
    @caught()
    def live() -> None:
        experiment = session.experiment(digest)
        if changing and experiment.settled:
            st.rerun()
        # Each has a place of its own, so that nothing moves and is seen twice when the experiment ends.
        state, said, results, members = (st.container() for _ in range(4))
        progress = progress_of_experiment(experiment, shared.engine().n_workers)
        with state:
            _show_progress(experiment, progress)
        with said:
            _announce(experiment, progress)
        table = members_table(experiment)
        with results:
            VIEWS[experiment.plan.KIND].show(experiment, table)
        with members:
            _show_members(experiment, table)

    live()


def _show_progress(experiment: Experiment, progress: ExperimentProgress) -> None:
    if experiment.reason:
        st.warning(plain(experiment.reason))
    ended = f"{progress.n_ended} of {progress.n_trainings} trainings"
    if experiment.state == "running":
        experiments = shared.experiments()
        bar, stop = layout.with_button("stop")
        left = f" · {about_text(progress.seconds_left)} left" if progress.fraction < 1 else ""
        bar.progress(progress.fraction, text=f"{ended}{left}")
        stop_button.show(
            stop,
            experiments.stop,
            experiment.digest,
            allowed=experiments.may_stop(experiment, visitor.name()),
            stopping=experiment.stopping,
            key="stop_experiment",
        )
        return
    n_failed = sum(run.state == "failed" for run in experiment.runs.values())
    if experiment.state == "stopped" or progress.n_ended < progress.n_trainings:
        words, again = f"Stopped after {ended}; what was trained is kept.", "Go on"
    elif n_failed:
        words, again = f"{ended}, {n_failed} of them failed: the table says why.", "Try them again"
    else:
        st.caption(f"{ended} in {duration_text(experiment.seconds)}")
        return
    info, button = layout.with_button("resume")
    info.info(words)
    button.button(
        again,
        key="resume_experiment",
        on_click=attempt,
        args=(session.start_experiment, experiment.plan),
        width="stretch",
    )


def _announce(experiment: Experiment, progress: ExperimentProgress) -> None:
    if experiment.state == "running":
        announcer.announce(experiment.digest, milestone_text("The experiment", progress.fraction))
    else:
        announcer.announce(experiment.digest, "The experiment has ended.", is_end=True)


def _show_members(experiment: Experiment, table: pd.DataFrame) -> None:
    st.header("Every training")
    names = member_columns(experiment.plan)
    shown = labelled(table, [name for name in names if name in all_settings()])
    accuracies = [name for name in ACCURACIES if table[name].notna().any()]
    has_reasons = table["reason"].fillna("").any()
    draw = partial(
        st.dataframe,
        in_percent(shown, accuracies),
        hide_index=True,
        column_order=[*names, "state", *accuracies, "epochs_trained", "seconds", *(["reason"] if has_reasons else [])],
        column_config={
            **names,
            "n_train": st.column_config.NumberColumn(names.get("n_train"), format="%,d"),
            **{
                name: st.column_config.NumberColumn(label, format="%.2f", help=explain("accuracy"))
                for name, label in ACCURACIES.items()
            },
            "state": "State",
            "epochs_trained": st.column_config.NumberColumn("Epochs", format="%,d", help=explain("epoch")),
            "seconds": st.column_config.NumberColumn("Time (s)", format="%,.2f"),
            "reason": "Reason",
        },
        placeholder="",
        alt="A row for each training, with its settings, state and accuracies",
    )
    digest = view.row("member", table["digest"].tolist(), draw, key=f"members_{experiment.digest}")
    n_covered = sum(run.covered and run.evaluated for run in experiment.runs.values())
    if n_covered:
        st.caption(f":material/lock: The test figures of {counted(n_covered, 'training')} are locked.")
    left, right = st.columns([1, 4], vertical_alignment="center")
    csv = table.to_csv(index=False).encode()
    left.download_button("Save as CSV", csv, f"{experiment.plan.KIND}-{experiment.digest}.csv", "text/csv")
    with right:
        _offer_run(experiment.runs.get(digest))


def _offer_run(run: Run | None) -> None:
    if run is None:
        st.caption(
            "Click on a row, or press Shift + Space in it, to open its run. A chart's own menu saves it as an image."
        )
    elif press.button("Open this run", key="open_member"):
        session.open_run(run)


HELP = {
    "cross-validation": (
        "The training part is divided into equal **folds**; each is held out once while the model learns from the "
        "others. The line is the mean over the folds, the band one **standard deviation** to each side: how much a "
        "figure depends on which images happened to be held out. The confusion matrix pools the predictions of all "
        "held-out images, each made by a model that has not seen the image. A test part takes no part in this. **Early "
        "stopping** watches images taken out of the other folds, never the fold that is scored; the curves are theirs."
    ),
    "sweep": (
        "Every point is the same training but for the settings varied. With several **seeds** per point the bar is one "
        "standard deviation to each side: differences within it are noise. **Successive halving** trains all points "
        "for a few epochs, and only the best for more, going on where they stood. **Importance** is the share of the "
        "differences in accuracy that a setting explains, measured with a random forest on points that its trees have "
        "not seen. What nothing explains is noise."
    ),
    "learning-curve": (
        "The same training on more and more images, drawn anew at each repeat. Where the **gap** between training "
        "and held-out images is wide, the model is memorising its training images, and more images help. Where the "
        "lines have met, more images bring little: a larger model may."
    ),
    "learning-rate": (
        "One short training in which the learning rate grows with every batch. While it is too small nothing happens; "
        "then the loss falls, and at last it explodes. The suggested rate is a third of that with the lowest loss. Try "
        "a third of it if the training jumps about."
    ),
    "recipe": (
        "Each figure that the recipe's source published stands beside the same training here. The sources trained "
        "once, with a seed that nobody knows: train several **seeds**, and the bar (one standard deviation to each "
        "side) shows which differences are noise."
    ),
}
