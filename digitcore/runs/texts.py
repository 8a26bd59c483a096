"""Texts that visitors write about runs: what is kept of them, and what a search compares."""

from __future__ import annotations

import unicodedata

from digitcore.errors import InvalidSetting

# Control characters, and halves of surrogate pairs, which no database stores.
_REMOVED = {"Cc", "Cs"}
# They reverse the letters that follow, so that a text could look like another one.
_REVERSING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_line(text: str) -> str:
    """Return a text in one line: spaces for line breaks and tabs, no control characters, none at its ends."""
    return " ".join(_printable(" ".join(text.split())).split())


def clean_paragraphs(text: str) -> str:
    """Return a text of several lines without control characters, and without space at its ends."""
    return "\n".join(_printable(line).rstrip() for line in text.splitlines()).strip()


def check_length(text: str, what: str, most: int) -> None:
    """Refuse a text of more than ``most`` characters.

    Raises
    ------
    InvalidSetting
        In one sentence that begins with ``what``, such as "The name".
    """
    if len(text) > most:
        raise InvalidSetting(f"{what} has {len(text):,} characters, at most {most:,} are kept: shorten it")


def searchable(text: str) -> str:
    """Return a text as it is compared: letters of either case, and of either Unicode form, are equal."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _printable(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return "".join(
        letter for letter in composed if unicodedata.category(letter) not in _REMOVED and letter not in _REVERSING
    )
