"""What is written about the chosen runs: name, tags, note; pin, archive, delete, and undo."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.runs.choice import Notes, entry_label, lines_of, notes_of
from digitcore.runs.summary import distinct_labels
from digitcore.wording import counted
from pages.parts import layout, session, shared
from pages.parts.compare.chosen_runs import Chosen
from pages.parts.compare.listed_runs import filter_choices
from pages.parts.messages import attempt


def show(chosen: Chosen) -> None:
    """Offer to edit the chosen runs, unless the server forbids it."""
    if not chosen or not shared.engine().editor.allowed:
        return
    with st.expander("Edit the chosen runs"):
        lines = _ask_lines(chosen)
        if lines is None:
            st.caption("Choose at least one of them.")
            return
        digests, notes = lines["digest"].tolist(), notes_of(lines)
        _ask_texts(digests, notes)
        _show_buttons(digests, notes)


def _ask_lines(chosen: Chosen) -> pd.DataFrame | None:
    labels = distinct_labels({entry: entry_label(entry, lines) for entry, lines in chosen.items()})
    entries = list(labels)
    edited = st.multiselect(
        "Edited", entries, default=entries, format_func=labels.__getitem__, key=_key("edited", *entries)
    )
    return pd.concat([chosen[entry] for entry in edited]).drop_duplicates("digest") if edited else None


def _ask_texts(digests: Sequence[str], notes: Notes) -> None:
    """Ask for name, tags and note; what is not changed is not written."""
    several = len(digests) > 1
    name, tags, note = (
        _key("name", *digests, notes.name),
        _key("tags", *digests, *notes.tags),
        _key("note", *digests, notes.note),
    )
    with st.form(_key("form", *digests), border=False):
        st.text_input(
            "Name", notes.name, key=name, placeholder="one name for all" if several else "named by its settings"
        )
        st.multiselect(
            "Tags that all of them have" if several else "Tags",
            sorted({*notes.some_tags, *filter_choices()["tags"]}),
            default=list(notes.tags),
            key=tags,
            accept_new_options=True,
            placeholder="choose or type a tag",
        )
        st.text_area("Note", notes.note, key=note, height=80)
        st.form_submit_button("Save", on_click=attempt, args=(_save, digests, notes, name, tags, note))


def _save(digests: Sequence[str], notes: Notes, name_key: str, tags_key: str, note_key: str) -> None:
    editor = shared.engine().editor
    name, tags, note = (st.session_state[key] for key in (name_key, tags_key, note_key))
    if name != notes.name:
        editor.rename(digests, name)
    if note != notes.note:
        editor.set_note(digests, note)
    added, removed = set(tags) - set(notes.tags), set(notes.tags) - set(tags)
    if added:
        editor.add_tags(digests, sorted(added))
    if removed:
        editor.remove_tags(digests, sorted(removed))
    st.toast(f"Saved for {counted(len(digests), 'run')}.")


def _show_buttons(digests: Sequence[str], notes: Notes) -> None:
    editor, row = shared.engine().editor, layout.choices("edit")
    _button(row, "Unpin" if notes.pinned else "Pin", editor.pin, digests, not notes.pinned)
    _button(row, "Unarchive" if notes.archived else "Archive", editor.archive, digests, not notes.archived)
    row.button(f"Delete {counted(len(digests), 'run')}", key="delete_runs", on_click=attempt, args=(_delete, digests))


def _button(row: DeltaGenerator, label: str, action: Callable, digests: Sequence[str], wanted: bool) -> None:
    row.button(label, key=f"edit_{action.__name__}", on_click=attempt, args=(action, digests, wanted))


def _delete(digests: Sequence[str]) -> None:
    before = session.compared()
    deleted = shared.engine().editor.delete(digests)
    session.note_deleted(deleted, before)
    left = lines_of(shared.engine().catalogue, before)
    session.choose_compared([entry for entry in before if not left[entry].empty])
    session.redraw_compared()
    session.forget_recent_runs()


def offer_undo() -> None:
    """Offer to undo the last deletion."""
    deleted = session.last_deleted()
    if deleted is None:
        return
    words, button = layout.with_button("undo")
    words.success(f"{counted(len(deleted[0]), 'run')} deleted; removed for good after a week.")
    button.button("Undo", key="undo_delete", on_click=attempt, args=(_undo,), width="stretch")


def _undo() -> None:
    digests, before = session.last_deleted()
    shared.engine().editor.restore(digests)
    session.forget_deleted()
    session.choose_compared(before)
    session.redraw_compared()
    session.forget_recent_runs()


def _key(name: str, *parts: str) -> str:
    """The key of a widget for these runs, and for what was written about them when it was drawn."""
    text = "\n".join(parts)
    return f"edit_{name}_{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:12]}"
