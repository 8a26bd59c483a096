"""Which images does the model get wrong, how sure was it, and what does it take them for?"""

from pages.parts import layout, messages, part_lock, run_picker, session, view
from pages.parts.mistakes import class_table, confidence_view, label_issues, mistake_browser, robustness_view

session.enter_page("mistakes")
layout.show_title("Mistakes", "Where the model is wrong: class by class, pair by pair, image by image.")

with messages.caught(), view.in_address():
    row = layout.choices()
    run = run_picker.ask_run(row, "confusion")
    if run is None:
        view.end_page()
    part = run_picker.ask_part(run, row)
    if part.name == "test":
        part_lock.show_looks(run)
    probabilities = session.probabilities_of(run, part)

    mistake_browser.show(run, part, probabilities)

    confidence_view.show(run, part, probabilities)

    class_table.show(run, part, probabilities)

    robustness_view.show(run, part)
    label_issues.show(run)
