"""A training as the user follows it: figures, curves and what the model makes of the images, on one screen."""

from __future__ import annotations

import streamlit as st

from digitcore.glossary import explain
from digitcore.runs import Run, RunSpec
from digitcore.runs.progress import Progress, milestone_text, progress_of
from digitcore.runs.summary import end_text, is_trained_harder
from digitcore.specs.recipes import recipe_of
from digitcore.specs.titles import spec_title
from digitcore.wording import about_text, loss_text, percent_text, unbroken
from pages.parts import announcer, layout, part_lock, session, shared, stop_button, view, visitor
from pages.parts.messages import plain
from pages.parts.reading.reading_guide import show_guide
from pages.parts.train import baseline, close_ups, curves_view, figures_view, pace, verdict_view
from pages.parts.train.presenting import Presentation


def chosen_run(spec: RunSpec) -> Run | None:
    """Return the run that the page shows: that of ``spec``, or the one that this user started or opened last."""
    engine, shown = shared.engine(), session.shown_run()
    own = engine.run(spec.digest)
    other = engine.run(shown) if shown and shown != spec.digest else None
    is_preferred = other is not None and (other.active or session.is_changed_of(other.digest, spec))
    return other if is_preferred or own is None else own


def show_note(spec: RunSpec, *, start: str) -> None:
    """Say what is shown if it is not the run of ``spec``, with a way back, or what to press if there is nothing.

    ``start`` is the button for a training.
    """
    run = chosen_run(spec)
    if run is None:
        words = f"Nothing trained yet with these settings: press **{start}**, and the curves grow here."
        st.info(words, icon=layout.EMPTY)
        # Empty axes show where, and the browser has the chart library loaded when the first epoch comes.
        curves_view.show_curves(Run(spec, "queued"), baseline.of(spec))
    elif run.digest != spec.digest:
        is_changed = session.is_changed_of(run.digest, spec)
        words, button = layout.with_button("settings")
        words.caption(_note(run, is_changed=is_changed))
        label, action = (
            ("Show it as trained", session.show_run) if is_changed else ("Show its settings", session.fill_form)
        )
        button.button(label, key="show_settings", on_click=action, args=(run.spec.as_trained,), width="stretch")


def _note(run: Run, *, is_changed: bool) -> str:
    title = plain(spec_title(run.spec))
    if is_changed:
        return f"These are the results of **{title}**: weights changed after the training."
    if run.active:
        return f"Training **{title}**. The form has other settings by now."
    return f"These are the results of **{title}**; the form has other settings by now."


def show_run(spec: RunSpec, presentation: Presentation, *, was_active: bool) -> None:
    """Show the run of ``spec``, or the one that this user started or opened last.

    If the run of ``spec`` ``was_active`` when the button above was drawn, the page is drawn again once it has ended.
    """
    run = chosen_run(spec)
    if run is not None:
        if run.digest == spec.digest:
            session.show_run(run)
        _live(run.digest, run.active or was_active, presentation)


def _live(digest: str, active: bool, presentation: Presentation) -> None:
    every_seconds = pace.seconds() if active else None

    @view.fragment(run_every=every_seconds)
    def live() -> None:
        run = shared.engine().run(digest)
        # With others who watch, or fewer of them, the page takes another pace, which it can only as a whole.
        if active and (not run.active or pace.is_other(pace.seconds(), every_seconds)):
            st.rerun()
        baseline.note_shown(run)
        # Each has a place of its own, so that nothing moves and is seen twice when the training ends.
        state, said, beside, story, end = (st.container() for _ in range(5))
        progress = progress_of(run) if run.active else None
        with state:
            _show_state(run, presentation) if progress is None else _show_progress(run, progress, presentation)
        with said:
            _announce(run, progress)
        with beside:
            base = baseline.show(run, presentation.key("pin"))
        # Empty axes until the first epoch comes: then nothing on the page moves.
        if run.epochs or run.active:
            with story:
                _show_story(run, base)
        if not (run.active or presentation.on):
            with end:
                _show_end(run)

    live()


def _show_story(run: Run, base: Run | None) -> None:
    """Show, beside each other, how the training went and what the model makes of the images."""
    close_up = close_ups.close_up_of(run, base)
    history, images = st.columns([5, 3], gap="medium")
    with history:
        figures_view.show(run, base)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.header("Curves", help=explain("epoch", "loss", "nats", "accuracy"), width="content")
            show_guide("curves")
            log = curves_view.ask_log()
        curves_view.show_curves(run, base, log=log)
        with st.container():
            _show_notes(run)
        _show_link("pages/weights.py", "First layer")
        weights_place = st.container(key="first_layer")
    with images:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show_link("pages/mistakes.py", "Confusion matrix")
            difference = close_up is not None and close_up.can_differ and _ask_difference()
        close_ups.show_matrix(run, close_up, difference=difference)
        _show_link("pages/mistakes.py", "Wrong predictions", key="wrong")
        close_ups.show_wrong(run, close_up)
    with weights_place:
        close_ups.show_weights_of(close_up, difference=difference)


def _show_notes(run: Run) -> None:
    """Say what the curves and the close-ups are of, where it is not plain."""
    if run.evaluated and is_trained_harder(run.spec):
        st.caption(
            "The line of the training part is measured during each epoch, on its images as they are trained on: with "
            "dropout, changed, or only the hardest. The figure above it is that of all training images as they are, "
            "without dropout."
        )
    if run.spec.members > 1:
        st.caption(
            f"Curves are means of the {run.spec.members} models; matrix and wrong predictions are those of their "
            "vote. The first layer is the first model's."
        )


def _ask_difference() -> bool:
    words = "Shows matrix and weights minus the baseline's."
    return view.toggle(st, "difference", "Difference", key="close_up_difference", help=words)


def _show_link(page: str, title: str, key: str = "") -> None:
    """Show a heading that leads to the page where there is more of what is below it."""
    with st.container(key=f"to_{key or page[6:-3]}", width="content"):
        st.page_link(page, label=f"**{title}** :material/arrow_forward:")


def _show_progress(run: Run, progress: Progress, presentation: Presentation) -> None:
    if run.reason:
        st.warning(plain(run.reason))
    if run.state == "queued":
        text = "Waiting for a free worker"
    elif not run.epochs:
        text = f"Epoch 1 of {progress.n_epochs:,} ..."
    else:
        last = run.epochs[-1]
        left = f" · {about_text(progress.seconds_left)} left" if progress.seconds_left else ""
        text = (
            f"Epoch {progress.n_done:,} of {progress.n_epochs:,}{left} · "
            f"loss {loss_text(last.train_loss)} · accuracy {percent_text(last.train_accuracy, 1)}"
        )
        if progress.n_done == progress.n_epochs:
            text = f"All {progress.n_epochs:,} epochs done, evaluating ..."
    bar, stop = layout.with_button("stop")
    bar.progress(progress.fraction, text=unbroken(text))
    engine = shared.engine()
    stop_button.show(
        stop,
        engine.cancel,
        run.digest,
        allowed=engine.may_stop(run.digest, visitor.name()),
        stopping=run.stopping,
        shortcut=presentation.key("stop"),
    )


def _announce(run: Run, progress: Progress | None) -> None:
    if progress is None:
        announcer.announce(run.digest, end_text(run), is_end=True)
    elif run.epochs:
        announcer.announce(run.digest, milestone_text("The training", progress.fraction))


def _show_state(run: Run, presentation: Presentation) -> None:
    """Say what is to be said of a run that has ended: what went wrong, the verdict, what can follow."""
    if run.state == "failed":
        st.error(plain(run.reason))
    elif run.reason:
        st.warning(plain(run.reason))
    if run.state == "cancelled":
        st.info(
            f"Stopped after {len(run.epochs):,} of {run.spec.parameters['epochs']:,} epochs; what was learned is kept."
        )
    verdict_view.show(run, alone=presentation.on)
    if run.evaluated and run.covered:
        part_lock.offer_opening([run])


def _show_end(run: Run) -> None:
    if run.evaluated:
        if not run.covered:
            part_lock.show_looks(run)
        _show_recipe(run)


def _show_recipe(run: Run) -> None:
    recipe = recipe_of(run.spec)
    if recipe is not None:
        with view.expander(st, "open_recipe", "About this recipe"):
            st.markdown(f"{plain(recipe.summary)} From: {plain(recipe.source)}.")
            for note in recipe.notes:
                st.markdown(f"- {plain(note)}")
