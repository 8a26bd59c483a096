"""Which images does the model get wrong, how sure was it, and what does it take them for?"""

import streamlit as st

from digitcore.calibration import (
    calibration_sentence,
    confidence_table,
    coverage_table,
    expected_calibration_error,
    refusal_sentence,
    reliability_table,
)
from digitcore.calibration_charts import confidence_chart, coverage_chart, reliability_chart
from digitcore.evaluation import class_metrics_table, predictions
from digitcore.runs.report import percent_text
from pages.parts import messages, mistake_browser, run_picker, state, suspects

state.enter_page("mistakes")
st.title("Mistakes")
st.caption("Where the model is wrong: class by class, pair by pair, image by image.")

with messages.caught():
    run = run_picker.ask_run()
    if run is None:
        st.stop()
    part_name = run_picker.ask_part(run)
    part = getattr(state.split_of(run.spec), part_name)
    probabilities = state.arrays_of(run)[f"probabilities.{part_name}"]

    mistake_browser.show(part, probabilities)

    st.subheader("Is it right when it is sure?")
    reliability, coverage = reliability_table(part.labels, probabilities), coverage_table(part.labels, probabilities)
    view = st.segmented_control(
        "View",
        ["Reliability", "Confidence", "Refusing the unsure"],
        default="Reliability",
        required=True,
        key="confidence_view",
        label_visibility="collapsed",
    )
    if view == "Reliability":
        st.altair_chart(reliability_chart(reliability))
        error = percent_text(expected_calibration_error(reliability))
        st.markdown(f"{calibration_sentence(reliability)} Expected calibration error: **{error}**.")
    elif view == "Confidence":
        st.altair_chart(confidence_chart(confidence_table(part.labels, probabilities)))
    else:
        st.altair_chart(coverage_chart(coverage))
        st.markdown(refusal_sentence(coverage))

    st.subheader("Class by class")
    st.dataframe(
        class_metrics_table(part.labels, predictions(probabilities), part.dataset.class_names),
        hide_index=True,
        column_config={
            "class_name": "Class",
            "n_images": "Images",
            **{name: st.column_config.NumberColumn(name.title(), format="percent") for name in ("precision", "recall")},
            "f1": st.column_config.NumberColumn("F1", format="percent"),
        },
        alt="Precision, recall and F1 of every class",
    )
    suspects.show(run)
    with st.expander("How to read this"):
        st.markdown(
            "A row of the matrix holds the images of one true class, a column those taken for one class: the diagonal "
            "is right, everything beside it is wrong. Above an image the truth stands in blue at the left, the wrong "
            "prediction in red at the right. **Confidence** is the probability that the model gave its own answer; in "
            "the reliability diagram bars below the dashed line are predictions it was too sure of, and the **expected "
            "calibration error** is the mean distance from that line. **Precision** is the share of the images taken "
            "for a class that are of it, **recall** the share of a class's images that were found, **F1** the harmonic "
            "mean of the two."
        )
