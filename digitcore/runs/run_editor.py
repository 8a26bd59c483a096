"""RunEditor: what visitors write about kept runs, and how runs are deleted, restored and removed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digitcore.errors import InvalidSetting, NotAllowed
from digitcore.runs import schema
from digitcore.runs.database import chunks
from digitcore.runs.run import ACTIVE
from digitcore.runs.store import Store
from digitcore.runs.texts import check_length, clean_line, clean_paragraphs, searchable

# A note may have so many times the letters of another text.
NOTE_FACTOR = 10
MAX_TAG_LENGTH = 50
MAX_TAGS = 20
_runs, _epochs, _tags = schema.runs, schema.epochs, schema.tags
_Change = Callable[[sa.Connection, Sequence[str]], None]


class RunEditor:
    """Changes what is written about runs. Safe to use from several threads, and from several servers at once.

    Every method takes the digest of a run or a sequence of them, changes all in one transaction, and returns the
    digests of those that it changed: runs that are gone by then are left out. If all are gone it raises InvalidSetting;
    where nobody may edit runs, NotAllowed. A change of one thing, such as the note, never touches another one that
    somebody else writes at the same time.

    Parameters
    ----------
    store : Store
        Where the runs are.
    max_text_length : int
        Characters of a name; a note may have ten times as many.
    on_delete : callable, optional
        Gets the digests of runs that were deleted or restored.
    allowed : bool
        Whether runs may be edited here.

    Attributes
    ----------
    n_edits : int
        Number of changes made here: a list that was made before the last one may be out of date.
    """

    def __init__(
        self,
        store: Store,
        max_text_length: int = 200,
        on_delete: Callable[[Sequence[str]], None] = lambda digests: None,
        *,
        allowed: bool = True,
    ):
        self.allowed = allowed
        self._database, self._files = store.database, store.weights_files
        self._max_text_length, self._on_delete = max_text_length, on_delete
        self.n_edits = 0
        self._counting = threading.Lock()

    def rename(self, digests: str | Sequence[str], name: str) -> list[str]:
        """Name runs, in one line without control characters; an empty name removes it.

        Raises
        ------
        InvalidSetting
            If the name is too long, or all of the runs are gone.
        """
        name = clean_line(name)
        check_length(name, "The name", self._max_text_length)
        return self._write(digests, name=name, sort_name=searchable(name) or None)

    def set_note(self, digests: str | Sequence[str], note: str) -> list[str]:
        """Write a note about runs, of one or several lines; an empty note removes it.

        Raises
        ------
        InvalidSetting
            If the note is too long, or all of the runs are gone.
        """
        note = clean_paragraphs(note)
        check_length(note, "The note", NOTE_FACTOR * self._max_text_length)
        return self._write(digests, note=note)

    def add_tags(self, digests: str | Sequence[str], tags: Sequence[str]) -> list[str]:
        """Tag runs, beside the tags that they have.

        Raises
        ------
        InvalidSetting
            If a tag is too long, a run would have too many, or all of the runs are gone.
        """
        added = _clean_tags(tags)

        def change(connection: sa.Connection, kept: Sequence[str]) -> None:
            if added:
                rows = [{"digest": digest, "tag": tag} for digest in kept for tag in added]
                schema.insert_missing(connection, _tags, rows)
            for some in chunks(kept):
                per_run = sa.select(sa.func.count()).where(_tags.c.digest.in_(some)).group_by(_tags.c.digest)
                if max(connection.scalars(per_run), default=0) > MAX_TAGS:
                    raise InvalidSetting(f"A run may have {MAX_TAGS} tags at most: remove some of them first")

        return self._edit(digests, change, searched=True)

    def remove_tags(self, digests: str | Sequence[str], tags: Sequence[str]) -> list[str]:
        """Remove tags from runs that have them.

        Raises
        ------
        InvalidSetting
            If all of the runs are gone.
        """
        removed = [clean_line(tag) for tag in tags]

        def change(connection: sa.Connection, kept: Sequence[str]) -> None:
            for some in chunks(kept):
                connection.execute(sa.delete(_tags).where(_tags.c.digest.in_(some), _tags.c.tag.in_(removed)))

        return self._edit(digests, change, searched=True)

    def pin(self, digests: str | Sequence[str], pinned: bool = True) -> list[str]:
        """Pin runs, so that lists show them first, or unpin them.

        Raises
        ------
        InvalidSetting
            If all of the runs are gone.
        """
        return self._edit(digests, _set(pinned=pinned))

    def archive(self, digests: str | Sequence[str], archived: bool = True) -> list[str]:
        """Archive runs, which hides them from lists that do not ask for archived runs, or unarchive them.

        Raises
        ------
        InvalidSetting
            If all of the runs are gone.
        """
        return self._edit(digests, _set(archived=archived))

    def delete(self, digests: str | Sequence[str]) -> list[str]:
        """Hide runs at once; :meth:`restore` with the result undoes it, until :meth:`purge` removes them.

        Raises
        ------
        InvalidSetting
            If one of them is queued or training, in which case none is deleted; or if all of the runs are gone.
        """

        def change(connection: sa.Connection, kept: Sequence[str]) -> None:
            for some in chunks(kept):
                active = sa.select(_runs.c.digest).where(_runs.c.digest.in_(some), _runs.c.state.in_(ACTIVE))
                digest = connection.scalar(active.order_by(_runs.c.digest).limit(1))
                if digest is not None:
                    raise InvalidSetting(f"Run {digest} is queued or training: stop it before you delete it")
            _set(deleted_at=_now())(connection, kept)

        deleted = self._edit(digests, change)
        self._on_delete(deleted)
        return deleted

    def restore(self, digests: str | Sequence[str]) -> list[str]:
        """Restore deleted runs, with everything that was written about them.

        Raises
        ------
        InvalidSetting
            If all of them were removed for good, or none was deleted.
        """
        restored = self._edit(digests, _set(deleted_at=None), deleted=True)
        self._on_delete(restored)
        return restored

    def purge(self, older_than: timedelta) -> list[str]:
        """Remove runs for good, with epochs, tags and weights, that were deleted longer ago; return their digests."""
        start = time.time()
        due = _runs.c.deleted_at <= _now() - older_than
        with self._database.transaction("write") as connection:
            # Locked: one that somebody restores or trains again meanwhile stays.
            query = sa.select(_runs.c.digest).where(due, _runs.c.state.not_in(ACTIVE)).order_by(_runs.c.digest)
            digests = list(connection.scalars(query.with_for_update()))
            for some in chunks(digests):
                for table in (_epochs, _tags, schema.findings, _runs):
                    connection.execute(sa.delete(table).where(table.c.digest.in_(some)))
        self._note_edit()
        with self._database.translated("purge"):
            for digest in digests:
                self._files.remove(digest, unused_since=start)
        return digests

    def _write(self, digests: str | Sequence[str], **values: Any) -> list[str]:
        return self._edit(digests, _set(**values), searched=True)

    def _edit(
        self, digests: str | Sequence[str], change: _Change, *, searched: bool = False, deleted: bool = False
    ) -> list[str]:
        """Change those runs that are there, in one transaction that keeps others from changing them meanwhile.

        With ``searched`` the change concerns what searches look at; with ``deleted`` it is for deleted runs.
        """
        if not self.allowed:
            raise NotAllowed('Runs cannot be edited on this server: its setting "edit" is "nobody".')
        wanted = sorted({digests} if isinstance(digests, str) else set(digests))
        there = _runs.c.deleted_at.is_not(None) if deleted else _runs.c.deleted_at.is_(None)
        kept: list[str] = []
        with self._database.transaction("write") as connection:
            for some in chunks(wanted):
                query = sa.select(_runs.c.digest).where(_runs.c.digest.in_(some), there)
                # All servers lock in this order, so that none waits for another one that waits for it.
                kept += connection.scalars(query.order_by(_runs.c.digest).with_for_update())
            if wanted and not kept:
                raise InvalidSetting(_gone(len(wanted), deleted))
            if kept:
                change(connection, kept)
                if searched:
                    _note_search_texts(connection, kept)
        self._note_edit()
        return kept

    def _note_edit(self) -> None:
        with self._counting:
            self.n_edits += 1


def _gone(n_runs: int, deleted: bool) -> str:
    runs, were = ("This run", "was") if n_runs == 1 else ("These runs", "were")
    if deleted:
        return f"{runs} {were} not deleted, or {were} removed for good since: there is nothing to restore"
    return f"{runs} {were} deleted meanwhile: restore {'it' if n_runs == 1 else 'them'} first, or choose others"


def _set(**values: Any) -> _Change:
    """Return a change that sets columns."""

    def change(connection: sa.Connection, kept: Sequence[str]) -> None:
        for some in chunks(kept):
            connection.execute(sa.update(_runs).where(_runs.c.digest.in_(some)).values(values))

    return change


def _note_search_texts(connection: sa.Connection, digests: Sequence[str]) -> None:
    rows = []
    for some in chunks(digests):
        tags: dict[str, list[str]] = {}
        for digest, tag in connection.execute(sa.select(_tags.c.digest, _tags.c.tag).where(_tags.c.digest.in_(some))):
            tags.setdefault(digest, []).append(tag)
        texts = sa.select(_runs.c.digest, _runs.c.name, _runs.c.note).where(_runs.c.digest.in_(some))
        for digest, name, note in connection.execute(texts):
            rows.append({"run": digest, "text": searchable("\n".join([name, note, *tags.get(digest, [])]).strip())})
    own = _runs.c.digest == sa.bindparam("run")
    connection.execute(sa.update(_runs).where(own).values(search_text=sa.bindparam("text")), rows)


def _clean_tags(tags: Sequence[str]) -> list[str]:
    cleaned = list(dict.fromkeys(tag for tag in map(clean_line, tags) if tag))
    for tag in cleaned:
        check_length(tag, "A tag", MAX_TAG_LENGTH)
    return cleaned


def _now() -> datetime:
    """UTC without a zone: SQLite keeps none."""
    return datetime.now(UTC).replace(tzinfo=None)
