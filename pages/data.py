"""What are the images that the model learns from?"""

import streamlit as st

from digitcore.charts import class_balance_chart
from digitcore.datasets import DATASETS
from digitcore.datasets.splits import class_balance_table, missing_classes
from digitcore.glossary import explain
from digitcore.models import MODELS
from digitcore.runs import RunSpec
from pages.parts import charts, layout, messages, session, view
from pages.parts.data import image_grid, pixel_view
from pages.parts.reading.reading_guide import show_heading

session.enter_page("data")
layout.show_title("Data", "The images themselves, before any model sees them.")

with messages.caught(), view.in_address():
    spec = session.spec()
    session.keep_spec(spec)
    messages.show_link_problems()
    name = view.buttons(
        st,
        "shown",
        "Data set",
        list(DATASETS),
        start=spec.dataset,
        key="data_name",
        format_func=lambda key: DATASETS[key].label,
    )
    parts = "that the form on the Train page asks for"
    if name != spec.dataset:
        # The form's model may not fit other images, and nothing is trained here.
        is_official = DATASETS[name].has_official_split
        spec = RunSpec(dataset=name, model=next(iter(MODELS)), split={"kind": "official"} if is_official else {})
        parts = "that were published" if is_official else "of a random split"
    dataset, split = session.dataset(name), session.split_of(spec)
    height, width = dataset.image_shape
    st.markdown(
        f"{DATASETS[name].description} **{dataset.n_images:,}** images of {height} × {width} pixels, "
        f"values 0 to {dataset.max_value}, {dataset.n_classes} classes."
    )
    if DATASETS[name].source:
        st.caption(messages.plain(f"Source: {DATASETS[name].source}"))

    st.header("The first images")
    image_grid.show_first(dataset)

    show_heading("Class balance", "class_balance", help_text=explain("class balance", "part"))
    st.caption(f"Images of each class in the parts {parts}.")
    st.vega_lite_chart(charts.drawable(class_balance_chart(class_balance_table(split))))

    st.header("Mean image of each class", help=explain("mean image"))
    st.caption("Every pixel is the mean over all images of the class in the training part.")
    image_grid.show_means(session.means_of(spec), dataset, missing_classes(split.train))

    st.header("One image, pixel by pixel", help=explain("pixel"))
    last = dataset.n_images - 1
    index = view.number(st, "pixels_of", "Index", 0, last, 0, key="pixel_index", help="Position in the data set.")
    st.caption(f"Label: {dataset.class_names[dataset.labels[index]]}")
    with st.container(horizontal=True):
        image_grid.show_one(dataset, index)
        pixel_view.show(dataset, index)
