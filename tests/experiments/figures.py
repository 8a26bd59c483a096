"""Figures of a part as an evaluation has them."""

from digitcore.evaluation import PartEvaluation, wilson_interval


def figures(accuracy, n_images=1000, loss=1.0):
    """The evaluation of a part of which this share is right."""
    n_right = round(accuracy * n_images)
    return PartEvaluation(n_images, n_right, accuracy, loss, *wilson_interval(n_right, n_images))
