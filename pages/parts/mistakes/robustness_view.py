"""How accurate a run stays when its images get worse, and what such images look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.charts import robustness_chart
from digitcore.datasets import Part
from digitcore.evaluation.robustness import mean_corruption_accuracy, robustness_figures, robustness_sentence
from digitcore.experiments.tables import in_percent
from digitcore.glossary import explain
from digitcore.images.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from digitcore.runs import Run
from digitcore.runs.arrays import RunArrays
from digitcore.runs.computations import Computation
from digitcore.runs.robustness import corrupted_positions, run_robustness
from digitcore.runs.summary import run_labels
from digitcore.wording import counted
from pages.parts import layout, messages, session, shared, view, visitor
from pages.parts.charts import drawable
from pages.parts.pictures import show_images
from pages.parts.reading.reading_guide import show_heading
from pages.parts.waiting import tell_end, wait_for

# Six panels beside each other on a laptop, two on a phone.
PANEL_WIDTH = 172
NAMES = ("this run", "the second run")
NO_RUN = ""
_TASK = "The measurement of robustness"
READING = "Accuracy (%) by severity, with 95 % intervals; the most harmful corruption comes first."


def show(run: Run, part: Part) -> None:
    """Offer the measurement, show how far it is, and what it found."""
    n_images = len(corrupted_positions(part.n_images))
    drawn = "" if n_images == part.n_images else ", drawn at random"
    show_heading("Robustness", "robustness", help_text=explain("robustness", "severity"))
    st.caption(
        f"How accurate the model stays when images get worse: {counted(n_images, 'image')} of the {part.name} part"
        f"{drawn}, corrupted in twelve ways at five severities each."
    )
    row = layout.choices("robustness")
    runs = [run, *(second for second in _ask_second(run, row) if not (second.covered and part.name == "test"))]
    asked, in_vain = view.costly(
        "robustness",
        key=f"robustness_{run.digest}",
        asked=session.measures_robustness(run),
        ask=lambda: session.measure_robustness(run),
        is_known=lambda: all(shared.engine().knows_computation(_key(each, part.name)) for each in runs),
    )
    if not asked:
        if in_vain:
            st.info("The link shows what this measurement finds: press the button to start it here.")
        layout.start_place("robustness").button(
            "Measure robustness", on_click=session.measure_robustness, args=(run,), width="stretch"
        )
        return
    computations = _computations(runs, part.name)
    failed = next((each for each in computations if each.state == "failed"), None)
    if failed is not None:
        tell_end(_TASK, _key(run, part.name), failed=True)
        st.error(messages.plain(failed.reason))
        st.button("Try again", on_click=_forget, args=(runs, part.name), key="robustness_again")
    elif all(each.state == "done" for each in computations):
        tell_end(_TASK, _key(run, part.name))
        _show_result(run, part, runs, [each.result for each in computations])
    else:
        words = "runs are measured" if len(runs) > 1 else "The corrupted images are classified; the charts appear here."
        wait_for(
            lambda: _computations(runs, part.name),
            words,
            task=_TASK,
            subject=_key(run, part.name),
            stop=lambda: _stop(runs, part.name),
            key="stop_robustness",
            height=layout.CHART_HEIGHT,
        )


def _ask_second(run: Run, row: DeltaGenerator) -> list[Run]:
    """Let the user choose a second run with the same parts; none while there is none."""
    others = {
        other.digest: other
        for other in session.recent_runs()
        if (other.spec.dataset, other.spec.split) == (run.spec.dataset, run.spec.split) and other.digest != run.digest
    }
    if not others:
        return []
    labels = run_labels(list(others.values()))
    digest = view.select(
        row,
        "second_run",
        "Second run",
        [NO_RUN, *others],
        format_func=lambda digest: labels.get(digest, "none"),
        key=f"robustness_second_{run.digest}",
        expected="the digest of a kept run on the same images",
        help="Another run on the same images, split in the same way.",
    )
    second = shared.engine().run(digest) if digest != NO_RUN else None
    return [second] if second is not None and second.evaluated else []


def _computations(runs: Sequence[Run], part_name: str) -> list[Computation]:
    engine, name = shared.engine(), visitor.name()
    return [
        engine.compute(
            _key(run, part_name),
            run_robustness,
            run,
            RunArrays(session.arrays_of(run)).weights,
            part_name,
            visitor=name,
            kept_with=run.digest,
        )
        for run in runs
    ]


def _key(run: Run, part_name: str) -> str:
    return f"robustness-{run.digest}-{run.created_at:%Y%m%d%H%M%S%f}-{part_name}"


def _stop(runs: Sequence[Run], part_name: str) -> None:
    for run in runs:
        shared.engine().cancel_computation(_key(run, part_name), visitor.name())
    session.measure_robustness(runs[0], wanted=False)


def _forget(runs: Sequence[Run], part_name: str) -> None:
    for run in runs:
        shared.engine().forget_computation(_key(run, part_name))


@view.fragment
@messages.caught()
def _show_result(run: Run, part: Part, runs: Sequence[Run], tables: Sequence[pd.DataFrame]) -> None:
    second = tables[1] if len(tables) > 1 else None
    st.markdown(robustness_sentence(tables[0], second, NAMES if second is not None else ()))
    if second is not None:
        st.caption(f"Solid: {NAMES[0]}. Dashed: {NAMES[1]}. {READING}")
    else:
        st.caption(READING)
    labels = list(mean_corruption_accuracy(tables[0]).index)
    keys = "-".join(_key(each, part.name) for each in runs)
    with st.container(horizontal=True, gap="small", key="robustness_panels"):
        for label in labels:
            chart = shared.charts.get(("robustness", keys, label), lambda label=label: _panel(tables, label))
            st.vega_lite_chart(chart, width=PANEL_WIDTH)
    with view.expander(st, "open_figures", "All figures"):
        _show_figures(tables, labels)
    _show_images(part, labels)


def _panel(tables: Sequence[pd.DataFrame], label: str) -> dict:
    chosen = [table[table["label"] == label] for table in tables]
    return drawable(robustness_chart(*chosen, names=NAMES))


def _show_figures(tables: Sequence[pd.DataFrame], labels: Sequence[str]) -> None:
    for table, name in zip(tables, NAMES, strict=False):
        figures = robustness_figures(table).loc[list(labels)].reset_index()
        severities = [column for column in figures.columns if column != "label"]
        if len(tables) > 1:
            st.markdown(f"**{name.capitalize()}**")
        st.dataframe(
            in_percent(figures, severities),
            hide_index=True,
            column_config={
                "label": st.column_config.TextColumn("Corruption"),
                **{
                    severity: st.column_config.NumberColumn(
                        "Uncorrupted (%)" if severity == "0" else f"At severity {severity} (%)", format="%.2f"
                    )
                    for severity in severities
                },
            },
            alt=f"Accuracy of {name} under each corruption at each severity",
        )


def _show_images(part: Part, labels: Sequence[str]) -> None:
    """Show one image of the part under every corruption."""
    row = layout.choices("corrupted")
    severity = view.stops(
        row,
        "severity",
        "Severity of the images below",
        SEVERITIES,
        3,
        key="corruption_severity",
        help=explain("severity"),
    )
    index = view.number(
        row,
        "corrupted_image",
        "Index",
        0,
        part.n_images - 1,
        0,
        key=f"corrupted_index_{part.name}",
        help=f"Position in the {part.name} part.",
    )
    image, most = part.take(index)[np.newaxis], part.dataset.max_value
    names = {corruption.label: name for name, corruption in CORRUPTIONS.items()}
    worse = np.concatenate([corrupted(image, names[label], severity, max_value=most) for label in labels])
    show_images(worse, most, titles=labels, alt=f"Image {index} at severity {severity}", key="corrupted_images")
