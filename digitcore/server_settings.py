"""What the host of a dashboard may set: limits for visitors, the memory of workers, the names it is served under."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from digitcore.directories import home_directory
from digitcore.errors import InvalidSetting
from digitcore.parameters import unknown_name

ENVIRONMENT_PREFIX = "DIGITCORE_"
FILE_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
FILE_NAME = "digitcore.toml"


class ServerSettings(BaseSettings):
    """The settings of a server; every field has a documented default.

    A field is read from the environment variable of its name in capitals after ``DIGITCORE_``, else from a TOML file:
    the one that ``DIGITCORE_CONFIG`` names, else ``digitcore.toml`` in the home directory. Lists are given in the
    environment as words separated by commas. Use :func:`load_server_settings` for errors in one sentence.
    """

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, frozen=True, extra="forbid")

    max_sessions: int = Field(200, ge=1, description="Browser tabs that are connected at a time.")
    max_sessions_per_address: int = Field(
        150,
        ge=1,
        description="Browser tabs that one network address, for IPv6 one /64 network, has connected at a time.",
    )
    max_active_runs: int = Field(200, ge=1, description="Trainings that are queued or running, of all visitors.")
    max_active_runs_per_visitor: int = Field(10, ge=1, description="Trainings of one visitor, queued or running.")
    max_running_per_visitor: int = Field(
        2, ge=1, description="Trainings of one visitor that run at a time; the others of this visitor are queued."
    )
    max_training_minutes: float = Field(
        120, gt=0, description="Estimated minutes of one training, from its multiply-adds, images and epochs."
    )
    max_experiment_runs: int = Field(1000, ge=1, description="Trainings of one experiment.")
    max_experiments_per_visitor: int = Field(3, ge=1, description="Experiments of one visitor that run at a time.")
    max_kept_gigabytes: float = Field(
        20, gt=0, description="Weights that are kept on the disk, in all; the runs unopened for longest go first."
    )
    worker_memory_gigabytes: float = Field(
        4, gt=0, description="Memory of one training process; one that takes more is ended, and its training fails."
    )
    max_upload_megapixels: float = Field(10, gt=0, description="Pixels of an uploaded picture, in millions.")
    max_text_length: int = Field(200, ge=20, description="Characters of a text that a visitor types.")
    stop: Literal["starter", "anyone"] = Field(
        "starter",
        description='Who may stop a training or an experiment: "starter", the visitor who started it, or "anyone".',
    )
    edit: Literal["anyone", "nobody"] = Field(
        "anyone",
        description='Who may name, annotate, tag, archive and delete kept runs: "anyone", with a week to restore what '
        'was deleted, or "nobody".',
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        [],
        description="Names that the dashboard is served under, beside this machine's own names and addresses; "
        '"*" allows all.',
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        [],
        description="Addresses of proxies whose X-Forwarded-For header names the visitor's address.",
    )

    @field_validator("allowed_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())


def settings_file() -> Path:
    """Return the path of the TOML file, which need not exist."""
    given = os.environ.get(FILE_VARIABLE)
    return Path(given).expanduser() if given else home_directory() / FILE_NAME


def load_server_settings(**given: Any) -> ServerSettings:
    """Return the settings from arguments, the environment and the TOML file, in this order of precedence.

    Raises
    ------
    InvalidSetting
        With every problem in one message: an unknown name, a value out of range, a file that is not TOML.
    """
    path = settings_file()
    if FILE_VARIABLE in os.environ and not path.is_file():
        raise InvalidSetting(f"{FILE_VARIABLE} names the file {path}, which does not exist: create it or unset it")
    try:
        return ServerSettings(**given)
    except ValidationError as error:
        raise InvalidSetting("; ".join(_sentence(detail) for detail in error.errors())) from None
    except (SettingsError, ValueError, OSError) as error:
        raise InvalidSetting(f"The settings file {path} cannot be read ({error}): it must be TOML") from None


def settings_table() -> str:
    """Return the settings as a Markdown table, one row per setting."""
    rows = ["| setting | environment variable | default | meaning |", "|---|---|---|---|"]
    for name, field in ServerSettings.model_fields.items():
        default = ", ".join(field.default) or "none" if isinstance(field.default, list) else field.default
        rows.append(f"| `{name}` | `{ENVIRONMENT_PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def _sentence(detail: Any) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return str(unknown_name("server setting", name, ServerSettings.model_fields))
    expectation = detail["msg"].removeprefix("Input should be ")
    variable = f"{ENVIRONMENT_PREFIX}{name.split('.')[0].upper()}"
    return f"The server setting {name} (or {variable}) must be {expectation}, got {detail['input']!r}"
