"""Every page opens with a store that an earlier version made."""

import shutil
from pathlib import Path

import pytest

from pages.parts import shared
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


@pytest.mark.parametrize("page", ["train", "mistakes", "weights", "predict", "map", "quiz", "data"])
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
