from pathlib import Path

import pytest

from digitcore.errors import InvalidSetting
from digitcore.server_settings import ServerSettings, load_server_settings, settings_table


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITCORE_HOME", str(tmp_path))
    for name in ServerSettings.model_fields:
        monkeypatch.delenv(f"DIGITCORE_{name.upper()}", raising=False)


def test_every_setting_has_a_default_and_a_description():
    settings = load_server_settings()
    for name, field in ServerSettings.model_fields.items():
        assert getattr(settings, name) == field.default
        assert field.description.endswith(".")


def test_the_environment_goes_before_the_file(monkeypatch, tmp_path):
    (tmp_path / "digitcore.toml").write_text('max_sessions = 7\nstop = "anyone"\nallowed_hosts = ["a.example"]\n')
    monkeypatch.setenv("DIGITCORE_MAX_SESSIONS", "9")
    settings = load_server_settings()
    assert (settings.max_sessions, settings.stop, settings.allowed_hosts) == (9, "anyone", ["a.example"])


def test_a_file_elsewhere_is_named_by_a_variable(monkeypatch, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text("max_sessions = 3")
    monkeypatch.setenv("DIGITCORE_CONFIG", str(path))
    assert load_server_settings().max_sessions == 3
    path.unlink()
    with pytest.raises(InvalidSetting, match="DIGITCORE_CONFIG names the file .*, which does not exist"):
        load_server_settings()


def test_lists_are_words_with_commas_in_the_environment(monkeypatch):
    monkeypatch.setenv("DIGITCORE_ALLOWED_HOSTS", "digits.example.org, 10.0.0.7")
    assert load_server_settings().allowed_hosts == ["digits.example.org", "10.0.0.7"]


def test_every_problem_comes_in_one_message(monkeypatch, tmp_path):
    (tmp_path / "digitcore.toml").write_text("max_sesions = 7\nmax_sessions = -1\n")
    monkeypatch.setenv("DIGITCORE_STOP", "nobody")
    with pytest.raises(InvalidSetting) as caught:
        load_server_settings()
    message = str(caught.value)
    assert "Unknown server setting 'max_sesions'" in message
    assert "Did you mean 'max_sessions'?" in message
    assert "max_sessions (or DIGITCORE_MAX_SESSIONS) must be greater than or equal to 1, got -1" in message
    assert "stop (or DIGITCORE_STOP) must be 'starter' or 'anyone', got 'nobody'" in message


def test_a_file_that_is_no_toml_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "digitcore.toml").write_text("max_sessions: 7\n")
    with pytest.raises(InvalidSetting, match="cannot be read .* it must be TOML"):
        load_server_settings()


def test_the_table_has_a_row_for_each_setting():
    rows = settings_table().splitlines()
    assert len(rows) == 2 + len(ServerSettings.model_fields)
    assert rows[2].startswith("| `max_sessions` | `DIGITCORE_MAX_SESSIONS` | 200 |")


def test_the_documented_table_is_the_one_that_is_made():
    documented = (Path(__file__).parents[1] / "docs" / "settings.md").read_text()
    assert settings_table() in documented
