"""Is the difference between these trainings real?"""

from pages.parts import layout, messages, session, view
from pages.parts.compare import chosen_runs, curve_view, difference_view, edit_view, findings, run_table, settings_view

if session.enter_page("compare"):
    session.forget_deleted()
layout.show_title("Compare", "Is the difference real? Choose trainings in the table, and see what they say together.")

with messages.caught(), view.in_address():
    session.compared()
    edit_view.offer_undo()
    listed = run_table.show()
    if listed is None:
        view.end_page()
    chosen = chosen_runs.ask(listed)
    edit_view.show(chosen)
    models = chosen_runs.models_of(chosen)
    if not models:
        view.end_page()
    part, comparison = findings.show(models)
    settings_view.show(models)
    curve_view.show(models)
    if comparison is not None:
        difference_view.show(models, part)
