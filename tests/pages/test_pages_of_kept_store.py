"""Every page opens with a store that an earlier version made."""

import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from digitcore.runs.live_runs import LOOK_UP_SECONDS
from pages.parts import session, shared
from tests.pages.conftest import app_at, forget_engine, texts

KEPT = Path(__file__).parents[1] / "data" / "kept_store"
RUNS = {
    "softmax": "01726f528a6053dbfbb5",
    "mlp": "835fcd7d733104f6bfa4",
    "cnn": "4c7ab98903b64aa3fef9",
    "stopped": "9d2ab8ffbb336467b85d",
}


@pytest.fixture(scope="module")
def kept_home(tmp_path_factory):
    """A copy of the kept store as the dashboard's home."""
    home = tmp_path_factory.mktemp("kept") / "home"
    shutil.copytree(KEPT, home)
    patch = pytest.MonkeyPatch()
    patch.setenv("DIGITCORE_HOME", str(home))
    forget_engine()
    yield home
    forget_engine()
    patch.undo()


@pytest.mark.parametrize("page", ["train", "mistakes", "weights", "predict", "compare", "map", "quiz", "data"])
@pytest.mark.parametrize("run", RUNS)
def test_a_page_shows_a_kept_run(kept_home, page, run):
    app = app_at({"run": RUNS[run]})
    if page != "train":
        app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    # A wrong answer of the model is one of these boxes, too.
    assert [box.value for box in app.error if not box.value.startswith("The model says")] == []
    assert "Nothing trained yet" not in texts(app)
    assert shared.engine().active() == []


def test_the_kept_experiment_is_shown(kept_home):
    (kept,) = shared.engine().store.recent_experiments("sweep")
    app = app_at({"experiment": kept.digest}).switch_page("pages/experiments.py").run()
    assert not app.exception
    assert not app.error
    assert shared.engine().active() == []
    assert any("learning_rate" in frame.value.columns for frame in app.dataframe)


@pytest.mark.parametrize("page", ["train", "mistakes", "weights", "predict", "map", "quiz"])
def test_a_link_to_a_run_of_a_model_that_is_gone_leaves_the_page_usable(kept_home, page):
    with sqlite3.connect(kept_home / "runs.db") as database:
        kept = database.execute("SELECT spec FROM runs WHERE digest = ?", (RUNS["softmax"],)).fetchone()
        database.execute("UPDATE runs SET spec = '{}' WHERE digest = ?", (RUNS["softmax"],))
    time.sleep(LOOK_UP_SECONDS)
    session.forget_recent_runs()
    try:
        app = app_at({"run": RUNS["softmax"]})
        if page != "train":
            app.switch_page(f"pages/{page}.py").run()
            assert any(box.label == "Run" for box in app.selectbox)
        assert not app.exception
        assert [box.value for box in app.error if not box.value.startswith("The model says")] == []
    finally:
        with sqlite3.connect(kept_home / "runs.db") as database:
            database.execute("UPDATE runs SET spec = ? WHERE digest = ?", (*kept, RUNS["softmax"]))
        time.sleep(LOOK_UP_SECONDS)
        session.forget_recent_runs()
