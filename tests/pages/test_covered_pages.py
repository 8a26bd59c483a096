"""No page tells the test figures of a run whose test part is locked, before they are opened."""

import pytest

from digitcore.experiments import Axis, Sweep
from digitcore.runs import RunSpec
from digitcore.runs.covering import CoveredEngine
from pages.parts import session, shared
from tests.pages.conftest import SECONDS, button, forget_engine, open_link, said, texts, widget

PAGES = ["train", "mistakes", "weights", "predict", "experiments", "compare", "map", "quiz"]
LOCKED_WORDS = "The test figures of this run are locked"


def spec(seed, validation="cut"):
    parameters = {"epochs": 2, "batch_size": 64, "learning_rate": 0.1}
    split = {"validation": validation, "validation_size": 0.2}
    return RunSpec(dataset="digits", model="softmax", parameters=parameters, split=split, random_state=seed)


RUN, OTHER, WATCHING = spec(0), spec(1), spec(0, "test")
SWEEP = Sweep(RUN, (Axis.of("seed", [0, 1]),))
# Chosen by the test part, in rungs of 2 and 4 epochs.
HALVING = Sweep(WATCHING.with_changes(parameters={"epochs": 4}), (Axis.of("seed", [0, 1]),), factor=2)


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """The test figures of some runs, by digest, in a store in which their part was locked afterwards."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DIGITCORE_HOME", str(tmp_path_factory.mktemp("locked")))
    forget_engine()
    for each in (RUN, OTHER, WATCHING):
        shared.engine().submit(each)
    runs = {each.digest: shared.engine().wait(each.digest, 3 * SECONDS) for each in (RUN, OTHER, WATCHING)}
    for sweep in (SWEEP, HALVING):
        shared.experiments().start(sweep)
        shared.experiments().wait(sweep.digest, SECONDS)
    # Drawn before the lock, as a cache has it.
    open_link("train", run=RUN.digest)
    shared.engine().part_locks.lock_part(RUN)
    yield {digest: run.figures["test"] for digest, run in runs.items()}
    forget_engine()
    patch.undo()


def told(app):
    """All that the server has sent for the page: every element, every cell of every table."""
    elements = [element for element in app.main] + [element for element in app.sidebar]
    tables = [table.value.to_csv() for table in app.dataframe]
    return "\n".join([*(str(element.proto) for element in elements if hasattr(element, "proto")), *tables, said(app)])


def tells(app, figures):
    """Which of a part's figures the page tells: accuracy, loss, ends of the interval, right predictions."""
    page, loss = told(app), figures.loss
    shares = (figures.accuracy, figures.accuracy_low, figures.accuracy_high)
    forms = [*(f"{100 * share:.2f}" for share in shares), *map(repr, shares), *(repr(100 * share) for share in shares)]
    forms += [f"{figures.n_right:,} of {figures.n_images:,} right", f"{loss:.4f}", repr(loss)]
    return [form for form in forms if form in page]


def open_page(page, digest, **query):
    query |= {"runs": f"{digest},{OTHER.digest}"} if page == "compare" else {"run": digest}
    if page == "experiments":
        query = {"kind": "sweep", "experiment": SWEEP.digest}
    app = open_link(page, **query)
    assert not app.exception and not app.error
    return app


@pytest.mark.parametrize(
    ("page", "run"),
    [*((page, RUN) for page in PAGES), ("train", WATCHING), ("compare", WATCHING)],
    ids=[*PAGES, "train, watching the test part", "compare, watching the test part"],
)
def test_a_page_tells_no_figure_of_a_covered_run(figures, page, run):
    app = open_page(page, run.digest)
    assert tells(app, figures[run.digest]) == []
    assert "lock" in told(app) or page in ("weights", "mistakes", "map", "quiz")


@pytest.mark.parametrize("page", ["mistakes", "map", "quiz"])
def test_of_the_covered_test_images_a_page_has_only_the_way_to_open_them(figures, page):
    app = open_page(page, RUN.digest, part="test")
    assert LOCKED_WORDS in said(app)
    assert not app.header and not app.dataframe and not app.get("vega_lite_chart")


def test_predict_does_not_tell_what_a_covered_run_makes_of_a_test_image(figures):
    app = open_page("predict", RUN.digest, part="test", image="5")
    assert LOCKED_WORDS in said(app) and "The model says" not in said(app)
    place = session.parts_of(shared.engine().run(RUN.digest)).test.indices[5]
    app = open_page("predict", RUN.digest, part="all", image=str(place))
    assert LOCKED_WORDS in said(app)
    app = open_page("predict", RUN.digest, part="train", image="5")
    assert "The model says" in "".join(box.value for box in (*app.success, *app.error))


def test_a_sweep_that_is_chosen_by_the_covered_part_names_no_best_point(figures):
    app = open_link("experiments", kind="sweep", experiment=HALVING.digest)
    assert not app.exception and not app.error
    assert "These points are compared by the test part, which is locked" in said(app)
    assert "3 of 3 trainings" in said(app) and "Best" not in said(app)


def test_compare_judges_covered_runs_by_validation_alone(figures):
    app = open_page("compare", RUN.digest)
    assert widget(app.get("button_group"), "Compared on").value == "validation"
    app = open_page("compare", RUN.digest, part="test")
    assert "The test figures of 2 runs are locked" in said(app)
    (table,) = [table.value for table in app.dataframe if "best" in table.value]
    assert set(table["interval"]) == {"locked"} and table["accuracy"].isna().all()


def test_figures_that_were_opened_are_shown_with_the_time(figures):
    button(open_page("mistakes", OTHER.digest, part="test"), "Open them for good").click().run()
    app = open_page("train", OTHER.digest)
    assert tells(app, figures[OTHER.digest])
    assert "Test figures opened on 20" in said(app)
    assert "runs kept here were tested on the same" in texts(app)
    assert isinstance(shared.engine(), CoveredEngine)
    assert tells(open_page("train", RUN.digest), figures[RUN.digest]) == []
