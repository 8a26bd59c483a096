"""Which kept runs somebody has chosen: single runs, or all runs that differ in the seed alone.

An entry of a choice is the digest of a run, or the digest of a group with "~" behind it. It stays what it is while runs
arrive, are renamed or are sorted otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from digitcore.parameters import shortened
from digitcore.runs.catalogue import Catalogue
from digitcore.specs.run_spec import DIGEST_LENGTH
from digitcore.wording import clipped, counted

MOST_CHOSEN = 8
_ALL_SEEDS = "~"
_ENTRY = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}{_ALL_SEEDS}?")


@dataclass(frozen=True)
class Notes:
    """What is written about several runs.

    Attributes
    ----------
    name, note : str
        Those that all of them have; empty if they differ.
    tags, some_tags : tuple of str
        Those that all of them have, and those that at least one has.
    pinned, archived : bool
        Whether all of them are.
    """

    name: str
    note: str
    tags: tuple[str, ...]
    some_tags: tuple[str, ...]
    pinned: bool
    archived: bool


def entries_of(lines: pd.DataFrame) -> list[str]:
    """Return the entry of each line of a page of the catalogue: its run, or its group if it has several runs."""
    return [
        digest if n == 1 else f"{group}{_ALL_SEEDS}" for digest, group, n in _columns(lines, "digest", "group", "n")
    ]


def labels_of(lines: pd.DataFrame) -> list[str]:
    """Return what each line of a page of the catalogue is called: its name or its title, and how many runs it has."""
    return [_label(name or title, n) for name, title, n in _columns(lines, "name", "title", "n")]


def choice_to_text(entries: Sequence[str]) -> str:
    """Return a choice as a link has it."""
    return ",".join(entries)


def choice_from_text(text: str) -> tuple[list[str], list[str]]:
    """Return the choice that a link has, and a sentence for each part of it that is none."""
    given = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    entries = [part for part in given if _ENTRY.fullmatch(part)]
    problems = [f"In the link, {shortened(part)} is no run; it was left out." for part in given if part not in entries]
    if len(entries) > MOST_CHOSEN:
        problems.append(
            f"The link has {len(entries)} runs, at most {MOST_CHOSEN} are compared: the others were left out."
        )
    return entries[:MOST_CHOSEN], problems


def lines_of(catalogue: Catalogue, entries: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the runs of each entry, a line per run with the columns of the catalogue; no lines for what is gone."""
    alone = catalogue.lines([entry for entry in entries if not entry.endswith(_ALL_SEEDS)])
    places = {digest: place for place, digest in enumerate(alone["digest"].tolist())}
    lines = {}
    for entry in entries:
        if entry.endswith(_ALL_SEEDS):
            lines[entry] = catalogue.members(entry.removesuffix(_ALL_SEEDS))
        else:
            lines[entry] = alone.iloc[[places[entry]] if entry in places else []]
    return lines


def entry_label(entry: str, lines: pd.DataFrame) -> str:
    """Return what an entry is called, from its :func:`lines_of`."""
    if lines.empty:
        return f"not kept here: {entry}"
    named = [name for name in lines["name"] if name]
    return _label(named[0] if named else _shared_title(lines["title"].tolist()), len(lines))


def gone_sentences(lines: dict[str, pd.DataFrame]) -> list[str]:
    """Say which entries have no runs any more."""
    gone = [entry for entry, each in lines.items() if each.empty]
    if not gone:
        return []
    words = "One of the chosen runs is" if len(gone) == 1 else f"{len(gone)} of the chosen runs are"
    return [f"{words} not kept on this server, or was deleted meanwhile: {', '.join(gone)}. The others are compared."]


def notes_of(lines: pd.DataFrame) -> Notes:
    """Return what is written about the runs of some lines of the catalogue."""
    names, notes = set(lines["name"]), set(lines["note"])
    tags = [set(each) for each in lines["tags"]]
    return Notes(
        name=names.pop() if len(names) == 1 else "",
        note=notes.pop() if len(notes) == 1 else "",
        tags=tuple(sorted(set.intersection(*tags))) if tags else (),
        some_tags=tuple(sorted(set.union(*tags))) if tags else (),
        pinned=bool(lines["pinned"].all()),
        archived=bool(lines["archived"].all()),
    )


def _shared_title(titles: Sequence[str]) -> str:
    """Return what all titles say: those of runs that differ in the seed alone, without the seed."""
    parts = [title.split(", ") for title in titles]
    return ", ".join(part for part in parts[0] if all(part in others for others in parts[1:]))


def _columns(lines: pd.DataFrame, *names: str) -> Iterator[tuple[Any, ...]]:
    """Return the rows of some columns: a table of many columns of text takes long to be walked along."""
    return zip(*(lines[name].tolist() for name in names), strict=True)


def _label(text: str, n_runs: int) -> str:
    return f"{clipped(text)} · {counted(n_runs, 'seed')}" if n_runs > 1 else clipped(text)
