"""Which images does the model get wrong, how sure was it, and what does it take them for?"""

import streamlit as st

from digitcore.evaluation import class_metrics_table, predictions
from digitcore.experiments.tables import in_percent
from digitcore.wording import PERCENT_COLUMN
from pages.parts import messages, run_picker, session
from pages.parts.mistakes import confidence_view, label_issues, mistake_browser

session.enter_page("mistakes")
st.title("Mistakes")
st.caption("Where the model is wrong: class by class, pair by pair, image by image.")

with messages.caught():
    run = run_picker.ask_run()
    if run is None:
        st.stop()
    part = run_picker.ask_part(run)
    probabilities = session.probabilities_of(run, part)

    mistake_browser.show(run, part, probabilities)

    confidence_view.show(run, part, probabilities)

    st.subheader("Class by class")
    shares = ("precision", "recall", "f1")
    metrics = class_metrics_table(part.labels, predictions(probabilities), part.dataset.class_names)
    st.dataframe(
        in_percent(metrics, shares),
        hide_index=True,
        column_config={
            "class_name": "Class",
            "n_images": "Images",
            **{name: st.column_config.NumberColumn(name.title(), format=PERCENT_COLUMN) for name in shares},
        },
        alt="Precision, recall and F1 of each class",
    )
    label_issues.show(run)
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
