"""What are the images that the model learns from?"""

import streamlit as st

from digitcore.charts import class_balance_chart
from digitcore.datasets import DATASETS
from digitcore.datasets.splits import class_balance_table, missing_classes
from digitcore.glossary import explain
from digitcore.models import MODELS
from digitcore.runs import RunSpec
from pages.parts import charts, messages, session
from pages.parts.data import image_grid, pixel_view

session.enter_page("data")
st.title("Data")
st.caption("The images themselves, before any model sees them.")

with messages.caught():
    spec = session.spec(entered=True)
    messages.show_link_problems()
    name = st.segmented_control(
        "Data set",
        list(DATASETS),
        default=spec.dataset,
        required=True,
        key="data_name",
        format_func=lambda key: DATASETS[key].label,
    )
    if name != spec.dataset:
        # The form's model may not fit other images, and nothing is trained here.
        spec = RunSpec(dataset=name, model=next(iter(MODELS)))
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

    st.header("Class balance", help=explain("class balance", "part"))
    st.caption("Images of each class in the parts that the form on the Train page asks for.")
    st.vega_lite_chart(charts.drawable(class_balance_chart(class_balance_table(split))))

    st.header("Mean image of each class", help=explain("mean image"))
    st.caption("Every pixel is the mean over all images of the class in the training part.")
    image_grid.show_means(session.means_of(spec), dataset, missing_classes(split.train))

    st.header("One image, pixel by pixel", help=explain("pixel"))
    index = st.number_input("Index", 0, dataset.n_images - 1, 0, key="pixel_index", help="Position in the data set.")
    st.caption(f"Label: {dataset.class_names[dataset.labels[index]]}")
    image_grid.show_one(dataset, index)
    pixel_view.show(dataset, index)
