"""Which images are alike to the eye, which to the model, and where do the mistakes lie?"""

import streamlit as st

from digitcore.evaluation import predictions
from digitcore.insight.projection import is_one_point, map_table, sample_positions
from pages.parts import layout, messages, run_picker, session, view
from pages.parts.map import image_map

session.enter_page("map")
layout.show_title(
    "Map", "Every image is a point, and similar images lie near each other. Drag a rectangle to see the images in it."
)

with messages.caught(), view.in_address():
    row = layout.choices()
    run = run_picker.ask_run(row, "map")
    if run is None:
        view.end_page()
    part = run_picker.ask_part(run, row)
    source, method = image_map.ask_view(run, row)
    if source == "hidden" and run.spec.members > 1:
        st.caption(f"The hidden layer is that of the first of the {run.spec.members} models that vote.")
    coordinates = image_map.coordinates(run, part, source, method)
    if coordinates is not None and is_one_point(coordinates):
        st.info(image_map.ONE_POINT[source], icon=layout.NOTHING_FITS)
    elif coordinates is not None:
        positions = sample_positions(part.n_images)
        prediction = predictions(session.probabilities_of(run, part))
        table = map_table(
            coordinates, positions, part.labels[positions], prediction[positions], part.dataset.class_names
        )
        image_map.show(part, table, key=f"{run.digest}_{run.created_at:%Y%m%d%H%M%S%f}_{source}_{method}")
