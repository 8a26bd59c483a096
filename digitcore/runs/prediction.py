"""What the model of a finished run makes of any image: probabilities, and why."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from digitcore.datasets import DATASETS, Part, features
from digitcore.errors import InvalidSetting
from digitcore.insight.attribution import contributions, occlusion_drops
from digitcore.insight.layer_tables import strongest_path
from digitcore.insight.surgery import Surgery, operate
from digitcore.insight.weight_images import first_layer_name
from digitcore.models import MODELS
from digitcore.models.ensemble import Model, first_member, members_of, weights_of_first
from digitcore.runs.arrays import RunArrays
from digitcore.runs.run import Run
from digitcore.runs.training import all_classes, model_for, threads_for

if TYPE_CHECKING:
    from digitcore.models.base import EpochClassifier

# Images of a class whose activations stand for all of them.
N_LOOKED_AT = 100
# Images whose hidden values are in memory together.
N_AT_ONCE = 250


class RunModel:
    """The trained model of a run: predicts images like those of the run's data set, and explains its predictions.

    Parameters
    ----------
    run : Run
        A run that was evaluated.
    arrays : mapping of str to ndarray
        Its arrays, as :meth:`digitcore.runs.Engine.arrays` gives them.
    class_names : sequence of str
        Of its data set.

    Attributes
    ----------
    weights : dict of str to ndarray
        As :meth:`digitcore.models.base.EpochClassifier.get_weights` gives them; of a vote the first member's.
    estimator : EpochClassifier or Ensemble
        What predicts.
    n_bytes : int
        What all weights take.

    Raises
    ------
    InvalidSetting
        If the weights are not those of the run's model.
    """

    def __init__(self, run: Run, arrays: Mapping[str, np.ndarray], class_names: tuple[str, ...]):
        self.spec, self.class_names = run.spec, class_names
        self._dataset = DATASETS[run.spec.dataset]
        every = RunArrays(arrays).weights
        self.weights, self.n_bytes = weights_of_first(every), sum(array.nbytes for array in every.values())
        missing = run.evaluation.missing_classes["train"]
        self._classes = [index for index, name in enumerate(class_names) if name not in missing]
        self.estimator = self._restored(every)

    def operated(self, surgery: Surgery) -> RunModel:
        """Return this model after a surgery; this one stays as it is.

        Raises
        ------
        InvalidSetting
            If the first layer has not all units that the surgery names, or several models vote.
        """
        if self.spec.members > 1:
            raise InvalidSetting("The weights of a vote of several seeds cannot be changed: choose one of its seeds")
        other = copy.copy(self)
        other.weights = operate(self.weights, first_layer_name(self.spec.model, self.weights), surgery)
        other.estimator = other._restored(other.weights)
        return other

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        """Return the probability of every class for each image, as the run's evaluation computed them.

        Parameters
        ----------
        images : ndarray of shape (n_images, height, width), dtype uint8
            Raw pixel values, 0 to the data set's ``max_value``, as its own images are.

        Returns
        -------
        ndarray of shape (n_images, n_classes), dtype float64
            0 to 1; the columns are in the order of ``class_names``. A class that the training part lacked has 0.

        Raises
        ------
        InvalidSetting
            If the images are not of this type, shape and range.
        """
        rows = self._rows(self._checked(np.asarray(images)))  # (n_images, height * width)
        with threads_for(self.spec):
            probabilities = all_classes(self.estimator, rows, len(self.class_names))
        return probabilities.astype(np.float64)  # (n_images, n_classes)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the index of each image's most probable class, int64 ``(n_images,)``; see :meth:`predict_proba`."""
        return self.predict_proba(images).argmax(axis=1)

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Return the probability of every class, float64 ``(n_classes,)``.

        Parameters
        ----------
        image : ndarray of shape (height, width)
            0 to the data set's ``max_value``, as its own images are.
        """
        return self._predict(self._pixels(image)[np.newaxis])[0].astype(np.float64)

    def contributions(self, image: np.ndarray) -> np.ndarray:
        """See :func:`digitcore.insight.attribution.contributions`; only for softmax regression, of a vote the means."""
        weights = np.mean([member.get_weights()["output.weight"] for member in members_of(self.estimator)], axis=0)
        return self._for_all(contributions(weights, self._pixels(image), self._dataset.image_shape))

    def occlusion(self, image: np.ndarray) -> np.ndarray:
        """See :func:`digitcore.insight.attribution.occlusion_drops`."""
        return occlusion_drops(self._predict, self._pixels(image), self._dataset.image_shape)

    def gradients(self, image: np.ndarray) -> np.ndarray:
        """Return the gradient of each class's score by each pixel, ``(n_classes, height, width)``.

        Of a vote it is the mean of its members' gradients.
        """
        rows = self.estimator.input_gradients(self._pixels(image))
        return self._for_all(rows.reshape(-1, *self._dataset.image_shape))

    def feature_maps(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Return what each convolution and pooling makes of an image: ``(channels, height, width)``, of ReLU from 0.

        Of a vote it is the first member's.
        """
        values = self._shown.activations(self._pixels(image)[np.newaxis])
        return {name: np.moveaxis(maps[0], -1, 0) for name, maps in values.items() if maps.ndim == 4}

    @property
    def has_hidden_layers(self) -> bool:
        """Whether there is a layer between the pixels and the classes."""
        return len(self.weights) > 2

    def last_hidden(self, images: np.ndarray) -> np.ndarray:
        """Return what the last hidden layer makes of images ``(n_images, height, width)``: ``(n_images, n_values)``.

        Of a vote it is the first member's.
        """
        blocks = []
        for start in range(0, len(images), N_AT_ONCE):
            *_, last = self._shown.activations(self._rows(images[start : start + N_AT_ONCE])).values()
            blocks.append(last.reshape(len(last), -1))
        return np.concatenate(blocks)

    def strongest_paths(self, part: Part) -> dict[int, list[int]]:
        """Return :func:`~digitcore.insight.layer_tables.strongest_path` of an MLP for each class in ``part``.

        The first 100 images of a class are looked at. Of a vote they are the first member's.
        """
        paths = {}
        for row, class_index in enumerate(self._classes):
            positions = np.flatnonzero(part.labels == class_index)[:N_LOOKED_AT]
            if len(positions):
                activations = self._shown.activations(self._rows(part.take(positions)))
                paths[class_index] = strongest_path(self.weights, activations, row)
        return paths

    def _checked(self, images: np.ndarray) -> np.ndarray:
        """Return the images, or refuse what the data set's images could not be."""
        name, most = self._dataset.label, self._dataset.max_value
        height, width = self._dataset.image_shape
        if images.dtype != np.uint8 or images.shape[1:] != (height, width) or not len(images):
            raise InvalidSetting(
                f"The images must be uint8 of shape (n_images, {height}, {width}) as those of {name}, at least one, "
                f"got {images.dtype} of shape {images.shape}"
            )
        if images.max() > most:
            raise InvalidSetting(f"The pixels must be 0 to {most} as those of {name}, got {images.max()}: scale them")
        return images

    @property
    def _shown(self) -> EpochClassifier:
        """The estimator that has :attr:`weights`."""
        return first_member(self.estimator)

    def _restored(self, weights: Mapping[str, np.ndarray]) -> Model:
        height, width = self._dataset.image_shape
        model = model_for(self.spec, self._dataset)
        return model.restore(weights, classes=self._classes, n_features=height * width)

    def _predict(self, X: np.ndarray) -> np.ndarray:
        # A few images are no work to share, and the other cores may be training. To limit NumPy's takes longer.
        alone = threads_for(self.spec, most=1) if MODELS[self.spec.model].uses_torch else nullcontext()
        with alone:
            return all_classes(self.estimator, X, len(self.class_names))

    def _for_all(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the trained classes as rows of all classes, zero for those the training part lacked."""
        whole = np.zeros((len(self.class_names), *rows.shape[1:]), dtype=rows.dtype)
        whole[self._classes] = rows
        return whole

    def _pixels(self, image: np.ndarray) -> np.ndarray:
        return self._rows(image[np.newaxis])[0]

    def _rows(self, images: np.ndarray) -> np.ndarray:
        return features(images, max_value=self._dataset.max_value, scaling=self.spec.scaling)
