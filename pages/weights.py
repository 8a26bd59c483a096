"""What did the model learn, seen as images?"""

import streamlit as st

from digitcore.models.first_layer import first_layer_images, first_layer_titles
from pages.parts import image_grid, messages, run_picker, state

EXPLANATIONS = {
    "softmax": "One image per class. Ink on :blue[**blue**] speaks for the class, ink on :orange[**orange**] "
    "against it.",
    "mlp": "One image per unit of the first hidden layer. Ink on :blue[**blue**] excites the unit, ink on "
    ":orange[**orange**] holds it back.",
    "cnn": "One image per kernel of the first convolution: each is moved over the whole image and answers where the "
    "picture looks like it.",
}

state.enter_page("weights")
st.title("Weights")
st.caption("The first layer of the model, pixel by pixel.")

with messages.caught():
    run = run_picker.ask_run()
    if run is None:
        st.stop()
    arrays, dataset = state.arrays_of(run), state.dataset(run.spec.dataset)
    weights = {name.removeprefix("weights."): array for name, array in arrays.items()}
    images = first_layer_images(run.spec.model, weights, dataset.image_shape)
    titles = first_layer_titles(weights, dataset.class_names)
    st.markdown(EXPLANATIONS[run.spec.model])
    image_grid.show_weights(images, titles)
    with st.expander("How to read this"):
        st.markdown(
            "Every image shares one scale, symmetric about zero: white is no weight, a stronger colour a larger one. "
            "Biases are left out. Pixels that are the same in every training image (the corners, mostly) keep the "
            "weights they started with."
        )
