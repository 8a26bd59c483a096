"""From an altair chart to what Streamlit sends: made once where the chart stays the same, and without checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd
import pyarrow as pa

# What a chart's specification takes beside its tables, roughly.
SPECIFICATION_BYTES = 25_000
_PARTS = ("layer", "hconcat", "vconcat", "concat")


def drawable(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as a Vega-Lite specification for ``st.vega_lite_chart``, its tables as Arrow bytes.

    ``st.altair_chart`` writes a chart down and checks it against the schema at each rerun, which takes 15 to 30 ms;
    the tests of the charts check it once. The result may be kept and drawn often.

    Parameters
    ----------
    chart : altair chart
        Whose encodings name their types; it is not changed.
    """
    datasets: dict[str, bytes] = {}
    spec = _with_named_tables(chart, datasets).to_dict(validate=False)
    # Altair's own theme adds a size, and that is the page's affair.
    view = spec.get("config", {}).get("view", {})
    for size in ("continuousWidth", "continuousHeight"):
        view.pop(size, None)
    return {**spec, "datasets": datasets}


def n_bytes(drawn: Mapping[str, Any]) -> int:
    """Return about how much memory a chart from :func:`drawable` takes."""
    return SPECIFICATION_BYTES + sum(len(content) for content in drawn["datasets"].values())


class Frame:
    """A chart that is drawn with one table after another, as while a training grows its curves.

    Altair makes the chart once; to put in another table costs little beside that.

    Parameters
    ----------
    chart : altair chart
        As for :func:`drawable`; it would be the same for the other tables.
    *tables : DataFrame
        Those in it that are to be replaced; no two of them are equal.

    Raises
    ------
    ValueError
        If a table is not in the chart, as where altair has written it into the chart because it is too long, or if two
        are equal.
    """

    def __init__(self, chart: alt.TopLevelMixin, *tables: pd.DataFrame):
        spec = drawable(chart)
        self._names = [_add_table(table, {}) for table in tables]
        n_found = len(set(self._names) & set(spec["datasets"]))
        if n_found < len(tables):
            raise ValueError(
                f"expected {len(tables)} different tables in the chart, found {n_found}: give tables that differ "
                "and are in the chart"
            )
        self._others = {name: content for name, content in spec.pop("datasets").items() if name not in self._names}
        self._text = json.dumps(spec)

    def drawn(self, *tables: pd.DataFrame) -> dict[str, Any]:
        """Return the chart with these tables, as :func:`drawable` does."""
        datasets, text = dict(self._others), self._text
        for name, table in zip(self._names, tables, strict=True):
            text = text.replace(name, _add_table(table, datasets))
        return {**json.loads(text), "datasets": datasets}


def _with_named_tables(chart: Any, datasets: dict[str, bytes]) -> Any:
    """Return a copy whose tables are names, and add the tables to ``datasets``."""
    copied = chart.copy(deep=False)
    table = chart.data
    if isinstance(table, alt.InlineData):  # too long for altair, but not for Arrow
        table = pd.DataFrame(table.values)
    if isinstance(table, pd.DataFrame):
        copied.data = alt.NamedData(name=_add_table(table, datasets))
    for name in _PARTS:
        parts = getattr(chart, name, alt.Undefined)
        if parts is not alt.Undefined:
            setattr(copied, name, [_with_named_tables(part, datasets) for part in parts])
    return copied


def _add_table(table: pd.DataFrame, datasets: dict[str, bytes]) -> str:
    # No chart uses the index, and that of a selection of rows would add a column.
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    content = sink.getvalue().to_pybytes()
    # Streamlit tells charts apart by the names of their tables.
    name = hashlib.md5(content, usedforsecurity=False).hexdigest()
    datasets[name] = content
    return name
