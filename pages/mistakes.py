"""Which images does the model get wrong, how sure was it, and what does it take them for?"""

import streamlit as st

from digitcore.evaluation import class_metrics_table, predictions
from digitcore.experiments.tables import in_percent
from digitcore.glossary import explain
from digitcore.wording import PERCENT_COLUMN
from pages.parts import layout, messages, run_picker, session, view
from pages.parts.mistakes import confidence_view, label_issues, mistake_browser

# Column, heading, and what the heading means.
SHARES = (
    ("precision", "Precision", explain("precision")),
    ("recall", "Recall", explain("recall")),
    ("f1", "F1", explain("F1")),
)

session.enter_page("mistakes")
st.title("Mistakes")
st.caption("Where the model is wrong: class by class, pair by pair, image by image.")

with messages.caught(), view.in_address():
    row = layout.choices()
    run = run_picker.ask_run(row)
    if run is None:
        st.stop()
    part = run_picker.ask_part(run, row)
    probabilities = session.probabilities_of(run, part)

    mistake_browser.show(run, part, probabilities)

    confidence_view.show(run, part, probabilities)

    st.subheader("Class by class")
    metrics = class_metrics_table(part.labels, predictions(probabilities), part.dataset.class_names)
    st.dataframe(
        in_percent(metrics, [name for name, _, _ in SHARES]),
        hide_index=True,
        column_config={
            "class_name": st.column_config.TextColumn("Class", help=explain("class")),
            "n_images": "Images",
            **{
                name: st.column_config.NumberColumn(title, format=PERCENT_COLUMN, help=words)
                for name, title, words in SHARES
            },
        },
        alt="Precision, recall and F1 of each class",
    )
    label_issues.show(run)
