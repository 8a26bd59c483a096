"""What does the model make of one image, and why?"""

from pages.parts import layout, messages, run_picker, session, view
from pages.parts.predict import judgement

session.enter_page("predict")
layout.show_title(
    "Predict",
    "One image: from the data, drawn, or photographed; what the model thinks it is, and what made it think so.",
)

with messages.caught(), view.in_address():
    row = layout.choices()
    run = run_picker.ask_run(row, "probability")
    if run is None:
        view.end_page()
    others = run_picker.ask_others(run, row)
    judgement.show(session.parts_of(run), [run, *others])
