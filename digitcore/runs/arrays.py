"""The arrays that a training leaves, by what they are: the one place that knows how they are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from safetensors.numpy import save as save_tensors

from digitcore.models.checkpoint import under_prefix, with_prefix
from digitcore.models.ensemble import weights_of_first


class RunArrays(Mapping[str, np.ndarray]):
    """A run's arrays by their names in its file, such as ``"weights.output.bias"``, and by groups of them.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        By their names in the file.

    Attributes
    ----------
    weights : dict of str to ndarray
        As ``get_weights`` of the estimator names them.
    shown_weights : dict of str to ndarray
        The weights that pages show: of a vote its first member's, else all.
    probabilities : dict of str to ndarray
        float32 ``(n_images, n_classes)`` for each part: what the model made of every image.
    indices : dict of str to ndarray
        int64 ``(n_images,)`` for each part: the images' positions in the data set. Empty for runs that were kept before
        they were noted.
    snapshots : dict of str to ndarray
        See :class:`digitcore.runs.snapshots.Recorder`.
    checkpoint : dict of str to ndarray
        What a longer training needs to go on, see :func:`digitcore.runs.training.checkpoint_of`; may be empty.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    @classmethod
    def of(cls, **groups: Mapping[str, np.ndarray]) -> RunArrays:
        """Return the arrays of groups, named as the attributes."""
        named = (with_prefix(group, arrays) for group, arrays in groups.items())
        return cls({name: array for arrays in named for name, array in arrays.items()})

    def __or__(self, others: Mapping[str, np.ndarray]) -> RunArrays:
        return RunArrays({**self, **others})

    @property
    def tensors(self) -> bytes:
        """The arrays in safetensors format."""
        return save_tensors({name: np.asarray(array, order="C") for name, array in self.items()})

    def without_checkpoint(self) -> RunArrays:
        """Return the arrays without what only a longer training needs."""
        return RunArrays({name: array for name, array in self.items() if not name.startswith("checkpoint.")})

    @property
    def weights(self) -> dict[str, np.ndarray]:
        return under_prefix("weights", self)

    @property
    def shown_weights(self) -> dict[str, np.ndarray]:
        return weights_of_first(self.weights)

    @property
    def probabilities(self) -> dict[str, np.ndarray]:
        return under_prefix("probabilities", self)

    @property
    def indices(self) -> dict[str, np.ndarray]:
        return under_prefix("indices", self)

    @property
    def snapshots(self) -> dict[str, np.ndarray]:
        return under_prefix("snapshots", self)

    @property
    def checkpoint(self) -> dict[str, np.ndarray]:
        return under_prefix("checkpoint", self)
