"""The Compare page: choosing runs, what they say together, and editing them."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from digitcore.evaluation.comparison import loss_interval
from digitcore.runs import RunSpec
from digitcore.runs.catalogue import Catalogue
from digitcore.runs.listed_columns import seedless_digest
from digitcore.wording import interval_text
from pages.parts import layout, session, shared
from pages.parts.compare import run_table
from pages.parts.reading.guides import GUIDES
from tests.pages.conftest import (
    ENTRY,
    SECONDS,
    button,
    chart_descriptions,
    forget_engine,
    outlined_cells,
    texts,
    widget,
)
from tests.waiting import wait_for

UNKNOWN = "0" * 20


def spec(epochs, seed=0, **split):
    parameters = {"epochs": epochs, "batch_size": 64, "learning_rate": 0.1}
    return RunSpec(dataset="digits", model="softmax", parameters=parameters, split=split, random_state=seed)


SHORT, LONG = [spec(1, seed) for seed in (0, 1)], [spec(30, seed) for seed in (0, 1)]
OTHER_TEST = spec(2, test_size=0.4)
SHORT_GROUP, LONG_GROUP = (f"{seedless_digest(seeds[0])}~" for seeds in (SHORT, LONG))


@pytest.fixture(scope="module")
def trained_runs(tmp_path_factory):
    """Two models of two seeds each, and a run that was tested on other images."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DIGITCORE_HOME", str(tmp_path_factory.mktemp("compared")))
    forget_engine()
    specs = [*SHORT, *LONG, OTHER_TEST]
    for each in specs:
        shared.engine().submit(each)
    for each in specs:
        assert shared.engine().wait(each.digest, 3 * SECONDS).state == "done"
    yield
    forget_engine()
    patch.undo()


@pytest.fixture(autouse=True)
def whole_store(trained_runs):
    """Undo what a test has written about the runs."""
    yield
    editor, digests = shared.engine().editor, [each.digest for each in (*SHORT, *LONG, OTHER_TEST)]
    for digest in digests:
        if shared.engine().run(digest) is None:
            editor.restore(digest)
    editor.rename(digests, "")
    editor.set_note(digests, "")
    editor.remove_tags(digests, shared.engine().catalogue.choices()["tags"])
    editor.pin(digests, False)
    editor.archive(digests, False)


def open_page(*entries, **query):
    app = AppTest.from_file(ENTRY, default_timeout=SECONDS)
    if entries:
        app.query_params["runs"] = ",".join(entries)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/compare.py").run()


def compared(app):
    return widget(app.multiselect, "Compared").value


def said(app):
    return texts(app).replace("\\", "")


def listed(app):
    """The table of all runs."""
    return app.dataframe[0].value


def settings(app):
    """The table of the settings side by side."""
    return next(frame.value for frame in app.dataframe if frame.value.index.name == "Setting")


def figures(app):
    """The table of the figures of the chosen models."""
    return next(frame.value for frame in app.dataframe if "loss_interval" in frame.value)


def check_whole(app):
    assert not app.exception
    assert [error.value for error in app.error] == []


def test_runs_that_differ_in_the_seed_share_a_row_unless_each_is_wanted():
    app = open_page()
    check_whole(app)
    assert sorted(listed(app)["n"]) == [1, 2, 2]
    assert all(len(losses) for losses in listed(app)["losses"])
    widget(app.toggle, "One row per run").set_value(True).run()
    assert listed(app)["n"].tolist() == [1] * 5


def test_the_column_of_names_is_as_wide_as_the_longest():
    def width(name):
        shared.engine().editor.rename([each.digest for each in (*SHORT, *LONG, OTHER_TEST)], name)
        return json.loads(open_page().dataframe[0].proto.columns)["called"]["width"]

    assert width("a") < width("a name that takes some room") < width(70 * "w") == run_table.MOST_NAME_WIDTH


def test_on_a_phone_figures_stand_beside_the_names(monkeypatch):
    shared.engine().editor.rename([each.digest for each in SHORT], 60 * "w")
    monkeypatch.setattr(layout, "is_phone", lambda: True)
    assert json.loads(open_page().dataframe[0].proto.columns)["called"]["width"] == run_table.PHONE_NAME_WIDTH


def test_without_a_choice_the_page_says_what_to_do():
    assert "Choose two or more rows of the table" in said(open_page())


def test_chosen_rows_are_compared_and_stand_in_the_address():
    app = open_page()
    widget(app.multiselect, "Compared").set_value([SHORT_GROUP, LONG_GROUP]).run()
    check_whole(app)
    assert "is better by" in said(app)
    assert app.query_params["runs"] == f"{SHORT_GROUP},{LONG_GROUP}"


def test_a_link_opens_a_comparison_sentences_first():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    check_whole(app)
    assert compared(app) == [SHORT[0].digest, LONG[0].digest]
    assert "is better by" in said(app) and "images only" in said(app)
    assert any(text.startswith("Difference of two confusion matrices") for text in chart_descriptions(app))
    assert any(text.startswith("Accuracy of the") or text.startswith("Loss of the") for text in chart_descriptions(app))


def test_the_loss_has_its_interval_as_soon_as_it_is_computed():
    app = open_page(SHORT[0].digest, LONG_GROUP)
    wait_for(lambda: "" not in figures(app.run())["loss_interval"].tolist(), "the interval")
    check_whole(app)
    run = shared.engine().run(SHORT[0].digest)
    low, high = loss_interval(session.parts_of(run).test.labels, session.arrays_of(run).probabilities["test"])
    assert figures(app)["loss_interval"].tolist()[0] == interval_text(low, high)


def test_each_view_of_a_comparison_has_its_guide():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    check_whole(app)
    said = texts(app)
    shown = {name for name, guide in GUIDES.items() if " ".join(guide.sentences) in said}
    assert shown == {"difference", "compared_curves", "confusion_change"}


def test_the_list_is_looked_up_again_when_something_has_changed_and_not_before(monkeypatch):
    asked, page = [], Catalogue.page
    monkeypatch.setattr(Catalogue, "page", lambda self, *given: asked.append(given) or page(self, *given))
    app = open_page()
    # A slow machine must not make it look again by itself.
    n_asked = len(asked)
    for _ in range(2):
        app.run()
    assert len(asked) <= n_asked + 1
    shared.engine().editor.rename(LONG[0].digest, "renamed elsewhere")
    app.run()
    check_whole(app)
    assert len(asked) > n_asked
    assert any("renamed elsewhere" in name for name in listed(app)["called"])


def test_the_choice_stays_while_the_table_is_searched():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    widget(app.text_input, "Search").set_value("no such run").run()
    check_whole(app)
    assert "No run fits" in said(app)
    assert compared(app) == [SHORT[0].digest, LONG[0].digest]
    assert "is better by" in said(app)


def test_a_run_can_be_removed_from_the_choice():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    widget(app.multiselect, "Compared").set_value([LONG[0].digest]).run()
    check_whole(app)
    assert app.query_params["runs"] == LONG[0].digest
    assert "choose another one to compare it with" in said(app)


def test_a_choice_survives_a_visit_of_another_page():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    app.query_params.clear()  # as a click on the navigation does
    app.switch_page("pages/data.py").run()
    app.switch_page("pages/compare.py").run()
    assert compared(app) == [SHORT[0].digest, LONG[0].digest]


@pytest.mark.parametrize(
    ("chosen", "rows", "expected"),
    [([], [1, 0], ["b", "a"]), (["x", "a"], [0, 2], ["x", "a", "c"]), (["x", "a"], [], ["x"]), ([], [7], [])],
)
def test_a_page_of_the_table_changes_its_own_rows_only(monkeypatch, chosen, rows, expected):
    taken = []
    selection = type("State", (), {"selection": type("Selection", (), {"rows": rows})})
    monkeypatch.setattr(run_table.st, "session_state", {"table": selection})
    monkeypatch.setattr(session, "compared", lambda: chosen)
    monkeypatch.setattr(session, "choose_compared", lambda entries: taken.extend(dict.fromkeys(entries)))
    run_table._take_selection("table", ["a", "b", "c"])
    assert taken == expected


def test_runs_tested_on_other_images_are_refused_with_a_reason_and_their_figures_shown():
    app = open_page(LONG[0].digest, OTHER_TEST.digest)
    check_whole(app)
    assert "Not compared. The images differ" in said(app)
    assert figures(app)["accuracy"].notna().tolist() == [True, True]
    assert not any(text.startswith("Difference of two confusion") for text in chart_descriptions(app))


def test_of_runs_that_do_not_compare_none_is_called_the_best():
    app = open_page(LONG[0].digest, OTHER_TEST.digest)
    assert not any("best" in frame.value for frame in app.dataframe)
    assert "kept here were tested" not in said(app)


def test_unknown_runs_are_named_and_the_others_stay():
    app = open_page(UNKNOWN, "nonsense", SHORT[0].digest, LONG[0].digest)
    check_whole(app)
    assert "One of the chosen runs is not kept on this server" in said(app)
    assert "'nonsense' is no run" in said(app)
    assert "is better by" in said(app)


def test_a_run_that_is_deleted_in_another_tab_leaves_the_comparison_of_the_others():
    app = open_page(SHORT[0].digest, LONG[0].digest, LONG_GROUP)
    shared.engine().editor.delete(SHORT[0].digest)
    app.run()
    check_whole(app)
    assert "One of the chosen runs is not kept on this server, or was deleted meanwhile" in said(app)
    assert SHORT[0].digest in compared(app)


def test_a_long_link_is_refused_in_a_sentence():
    app = open_page("a" * 400_000)
    check_whole(app)
    assert "In the link, runs must have at most 200 characters" in said(app)


def test_a_long_search_is_refused_and_the_comparison_stays():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    widget(app.text_input, "Search").set_value("x" * 10_000).run()
    assert not app.exception
    assert [error.value for error in app.error] == [
        "The search has 10,000 characters, at most 200 are kept\\: shorten it"
    ]
    assert "is better by" in said(app)


def test_settings_show_differences_or_all():
    app = open_page(SHORT_GROUP, LONG_GROUP)
    assert settings(app).index.tolist() == ["Epochs"]
    widget(app.toggle, "All settings").set_value(True).run()
    assert len(settings(app)) > 10


def test_images_that_only_one_gets_right_are_one_click_away():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    app.segmented_control(key="compare_wanted").set_value("only_b").run()
    check_whole(app)
    a, b = (shared.engine().arrays(each.digest).probabilities["test"].argmax(axis=1) for each in (SHORT[0], LONG[0]))
    truth = session.split_of(SHORT[0]).test.labels
    n_images = ((a != truth) & (b == truth)).sum()
    assert f"Only B is right: {min(20, n_images)} of {n_images} images, the largest difference first" in said(app)


def test_a_cell_can_be_chosen_by_keyboard():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    widget(app.selectbox, "True class").set_value(8).run()
    widget(app.selectbox, "Taken for").set_value(1).run()
    check_whole(app)
    assert "In this cell for one of them alone: " in said(app) or "No image fits" in said(app)
    assert outlined_cells(app) == [("8", "1")]


def test_how_often_the_test_part_was_used_is_said():
    assert "4 runs kept here were tested on the same 450 images. Chosen by these images, the best of 4" in said(
        open_page(SHORT_GROUP, LONG_GROUP)
    )


def edited(app, label):
    return next(each for each in (*app.text_input, *app.text_area, *app.multiselect) if each.label == label)


def test_a_name_of_html_and_a_note_and_tags_are_kept_as_they_are():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    edited(app, "Edited").set_value([LONG[0].digest]).run()
    edited(app, "Name").set_value("<b>bold</b> $x$")
    edited(app, "Note").set_value("two\nlines")
    button(app, "Save").click().run()
    check_whole(app)
    (line,) = shared.engine().catalogue.lines([LONG[0].digest]).itertuples()
    assert (line.name, line.note) == ("<b>bold</b> $x$", "two\nlines")
    assert '"\\<b\\>bold\\</b\\> \\$x\\$" is better by' in texts(app)


def test_a_name_that_is_too_long_is_refused_in_a_sentence():
    app = open_page(SHORT[0].digest, LONG[0].digest)
    edited(app, "Name").set_value("n" * 10_000)
    button(app, "Save").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == [
        "The name has 10,000 characters, at most 200 are kept\\: shorten it"
    ]


def test_many_runs_are_pinned_and_archived_at_once():
    app = open_page(SHORT_GROUP, LONG_GROUP)
    button(app, "Pin").click().run()
    button(app, "Archive").click().run()
    check_whole(app)
    lines = shared.engine().catalogue.lines([each.digest for each in (*SHORT, *LONG)])
    assert lines["pinned"].all() and lines["archived"].all()
    assert len(listed(app)) == 1  # what is archived is compared, and no longer listed
    assert "is better by" in said(app)


def test_a_deletion_can_be_undone_and_brings_the_choice_back():
    app = open_page(SHORT_GROUP, LONG_GROUP)
    edited(app, "Edited").set_value([SHORT_GROUP]).run()
    button(app, "Delete 2 runs").click().run()
    check_whole(app)
    assert compared(app) == [LONG_GROUP]
    assert "2 runs deleted" in said(app)
    button(app, "Undo").click().run()
    check_whole(app)
    assert compared(app) == [SHORT_GROUP, LONG_GROUP]
    assert "is better by" in said(app)
    assert "Undo" not in [each.label for each in app.button]
