"""Which images does the model get wrong, and what does it take them for?"""

import streamlit as st

from digitcore.charts import confusion_chart
from digitcore.evaluation import class_metrics_table, confused_pairs_sentences, confused_pairs_table, confusion_table
from digitcore.evaluation import predictions as predicted
from pages.parts import image_grid, messages, run_picker, state

state.enter_page("mistakes")
st.title("Mistakes")
st.caption("Where the model is wrong: class by class, pair by pair, image by image.")

with messages.caught():
    run = run_picker.ask_run()
    if run is None:
        st.stop()
    part_name = run_picker.ask_part(run)
    part = getattr(state.split_of(run.spec), part_name)
    prediction = predicted(state.arrays_of(run)[f"probabilities.{part_name}"])
    names = part.dataset.class_names

    st.subheader("Confusion matrix")
    left, right = st.columns([3, 2], gap="large")
    with right:
        values = st.segmented_control(
            "Cells show",
            ["count", "row_pct"],
            default="count",
            required=True,
            key="confusion_values",
            format_func={"count": "Images", "row_pct": "% of the row"}.__getitem__,
        )
        scale = st.segmented_control(
            "Colour scale",
            ["linear", "log"],
            default="log",
            required=True,
            key="confusion_scale",
            format_func={"linear": "Linear", "log": "Logarithmic"}.__getitem__,
            help="The logarithmic scale shows the rare mistakes beside the many right answers.",
        )
        st.markdown("**Most confused**")
        for sentence in confused_pairs_sentences(confused_pairs_table(part.labels, prediction, names)):
            st.markdown(f"- {messages.plain(sentence)}")
    with left:
        cells = confusion_table(part.labels, prediction, names)
        st.altair_chart(confusion_chart(cells, values=values, scale=scale))

    st.subheader("Wrong predictions")
    image_grid.show_wrong(part, prediction)

    st.subheader("Class by class")
    st.dataframe(
        class_metrics_table(part.labels, prediction, names),
        hide_index=True,
        column_config={
            "class_name": "Class",
            "n_images": "Images",
            **{name: st.column_config.NumberColumn(name.title(), format="percent") for name in ("precision", "recall")},
            "f1": st.column_config.NumberColumn("F1", format="percent"),
        },
        alt="Precision, recall and F1 of every class",
    )
    with st.expander("How to read this"):
        st.markdown(
            "A row of the matrix holds the images of one true class, a column those taken for one class: the diagonal "
            "is right, everything beside it is wrong. **Precision** is the share of the images taken for a class that "
            "are of it, **recall** the share of a class's images that were found, **F1** the harmonic mean of the two. "
            "In the grid the truth stands in blue at the left, the wrong prediction in red at the right."
        )
