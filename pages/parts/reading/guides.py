"""How each view is read, in three sentences, and what its picture shows. Pictures: `docs/reading_pictures.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Guide:
    """How a view is read.

    Attributes
    ----------
    sentences : tuple of str
        What is seen, what it means, what to look for; Markdown.
    picture : str
        What the picture of the view's name shows, for those who cannot see it.
    measured : str
        How what is shown was measured, where that is not plain; Markdown.
    """

    sentences: tuple[str, str, str]
    picture: str
    measured: str = ""


GUIDES: Mapping[str, Guide] = MappingProxyType(
    {
        "curves": Guide(
            (
                "Each line follows the loss or the accuracy from epoch to epoch, once for the images that are learned "
                "from and once for images that are not.",
                "While both lines improve, the model learns something that holds for new images, too.",
                "Where they part, it begins to remember its training images: the gap is the overfitting.",
            ),
            "Loss over the epochs: the training line falls to zero, the test line stays above it.",
            "Softmax regression is measured over the whole training part after each epoch; the networks report the "
            "mean over the epoch's batches as they were trained: augmented, with dropout on and, with hard example "
            "mining, of the hardest images only. The other line is measured after the epoch, with dropout off, and the "
            "figures above at the end, in the same way for all.",
        ),
        "confusion": Guide(
            (
                "A row holds the images of one true class, a column those that the model takes for one class.",
                "The diagonal is right, everything beside it is wrong.",
                "Look for cells that stand out off the diagonal: pairs of classes that the model confuses.",
            ),
            "A confusion matrix: the diagonal is dark, and the most frequent confusion is framed.",
        ),
        "class_balance": Guide(
            (
                "The bars count the images of each class, in every part of the data.",
                "Bars of equal height mean that guessing one class is right as often as guessing another.",
                "Look for a class with few training images: it is learned less well, and its own figures are less "
                "certain.",
            ),
            "Bars of about equal height for ten classes, more training images than test images.",
        ),
        "batch_losses": Guide(
            (
                "Each point is the loss of one batch, measured just before the weights are changed by it.",
                "Batches hold different images, so that the points jump up and down; what counts is their trend.",
                "If they climb and stay high, the learning rate is too large.",
            ),
            "Losses of the first 150 batches: they fall, and jump up and down.",
        ),
        "robustness": Guide(
            (
                "Each small chart shows one corruption; its severity grows to the right.",
                "The line is the accuracy on the corrupted images, and its band the 95 % interval.",
                "A line that falls early marks a corruption that the model does not withstand, one that stays high "
                "a corruption that it does.",
            ),
            "Accuracy over the severity of a shift: it falls from nearly all images to few of them.",
        ),
        "reliability": Guide(
            (
                "The predictions are sorted into bins by how sure the model was; a bar's height is the share of a bin "
                "that is right.",
                "On the dashed line the model is right as often as it is sure.",
                "Bars below the line are predictions it was too sure of, bars above it those it was too unsure of.",
            ),
            "Bars of accuracy against confidence, with the dashed diagonal of perfect calibration.",
        ),
        "confidence": Guide(
            (
                "The bars count predictions by how sure the model was, right ones and wrong ones apart.",
                "In a useful model the right ones crowd at the right end and the wrong ones lie further left.",
                "Wrong predictions at the right end are the dangerous ones: nothing warns of them.",
            ),
            "Counts of right and wrong predictions over the confidence; most right ones are near 100 %.",
        ),
        "coverage": Guide(
            (
                "From right to left the model leaves out more and more of the images it is least sure of.",
                "The line is its accuracy on the images that are left.",
                "The steeper it rises to the left, the better the model knows what it does not know.",
            ),
            "Accuracy over the share of images that are answered; it rises as fewer are answered.",
        ),
        "weights": Guide(
            (
                "Each picture shows the weights of one unit, every weight where its pixel is.",
                "Blue pixels excite the unit, orange ones inhibit it; all pictures share one scale centred at zero.",
                "Look for shapes: blue strokes are what the unit looks for, orange ones what must not be there.",
            ),
            "Weight images of two classes, with strokes in blue and in orange.",
        ),
        "distributions": Guide(
            (
                "The bands show how the values of a layer are spread after each epoch: the wide band holds the middle "
                "90 %, the darker one the middle half.",
                "Weights that spread out are learning; gradients that shrink to zero mean that the training is over.",
                "A **dead** unit is one whose ReLU is zero for all images that it was checked on: it gets no gradient "
                "and no longer learns.",
            ),
            "A band of weights that widens over the epochs.",
        ),
        "probability": Guide(
            (
                "The bars are the model's probabilities, one for each class; they add up to 100 %.",
                "The longest one is the model's answer: blue if it is right, red if it is wrong.",
                "Two bars of similar length mean that the model hesitates between two classes.",
            ),
            "Bars of probability for ten classes, one of them long.",
        ),
        "why": Guide(
            (
                "Each picture lays over the image what every pixel or region says for or against one class.",
                "Blue speaks for the class, orange against it; where there is no colour, the pixel says nothing.",
                "Compare two classes: where their pictures differ is what the model decided by.",
            ),
            "A digit beside the same digit with its pixels in blue and orange.",
        ),
        "map": Guide(
            (
                "Every point is an image, coloured by its class, and similar images lie near each other.",
                "Comparing pixels shows what is alike to the eye; comparing the last hidden layer shows what is alike "
                "to the model.",
                "Crosses are wrong predictions: look for them where two classes meet.",
            ),
            "Points of four classes in four clusters, with crosses where they touch.",
        ),
        "quiz": Guide(
            (
                "A round shows images of the chosen part one at a time, and you name the class of each.",
                "At the end your share of right answers stands beside the model's on the same images.",
                "Look at those that the model got wrong: people misread some of them, too.",
            ),
            "A digit beside ten keys, one for each class.",
        ),
        "folds": Guide(
            (
                "Each fold of the training part is held out once while the model learns from the others; the line is "
                "the mean over the folds.",
                "The band reaches one standard deviation to each side: how much a figure depends on which images "
                "happened to be held out.",
                "A difference between two models that is smaller than the band may be chance.",
            ),
            "The mean accuracy over the epochs, with a band of one standard deviation.",
        ),
        "fold_scores": Guide(
            (
                "Each fold has a point for every part: the accuracy of the model that was trained without that fold.",
                "How far the points of the held-out part lie apart is what a single split would leave to chance.",
                "A fold far below the others may hold unusual images, or images with wrong labels.",
            ),
            "Accuracies of five folds: those of the training parts are alike, those of the held-out folds differ.",
        ),
        "sweep": Guide(
            (
                "Every point is the same training with another value of the setting; the best one is in colour.",
                "With several seeds per point the bar reaches one standard deviation to each side: differences within "
                "it are noise.",
                "Look for the range in which the accuracy hardly changes, and choose from its middle.",
            ),
            "Accuracy over the learning rate: it rises, is flat for a while, and falls.",
        ),
        "heat": Guide(
            (
                "Every cell is a training: its column is the value of one setting, its row that of the other.",
                "The more a cell stands out from the page, the better the accuracy; an empty one could not be trained.",
                "Bands along a diagonal mean that the two settings depend on each other.",
            ),
            "Cells of learning rate and batch size, dark where the accuracy is high.",
        ),
        "parallel": Guide(
            (
                "Every line is a training: it crosses each upright at the value of that setting and ends at its "
                "accuracy on the right.",
                "The thick line is the best one.",
                "Where the lines that stand out cross an upright close together, that setting matters.",
            ),
            "Lines from setting to setting, the best one thick.",
        ),
        "learning_curve": Guide(
            (
                "The same training on more and more images, drawn anew at each repeat.",
                "Where the gap between training and held-out images is wide, the model remembers its images, and more "
                "of them help.",
                "Where the lines have met, more images bring little: a larger model may.",
            ),
            "Training and held-out accuracy over the number of images: the lines come together.",
        ),
        "lr_range": Guide(
            (
                "In one short training the learning rate grows with every batch.",
                "While it is too small nothing happens; then the loss falls, and at last it explodes.",
                "A good rate lies where the loss falls steeply, well before it rises.",
            ),
            "Loss over the learning rate: flat, then falling, then rising.",
        ),
        "published": Guide(
            (
                "Each figure that the recipe's source published, a diamond, stands beside the same training here.",
                "The source trained once, with a seed that nobody knows, so a diamond alone says little.",
                "Train several seeds: the bar, one standard deviation to each side, shows which differences are noise.",
            ),
            "Published accuracies as diamonds beside measured ones with error bars.",
        ),
        "difference": Guide(
            (
                "A sentence gives the difference of two accuracies, and the interval in which it probably lies for "
                "other images of the same kind.",
                "An interval on one side of zero is a real difference; where it holds zero, the models cannot be told "
                "apart on so few images.",
                "The more trainings were tested on the same images, the more the best of them owes to luck.",
            ),
            "Two intervals of a difference: one lies beyond the line of no difference, the other one crosses it.",
        ),
        "compared_curves": Guide(
            (
                "Each line follows one figure of one model from epoch to epoch, or over the seconds of its training.",
                "Runs that differ in the seed alone are one line, their mean, and its band is one standard deviation "
                "to each side.",
                "Where two bands overlap, another seed could change which model leads.",
            ),
            "Test accuracy over the epochs for two learning rates, each a line with a narrow band.",
        ),
        "confusion_change": Guide(
            (
                "Each cell shows how many more images (blue) or fewer images (orange) of a true class B takes for a "
                "class than A does.",
                "On the diagonal more is better, everywhere else fewer is better.",
                "Look for pairs of classes that one model confuses and the other one does not.",
            ),
            "A matrix with a few blue and orange cells, on the diagonal and beside it.",
        ),
    }
)
