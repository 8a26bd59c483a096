"""What does each setting do to a training, seen in prepared pairs of trainings?"""

import streamlit as st

from pages.parts import layout, messages, session, view
from pages.parts.phenomena import gallery

session.enter_page("phenomena")
layout.show_title(
    "Phenomena", "Each opens Train with a baseline, a variation of it, and what to watch when both are trained."
)

with messages.caught(), view.in_address(), st.container():
    gallery.show()
