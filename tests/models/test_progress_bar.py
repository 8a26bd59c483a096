import sys

import pytest

from digitcore.models import Epoch
from digitcore.models.progress_bar import progress_bar

EPOCHS = [
    Epoch(1, 10.5, 0.5, None, None, 0.1),
    Epoch(2, 0.25, 0.75, 0.5, 0.625, 0.1),
    Epoch(3, 0.1, 1.0, None, None, 0.1),
]


@pytest.fixture
def _without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)


@pytest.mark.usefixtures("_without_tqdm")
def test_without_tqdm_one_line_is_written_again_and_again(capsys):
    with progress_bar(3, "MLP") as show:
        for epoch in EPOCHS:
            show(epoch)
    out, error = capsys.readouterr()
    assert out == ""
    assert error.endswith("\n") and error.count("\n") == 1
    first, second, third = error.strip().split("\r")
    assert first == "MLP: 1/3 epochs, loss 10.5000, accuracy 0.5000"
    assert second == "MLP: 2/3 epochs, loss 0.2500, accuracy 0.7500, validation accuracy 0.6250"
    assert third == "MLP: 3/3 epochs, loss 0.1000, accuracy 1.0000"
    assert len(error.rstrip("\n").split("\r")[-1]) == len(second), "the end of the longer line is still there"


@pytest.mark.usefixtures("_without_tqdm")
def test_the_line_ends_when_the_training_is_broken_off(capsys):
    with pytest.raises(KeyboardInterrupt), progress_bar(3, "MLP") as show:
        show(EPOCHS[0])
        raise KeyboardInterrupt
    assert capsys.readouterr().err.endswith("\n")


def test_tqdm_is_used_where_it_is_installed(monkeypatch):
    auto = pytest.importorskip("tqdm.auto")
    made = []

    class Bar(auto.tqdm):
        def __init__(self, **options):
            made.append(self)
            super().__init__(**options)

    monkeypatch.setattr(auto, "tqdm", Bar)
    with progress_bar(3, "MLP") as show:
        show(EPOCHS[1])
    (bar,) = made
    assert (bar.total, bar.n, bar.desc) == (3, 1, "MLP")
    assert bar.postfix == "loss 0.2500, accuracy 0.7500, validation accuracy 0.6250"
