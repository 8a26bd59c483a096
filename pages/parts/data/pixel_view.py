"""The pixel values of one image as a table: every column in sight, each cell as bright as its pixel."""

from __future__ import annotations

import streamlit as st

from digitcore.datasets import Dataset
from digitcore.evaluation import pixel_table
from digitcore.images.palette import shades

CELL_WIDTH = 25
LARGEST_WIDTH = 40
# Of a table that a laptop shows beside its image.
WIDEST = 870

_CSS = """
.pixel_table { container-type: inline-size; }
.pixel_table p { display: none; margin: 0 0 0.35rem; font-size: 0.85rem; opacity: 0.75; }
.pixels { overflow-x: auto; }
.pixels table { border-collapse: collapse; table-layout: fixed; width: 100%; font-size: 12px;
                font-variant-numeric: tabular-nums; }
.pixels th, .pixels td { padding: 3px 0; text-align: center; font-weight: normal; }
.pixels th { opacity: 0.75; }
"""


def show(dataset: Dataset, index: int) -> None:
    """Show the pixel values of one image of the data set; in a row that is too narrow, below what stands there."""
    table = pixel_table(dataset.images[index])
    n_columns = len(table.columns) + 1
    heads = "".join(f'<th scope="col">{column}</th>' for column in table.columns)
    rows = "".join(
        f'<tr><th scope="row">{row}</th>{"".join(map(_cell, values, *_shades(values, dataset.max_value)))}</tr>'
        for row, values in zip(table.index, table.to_numpy().tolist(), strict=True)
    )
    width = n_columns * CELL_WIDTH
    html = (
        f"<style>{_CSS} @container (max-width: {width - 1}px) {{ .pixel_table p {{ display: block; }} }}</style>"
        f'<div class="pixel_table"><p>Scroll sideways for all {n_columns - 1} columns.</p>'
        f'<div class="pixels" role="region" tabindex="0" aria-label="Pixel values of image {index}">'
        f'<table style="min-width: {width}px"><tr><th></th>{heads}</tr>{rows}</table></div></div>'
    )
    st.html(html, width=min(n_columns * LARGEST_WIDTH, WIDEST))


def _cell(value: int, background: str, ink: str) -> str:
    return f'<td style="background: {background}; color: {ink}">{value}</td>'


def _shades(values: list[int], max_value: int) -> tuple[list[str], list[str]]:
    pairs = [shades(value / max_value) for value in values]
    return [background for background, _ in pairs], [ink for _, ink in pairs]
