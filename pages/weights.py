"""What did the model learn, seen as images?"""

import streamlit as st

from digitcore.images import weights_png
from digitcore.models import MODELS
from digitcore.models.first_layer import first_layer_images, first_layer_titles
from pages.parts import messages, run_picker, state

EXPLANATIONS = {
    "softmax": "One image per class: a bright pixel under **blue** speaks for the class, under **orange** against it.",
    "mlp": "One image per unit of the first hidden layer: a bright pixel under **blue** excites the unit, under "
    "**orange** holds it back.",
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
    weights = {name.removeprefix("weights."): array for name, array in state.arrays_of(run).items()}
    dataset = state.dataset(run.spec.dataset)
    images = first_layer_images(run.spec.model, weights, dataset.image_shape)
    st.markdown(EXPLANATIONS[run.spec.model])
    st.caption(f"{MODELS[run.spec.model].label}: {len(images)} images, one shared scale centred at zero.")
    png = weights_png(images, titles=first_layer_titles(run.spec.model, len(images), dataset.class_names))
    st.image(png, alt=f"{len(images)} weight images, blue positive, orange negative")
