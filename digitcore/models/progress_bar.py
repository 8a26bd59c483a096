"""A progress bar of a training on standard error: tqdm's where tqdm is installed, else one line of text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from digitcore.models.epoch import Epoch


class TextBar:
    """The part of tqdm's interface that :func:`progress_bar` needs, without tqdm.

    Parameters
    ----------
    total : int
        Number of epochs.
    desc : str
        Name of what is trained.
    """

    def __init__(self, total: int, desc: str):
        self.total, self.desc, self.n = total, desc, 0
        self._postfix, self._width = "", 0

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """Set what stands behind the number of epochs."""
        self._postfix = text

    def update(self, n: int) -> None:
        """Count ``n`` more epochs and write the line again."""
        self.n += n
        line = f"{self.desc}: {self.n}/{self.total} epochs, {self._postfix}"
        # Spaces cover what a longer line has left behind.
        print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
        self._width = len(line)

    def close(self) -> None:
        """End the line."""
        print(file=sys.stderr)


@contextmanager
def progress_bar(n_epochs: int, name: str) -> Iterator[Callable[[Epoch], None]]:
    """Show a progress bar inside the ``with`` block.

    Parameters
    ----------
    n_epochs : int
        Number of epochs at most; a training that stops early leaves the bar where it is.
    name : str
        Name of what is trained.

    Yields
    ------
    callable
        Moves the bar on; takes each :class:`Epoch`.
    """
    bar = _bar_class()(total=n_epochs, desc=name)

    def show(epoch: Epoch) -> None:
        bar.set_postfix_str(_figures(epoch), refresh=False)
        bar.update(1)

    try:
        yield show
    finally:
        bar.close()


def _bar_class() -> Callable[..., TextBar]:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return TextBar
    return tqdm


def _figures(epoch: Epoch) -> str:
    figures = f"loss {epoch.train_loss:.4f}, accuracy {epoch.train_accuracy:.4f}"
    if epoch.validation_accuracy is None:
        return figures
    return f"{figures}, validation accuracy {epoch.validation_accuracy:.4f}"
