"""What the registries of models and data sets share: checks of a new entry, and taking back what was registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from digitcore.errors import InvalidSetting
from digitcore.parameters import shortened


def check_texts(kind: str, entry: Any) -> None:
    """Refuse an entry of a registry whose name, label or description is no text, or an empty one.

    Raises
    ------
    InvalidSetting
        In one sentence; ``kind`` stands in it.
    """
    for field in ("name", "label", "description"):
        value = getattr(entry, field)
        if not isinstance(value, str) or not value:
            raise InvalidSetting(f"The {field} of a {kind} must be a text that is not empty, got {shortened(value)}")


def check_name(kind: str, entry: Any, known: Mapping[str, Any], built_in: Mapping[str, Any], *, replace: bool) -> None:
    """Refuse an entry whose name another one has, unless that one may be replaced.

    Parameters
    ----------
    kind : str
        Of the entry, such as "model".
    entry : Any
        With a ``name``; one that is registered already is no other one.
    known, built_in : mapping of str to Any
        All entries by name, and those of them that are never replaced.
    replace : bool
        Whether the entry may take the place of another one.

    Raises
    ------
    InvalidSetting
        In one sentence.
    """
    if known.get(entry.name, entry) == entry or (replace and entry.name not in built_in):
        return
    raise InvalidSetting(
        f"There is a {kind} {entry.name!r} already: give the new one another name"
        + (", or register it with replace=True" if entry.name not in built_in else "")
    )


@contextmanager
def taken_back_on_failure(entries: MutableMapping[str, Any]) -> Iterator[None]:
    """Take back what was registered in ``entries`` inside, if it ends with an exception."""
    before = dict(entries)
    try:
        yield
    except BaseException:
        entries.clear()
        entries.update(before)
        raise
