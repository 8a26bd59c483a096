"""The words of the field, each explained once: every tooltip on the pages and in the form comes from here.

An explanation is for somebody who meets the word for the first time: three sentences at most, Markdown without links.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_IMAGES = {
    "data set": "The images that a model learns from and is tested on, each with the class that it shows.",
    "class": "What an image may show, such as a digit or a kind of clothing. The model has to name the class.",
    "pixel": "One dot of an image, stored as a number: 0 where there is no ink, the largest value where there is most.",
    "class balance": "How many images of each class a part has. A class with few images is learned less well.",
    "mean image": "The average of all images of a class, pixel by pixel. Sharp edges are where most of them agree.",
    "pixel values": "Whether pixels are divided by the largest value, so that they lie between 0 and 1, or given to "
    "the model as they are. Small numbers make training steadier.",
    "clean-up": "A drawing or a photo is cropped to its ink, scaled and centred like the images of the data set. The "
    "model has only ever seen images made that way.",
}

_SPLIT = {
    "split": "How the images are divided into parts: at random, or as their publishers did.",
    "part": "Some of the images. The training part is learned from, a validation part guides choices during the "
    "training, and the test part is kept for the final figure.",
    "train part": "The images that the model learns from. Its accuracy on them says how well they are remembered, not "
    "how well new images are read.",
    "validation part": "Images that the model does not learn from but is measured on after each epoch, to choose "
    "settings or the best epoch.",
    "test part": "Images that the model does not learn from, kept for the final figure. The accuracy on them is the "
    "best estimate for new images.",
    "test size": "Share of the images kept back for the final test; 0 means no test part.",
    "validation": "Which images the curves and early stopping are measured on: none, some held out of the training "
    "part, one of several equal folds of it, or the test part.",
    "validation size": "Share of the training part that is held out for validation.",
    "number of folds": "Number of equal folds that the training part is divided into for cross-validation.",
    "fold": "One of the equal pieces that the training part is divided into. The model is trained on the others and "
    "measured on this one.",
    "fold number": "Which of the folds is used for validation, from 1. The model is trained on the others.",
    "early-stopping size": "Share of the other folds that is taken out of the training for early stopping to watch, so "
    "that the fold itself has no say in which epoch is kept; 0 lets early stopping watch the fold.",
    "fewer training images": "Train on fewer images, drawn at random, to see the effect of less data.",
    "fewer images": "Use only this many images of the data set, drawn at random before the split.",
    "seed of the split": "Seed of the random split. The same seed gives the same parts.",
    "stratify": "Give every part the same share of each class.",
}

_MODEL = {
    "model": "The kind of classifier: a function with many adjustable numbers that turns pixels into a probability for "
    "each class.",
    "layer": "One step of the model: it turns the numbers that it gets into new ones. A layer's output is the next "
    "one's input.",
    "output shape": "How many numbers a layer passes on: units of a dense layer, or height, width and number of "
    "feature maps of a convolution.",
    "parameters": "The numbers that training adjusts: the weights and biases of all layers.",
    "unit": "One number of a layer: a weighted sum of the layer's inputs, put through the activation.",
    "weight": "How strongly an input counts for a unit, for or against. Training adjusts all weights.",
    "bias": "A number that a unit adds to its weighted sum, whatever the image shows.",
    "softmax": "How scores become probabilities: e to the score of each class, divided by the sum of all of these.",
    "hidden layers": "Layers between the pixels and the classes; give the units of each, first to last, such as 32-16. "
    "Empty means no hidden layer.",
    "last hidden layer": "The last step before the classes. Images that the model takes for alike have similar numbers "
    "there.",
    "dropout": "Share of the units switched off at random in each training step. It reduces overfitting.",
    "activation": "What each hidden layer does to its weighted sums; without it, layers would add up to a single one. "
    "ReLU sets negative sums to zero, leaky ReLU to a hundredth, and GELU does so smoothly; tanh and sigmoid flatten "
    "out on both sides, where gradients vanish.",
    "ReLU": "An activation that lets positive sums pass and turns negative ones into zero.",
    "batch normalisation": "Brings the sums of each filter to mean 0 and standard deviation 1 over a batch's images, "
    "then scales and shifts them as learned. Training gets along with larger learning rates and takes half as long "
    "again; predictions use running means. It needs batches of some dozens of images.",
    "weight initialisation": "How the weights are drawn before the first epoch, so that sums keep their size from "
    "layer to layer: He suits ReLU, leaky ReLU and GELU, Xavier tanh and sigmoid, LeCun layers that are nearly linear.",
    "scale of the initial weights": "What the weights are multiplied by before the first epoch. Far below 1 gradients "
    "vanish on their way back through the layers, far above 1 they explode.",
    "initial bias": "Value of every bias before the first epoch. A bias is what a unit adds to its weighted sum.",
    "convolution filters": "Number of filters of each convolution, first to last, such as 32 or 16-32. A filter is a "
    "small pattern that is moved over the whole image; a pooling layer follows each convolution.",
    "kernel size": "Height and width of every filter, in pixels.",
    "padding": "Without padding an image shrinks by the kernel size less one; with it the size stays.",
    "pool size": "Height and width of the window whose maximum is kept; 1 means no pooling.",
    "pool stride": "Pixels from one pooling window to the next: equal to the pool size shrinks the image most, 1 the "
    "least.",
    "dense layers": "Units of each dense layer after the convolutions, such as 128. Every unit of a dense layer sees "
    "all numbers of the layer before.",
}

_TRAINING = {
    "epoch": "One pass of the training through all training images.",
    "epochs": "How many times the training sees every training image. With early stopping this is the upper limit.",
    "batch size": "Images per weight update. Small batches make more, noisier updates; a full batch makes one exact "
    "update per epoch.",
    "learning rate": "How far each update moves the weights. Too small is slow; too large oscillates or diverges.",
    "learning-rate schedule": "How the learning rate changes during the training: not at all, in steps, along a cosine "
    "down to 0, or in one cycle, which rises to it from a 25th and then falls to nearly 0. Large steps learn fast, and "
    "small ones at the end settle well.",
    "epochs per step": "Number of epochs after which the learning rate is reduced, again and again.",
    "factor of a step": "What the learning rate is multiplied by at each reduction: 0.1 is a tenth.",
    "warm-up": "Share of the training in which the learning rate rises, before it falls: 0.3 is PyTorch's default.",
    "optimizer": "The rule that turns a gradient into an update. The adaptive ones (all but SGD) scale each weight's "
    "step.",
    "momentum": "Share of the last update that is carried into the next one. Used by SGD only.",
    "kind of momentum": "Classical: the last update is carried on as it was. Nesterov: the gradient is taken as if it "
    "had been carried on already, which brakes earlier.",
    "RMSprop decay": "Memory of RMSprop's running mean of squared gradients: 0.99 is PyTorch's default, 0.9 is Keras'.",
    "epsilon": "Keeps an adaptive optimizer from dividing by zero: 1e-8 is PyTorch's default for Adam, 1e-7 is Keras'.",
    "overfitting": "The model remembers its training images instead of what they have in common: its accuracy on them "
    "still rises, but new images are read no better, or worse.",
    "early stopping": "Stop when the validation accuracy has not risen for this many epochs, and keep the best epoch's "
    "weights.",
    "weight decay": "How strongly each update pulls all weights and biases towards zero, which reduces overfitting. "
    "With Adam the pull is apart from the gradient (AdamW), with the other optimizers it is part of it (L2 penalty).",
    "label smoothing": "Share of the truth that is spread evenly over all classes while training, so that the model is "
    "never asked to be quite sure. It reduces overfitting and overconfidence; the curves show the plain loss.",
    "gradient clipping": "The gradients of all weights, taken as one vector, are shortened to at most this length "
    "before each update. It keeps a training with large gradients from blowing up.",
    "hard example mining": "Share of the training images that an epoch trains on: four fifths of them those whose "
    "right class was least probable when they were last trained on, the others at random. Soon most images are easy, "
    "and the time goes into those that are not. A network's training curve is then that of hard images.",
    "augmentation": "Each epoch trains on the training images changed at random, each time anew, so that the model "
    "learns to read others like them. Validation and test images are never changed. A network's training curve is "
    "measured on the changed images, that of softmax regression on the images as they are.",
    "what augmentation brings": "Measured with five recipes, three epochs, two seeds: random shift, rotation and "
    "scaling raised the accuracy on moved, turned and scaled images by 3 to 14 points, and cost 3 to 18 under noise. "
    "With noise, patches and thickness in the mix, dense networks gained 24 points under noise, and all lost "
    "0.5 to 6 on clean images.",
    "random shift": "Each training image is moved by up to this many pixels in each direction, anew in every epoch.",
    "random rotation": "Each training image is turned by up to this angle, to either side, anew in every epoch.",
    "random scaling": "Each training image is enlarged or shrunk by up to this share of its size, anew in every epoch.",
    "random shear": "Each training image is slanted to the left or to the right by up to this many pixels per pixel of "
    "height, anew in every epoch.",
    "elastic deformation": "Neighbouring pixels of each training image are moved together, each by about this many "
    "pixels, as if another hand had written it.",
    "random noise": "Standard deviation of Gaussian noise on every pixel of the training images; full ink is 1. "
    "Shifts, turns and scaling alone cost 3 to 18 points on noisy images.",
    "erased patch": "A patch at a random place of each training image is blanked, its sides this share of the image's, "
    "so that the model does not rely on one detail.",
    "random stroke thickness": "Strokes of each training image grow or shrink by up to this many pixels on each side, "
    "as with another pen.",
    "seed": "Start of the random numbers for initial weights, batch order, dropout and augmentation. The same seed "
    "gives the same result.",
    "vote": "Number of models to train, with consecutive seeds that begin at Seed: an ensemble. Their probabilities "
    "are averaged (soft voting), which is usually more accurate than one model; the training takes that many times as "
    "long.",
    "recipe": "Settings of a published tutorial, or this project's own. Choosing one fills the whole form; then change "
    "what you like.",
    "published": "The figure that the recipe's source printed for these settings.",
    "measured": "Mean accuracy of several trainings with these settings, and its 95 % interval. This project's "
    "own recipes have no published figure.",
    "training time": "Seconds that the training took on this machine, and the epochs that it went through.",
    "LR range test": "One short training in which the learning rate grows with every batch. Where the loss falls most "
    "steeply, training goes fastest.",
}

_FIGURES = {
    "accuracy": "Share of the images whose class the model names right.",
    "loss": "How far the probabilities are from the truth: minus the logarithm of the probability of the right class, "
    "averaged over the images. It is 0 for a model that is sure and right, and training makes it smaller.",
    "nats": "The unit of the loss, named after the natural logarithm. The loss is 1 nat where the right class has a "
    "probability of 37 %, and 2.3 nats for guessing among 10 classes.",
    "interval": "Where the true accuracy probably lies: with as many images, such an interval holds it in 95 of 100 "
    "cases. Twice as narrow takes four times the images.",
    "interval of the mean": "Where the mean accuracy of such models probably lies for other images. It allows for "
    "the folds' models sharing most of the images that they learn from.",
    "confusion matrix": "A table of all predictions. A row holds the images of one true class, a column those taken "
    "for one class, so the right answers lie on the diagonal.",
    "logarithmic scale": "Each step of the colours stands for the same factor, not the same number. Rare mistakes stay "
    "visible beside the many right answers.",
    "prediction": "The class that the model finds most probable.",
    "probability": "How much the model believes in a class, from 0 to 100 %. The probabilities of all classes add up "
    "to 100 %.",
    "confidence": "The probability that the model gave its own answer.",
    "calibration error": "How far confidence and accuracy are apart on average (expected calibration error). It is 0 "
    "for a model that is right in 80 % of the cases in which it is 80 % sure.",
    "reliability": "Whether the model is right as often as it is sure: accuracy against confidence.",
    "selective prediction": "The model answers only where it is sure enough and leaves the other images to a person. "
    "The fewer it answers, the more of its answers should be right.",
    "precision": "Of the images taken for this class, the share that show it.",
    "recall": "Of the images that show this class, the share that were found.",
    "interval of recall": "Where the true recall of the class probably lies (Wilson's interval): with as many images, "
    "such an interval holds it in 95 of 100 cases.",
    "bootstrap interval": "Where the figure probably lies for other images of the same kind: it is computed again and "
    "again from images drawn anew from these, and 95 of 100 such intervals hold the true one.",
    "F1": "The harmonic mean of precision and recall: high only where both are.",
    "runner-up": "The class that the model finds second most probable.",
    "robustness": "How accurate a model stays when its images get worse than those that it has learned from: noisy, "
    "turned, blurred.",
    "severity": "How strongly an image is corrupted, from 1, hardly visible, to 5, hard to read. At 0 it is as it was.",
    "label issue": "An image whose label may be wrong: models that were not trained on it confidently see another "
    "class. It may also be right, and the image hard to read.",
}

_INSIGHT = {
    "weight image": "The weights of one unit, each drawn where its pixel is. Ink on blue excites the unit, ink on "
    "orange inhibits it.",
    "norm": "The length of a unit's weights taken as one vector. A unit with a small norm hardly looks at the image.",
    "feature map": "What one filter makes of the image: bright where the picture looks like the filter.",
    "strongest path": "From a class backwards through the network, each step to the unit that adds most on training "
    "images of the class.",
    "gradient": "How the loss changes when a weight is moved a little. Training moves each weight against its "
    "gradient; gradients near zero mean that it has nearly stopped.",
    "dead unit": "A unit whose ReLU is zero for all images that it was checked on. It gets no gradient, so it no "
    "longer learns.",
    "contribution": "Weight times pixel: what each pixel adds to the score of a class.",
    "occlusion": "A blank patch covers each region in turn. Where the probability falls, the region spoke for the "
    "class.",
    "image gradient": "How the score of a class changes when a pixel gets a little more ink.",
    "PCA": "Principal component analysis: turns the images so that the two directions of largest variance lie in the "
    "plane. It is immediate.",
    "t-SNE": "Places images so that neighbours stay neighbours. What lies in one cluster is alike; how far apart two "
    "clusters are says little.",
}

_EXPERIMENTS = {
    "cross-validation": "The training part is divided into equal folds, and each is held out once while a model learns "
    "from the others. The spread of the results says how much a figure depends on the images.",
    "standard deviation": "How far single results lie from their mean, typically: about two thirds of them lie within "
    "one standard deviation.",
    "spread": "The band or the bars reach one standard deviation to each side of the mean.",
    "sweep": "The same training with one or several settings varied, to find the best.",
    "spacing": "Linear: equal steps. Log: equal factors, better for settings such as the learning rate that matter by "
    "their order of magnitude.",
    "seeds per point": "Trainings of each point, each with a seed of its own: their spread tells what is noise.",
    "points drawn at random": "Draw so many points instead of training the whole grid: better for more than two "
    "settings.",
    "successive halving": "Train all points for a few epochs, and only the best of them for this many times more, "
    "until few have been trained to the end.",
    "importance": "How much worse a random forest predicts the accuracy when the values of a setting are shuffled.",
    "learning curve": "Accuracy over the number of training images. It tells whether more images would help.",
    "repeats per size": "Trainings of each size, each on other images with another seed: their spread tells what is "
    "noise.",
    "gap": "Training accuracy minus held-out accuracy, in percentage points. A wide gap means that the model remembers "
    "its training images better than it understands new ones (overfitting).",
}

GLOSSARY: Mapping[str, str] = MappingProxyType(
    {**_IMAGES, **_SPLIT, **_MODEL, **_TRAINING, **_FIGURES, **_INSIGHT, **_EXPERIMENTS}
)


def explain(*terms: str) -> str:
    """Return the explanation of a term; of several, a paragraph for each that begins with the term.

    Parameters
    ----------
    *terms : str
        Keys of :data:`GLOSSARY`.

    Raises
    ------
    KeyError
        If there is no such term.
    """
    if len(terms) == 1:
        return GLOSSARY[terms[0]]
    return "\n\n".join(f"**{term[0].upper()}{term[1:]}**: {GLOSSARY[term]}" for term in terms)
