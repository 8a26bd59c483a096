"""Where the image comes from that a model is asked about: the data, a drawing, or a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.datasets import DATASETS, DatasetEntry, Part, Split
from digitcore.errors import InvalidSetting
from digitcore.images.clean_up import as_image, clean_photo, clean_strokes
from digitcore.images.framing import Step
from digitcore.images.strokes import pad_strokes
from digitcore.wording import article
from pages.parts import layout, session, shared, view
from pages.parts.messages import plain
from pages.parts.predict import drawing_pad

SOURCES = {"data": "From the data", "draw": "Draw", "photo": "Upload", "camera": "Camera"}
WORDS = {"draw": "Your drawing", "photo": "Your picture", "camera": "Your photo"}
HINTS = {
    "draw": "Draw {article} {subject} with the mouse, a pen or a finger. By keyboard, choose an image *From the data*.",
    "photo": "{hint}, one {subject}.",
    "camera": "{hint}, one {subject}, filling most of the picture.",
}
# The image that the sources look at first, where there are as many.
FIRST_INDEX = 1234
# In the box of parts: all images of the data set, in its own order.
WHOLE = "all"


@dataclass(frozen=True)
class Question:
    """An image ``(height, width)``, 0 to the data set's largest value, its class where it is known, and what it is.

    Of a drawing or a photo also the stages of its clean-up, of an image of the data its position there.
    """

    image: np.ndarray
    truth: int | None
    words: str
    steps: Sequence[Step] = field(default=())
    position: int | None = None


def ask_image(split: Split, place: DeltaGenerator, beside: DeltaGenerator) -> Question | None:
    """Let the user choose an image; None while there is none.

    In ``place`` one draws or hands in a picture; ``beside`` says so until there is one.
    """
    opened = session.take_opened_image()
    if opened is not None:
        session.choose_image_source("data")
    row = layout.choices("image")
    source = view.buttons(
        row,
        "source",
        "Image",
        list(SOURCES),
        key=session.IMAGE_SOURCE,
        format_func=SOURCES.get,
        persist_state="session",
    )
    if source == "data":
        return _ask_from_data(split, opened, row)
    entry = DATASETS[split.dataset.name]
    try:
        with place:
            steps = {"draw": _ask_drawing, "photo": _ask_upload, "camera": _ask_camera}[source](entry)
    except InvalidSetting as problem:
        st.info(plain(str(problem)))
        return None
    if not steps:
        beside.caption(_hint(source, entry))
        return None
    return Question(as_image(steps[-1].ink, split.dataset.max_value), None, WORDS[source], steps)


def _hint(source: str, entry: DatasetEntry) -> str:
    subject, hint = plain(entry.subject), plain(entry.picture_hint)
    words = HINTS[source].format(article=article(entry.subject), subject=subject, hint=hint)
    return f"{words} {plain(entry.drawing_note)}" if source == "draw" and entry.drawing_note else words


def _ask_from_data(split: Split, opened: tuple[str, int] | None, row: DeltaGenerator) -> Question:
    everything = Part(WHOLE, split.dataset, np.arange(split.dataset.n_images))
    parts = {part.name: part for part in (*split.parts[::-1], everything)}
    part_key = "image_part"
    if opened is not None and opened[0] in parts:
        st.session_state[part_key] = opened[0]
    part = parts[view.select(row, "part", "Part", list(parts), key=part_key, format_func=_part_label)]
    index_key = f"image_index_{split.dataset.name}_{part.name}"
    if opened is not None:
        st.session_state[index_key] = opened[1]
    first = FIRST_INDEX if part.n_images > FIRST_INDEX else 0
    last = part.n_images - 1
    words = f"Position in the {_part_words(part)}, 0 to {last:,}."
    index = view.number(row, "image", "Index", 0, last, first, key=index_key, help=words)
    image, truth = part.take(index), int(part.labels[index])
    place = f"Image {index} of the {_part_words(part)} ({_other_place(split, part, index)})"
    name = part.dataset.class_names[truth]
    words = f"{place}, {article(name)} {plain(name)}"
    return Question(image, truth, words, position=int(part.indices[index]))


def _part_label(name: str) -> str:
    return "Whole data set" if name == WHOLE else name.title()


def _part_words(part: Part) -> str:
    return "data set" if part.name == WHOLE else f"{part.name} part"


def _other_place(split: Split, part: Part, index: int) -> str:
    """Say where an image of a part is in the data set, or one of the data set in the parts."""
    if part.name != WHOLE:
        return f"image {part.indices[index]} of the data set"
    found = split.locate(index)
    if found is None:
        return "not used by this run"
    return f"image {found[1]} of the {found[0].name} part"


def _ask_drawing(entry: DatasetEntry) -> Sequence[Step]:
    sent = drawing_pad.ask_strokes()
    return clean_strokes(pad_strokes(sent), entry.used_framing) if sent is not None else []


def _ask_upload(entry: DatasetEntry) -> Sequence[Step]:
    kinds = ["png", "jpg", "jpeg", "webp", "bmp", "gif"]
    megapixels = shared.engine().settings.max_upload_megapixels
    file = st.file_uploader(
        f"A picture of one {plain(entry.subject)}",
        type=kinds,
        help=f"{plain(entry.picture_hint)}, at most {megapixels:g} million pixels.",
    )
    return clean_photo(session.gray_of(file, megapixels), entry.used_framing) if file is not None else []


def _ask_camera(entry: DatasetEntry) -> Sequence[Step]:
    photo = st.camera_input(f"A photo of one {plain(entry.subject)}, filling most of the picture")
    if photo is None:
        return []
    return clean_photo(session.gray_of(photo, shared.engine().settings.max_upload_megapixels), entry.used_framing)
