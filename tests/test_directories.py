from pathlib import Path

from digitcore.directories import data_directory, home_directory


def test_the_home_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITCORE_HOME", str(tmp_path))
    monkeypatch.delenv("DIGITCORE_DATA", raising=False)
    assert home_directory() == tmp_path
    assert data_directory() == tmp_path / "datasets"


def test_a_tilde_is_the_home_of_the_user(monkeypatch):
    monkeypatch.setenv("DIGITCORE_HOME", "~/digits")
    monkeypatch.setenv("DIGITCORE_DATA", "~/data")
    assert home_directory() == Path.home() / "digits"
    assert data_directory() == Path.home() / "data"


def test_without_a_word_it_is_a_directory_of_this_program(monkeypatch):
    monkeypatch.delenv("DIGITCORE_HOME", raising=False)
    assert home_directory().is_absolute()
    assert home_directory().name == "digitcore"
