"""Tables of numbers with a real minus sign, as the page's sentences have it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from pandas.io.formats.style import Styler

from digitcore.wording import number_text


def with_minus(table: pd.DataFrame, formats: Mapping[str, str]) -> pd.DataFrame | Styler:
    """Return a table for ``st.dataframe`` whose columns of signed numbers are written by :func:`number_text`.

    A format of Streamlit's columns has no real minus sign, and it would come before this one: such a column has none.
    The values stay numbers, so that a click on the head of the column sorts them. It is for tables of some dozen rows:
    pandas writes every cell.

    Parameters
    ----------
    table : DataFrame
        It is not changed.
    formats : mapping of str to str
        Formats of Python for the columns; a number that is missing stays empty.
    """
    return table.style.format(
        {name: lambda value, form=form: number_text(value, form) for name, form in formats.items() if name in table},
        na_rep="",
    )
