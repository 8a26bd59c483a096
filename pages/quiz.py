"""Do you read better than the model?"""

from digitcore.evaluation import predictions
from pages.parts import layout, messages, run_picker, session, view
from pages.parts.quiz import quiz_round

session.enter_page("quiz")
layout.show_title("Quiz", "Classify the images that the model got wrong. The keys 0 to 9 answer, too.")

with messages.caught(), view.in_address():
    row = layout.choices("quiz_run")
    run = run_picker.ask_run(row, "quiz")
    if run is None:
        view.end_page()
    part = run_picker.ask_part(run, row)
    quiz_round.follow(run, part.name)
    if session.quiz() is None:
        quiz_round.ask_start(part, predictions(session.probabilities_of(run, part)))
    elif not quiz_round.is_over():
        quiz_round.show_question(part)
    else:
        quiz_round.show_result(run, part)
    quiz_round.show_scores(run)
