"""One epoch of each recipe, as this project and as its peers train it; ``training.py`` times them beside each other.

A contestant is a function of the recipe's data that returns what trains one epoch and passes over the validation
images. Each peer is written as its own documentation would write it, with the recipe's hyperparameters.
"""

import os
import warnings

os.environ["KERAS_BACKEND"] = "torch"

import numpy as np
import torch
import tuned_peers
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Data:
    """A recipe's images, float32 ``(n_images, n_pixels)``, and labels."""

    def __init__(self, name):
        from digitcore.runs.training import split_for
        from digitcore.specs.recipes import load_recipe

        self.spec = load_recipe(name).spec
        divided = split_for(self.spec)
        held_out = divided.validation
        self.X, self.y = divided.train.features(self.spec.scaling), divided.train.labels
        self.X_held_out, self.y_held_out = held_out.features(self.spec.scaling), held_out.labels
        self.image_shape = divided.dataset.image_shape


# This project


def digitcore(data, seed=0, **changes):
    """Return the epoch of the recipe's estimator, with the threads that a worker gives it."""
    from digitcore.models import make_model
    from digitcore.runs.training import threads_for

    parameters = {**data.spec.parameters, "epochs": 100_000, "patience": None, **changes}
    shape = {"image_shape": data.image_shape} if data.spec.model == "cnn" else {}
    model = make_model(data.spec.model, random_state=seed, **parameters, **shape)
    epochs = model.iter_fit(data.X, data.y, (data.X_held_out, data.y_held_out))

    def epoch():
        with threads_for(data.spec):
            return next(epochs).validation_accuracy

    return epoch


# PyTorch with a DataLoader


def torch_cnn(data):
    """Return the epoch of a plain PyTorch loop for mnist-cnn."""
    module = nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2, stride=1),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(25 * 25 * 32, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    return torch_loop(data, module, torch.optim.SGD(module.parameters(), lr=0.01), batch_size=32)


def torch_dropout_mlp(data):
    """Return the epoch of the source's loop for mnist-dropout-mlp."""
    module = nn.Sequential(
        nn.Linear(784, 100),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(100, 100),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(100, 10),
    )
    return torch_loop(data, module, torch.optim.Adam(module.parameters(), lr=0.01), batch_size=32)


def torch_loop(data, module, optimizer, batch_size):
    """Return an epoch as PyTorch's tutorials write it."""
    train = TensorDataset(torch.from_numpy(data.X), torch.from_numpy(data.y))
    held_out = TensorDataset(torch.from_numpy(data.X_held_out), torch.from_numpy(data.y_held_out))
    train_loader = DataLoader(train, batch_size=batch_size, shuffle=True)
    held_out_loader = DataLoader(held_out, batch_size=1000)
    loss_of = nn.CrossEntropyLoss()

    def epoch():
        module.train()
        for X, y in train_loader:
            optimizer.zero_grad()
            loss = loss_of(module(X), y)
            loss.backward()
            optimizer.step()
        module.eval()
        n_right = 0
        with torch.no_grad():
            for X, y in held_out_loader:
                n_right += (module(X).argmax(dim=1) == y).sum().item()
        return n_right / len(held_out)

    return epoch


def torch_digits(data, seed=0):
    """Return the source's whole training of digits-mlp: 1001 full-batch epochs, test loss after each."""
    X, y = torch.from_numpy(data.X), torch.from_numpy(data.y)
    X_test, y_test = torch.from_numpy(data.X_held_out), torch.from_numpy(data.y_held_out)

    def training():
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 10))
        loss_of, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(module.parameters(), lr=0.01)
        train_losses, test_losses = [], []
        for _ in range(1001):
            optimizer.zero_grad()
            loss = loss_of(module(X), y)
            loss.backward()
            optimizer.step()
            train_losses.append(loss.item())
            with torch.no_grad():
                test_losses.append(loss_of(module(X_test), y_test).item())

    return training


def digitcore_digits(data):
    """Return this project's whole training of digits-mlp."""
    from digitcore.models import make_model
    from digitcore.runs.training import threads_for

    def training():
        with threads_for(data.spec):
            model = make_model("mlp", random_state=0, **data.spec.parameters)
            model.fit(data.X, data.y, (data.X_held_out, data.y_held_out))

    return training


# Keras 3 on its torch backend


def keras_cnn(data):
    """Return the epoch of the source's Keras model for mnist-cnn."""
    from keras import layers

    stack = [
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2), strides=(1, 1)),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    return keras_fit(data, stack, "sgd", batch_size=32, shape=(-1, 28, 28, 1))


def keras_dense(data):
    """Return the epoch of the source's Keras model for mnist-dense."""
    from keras import layers

    stack = [layers.Input((784,)), layers.Dense(512, activation="relu"), layers.Dense(10, activation="softmax")]
    return keras_fit(data, stack, "rmsprop", batch_size=128, shape=(-1, 784))


def keras_fit(data, stack, optimizer, batch_size, shape):
    """Return an epoch of ``Model.fit`` with validation data."""
    import keras

    model = keras.Sequential(stack)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    X, X_held_out = data.X.reshape(shape), data.X_held_out.reshape(shape)
    y, y_held_out = np.eye(10, dtype=np.float32)[data.y], np.eye(10, dtype=np.float32)[data.y_held_out]
    return lambda: model.fit(X, y, batch_size=batch_size, epochs=1, validation_data=(X_held_out, y_held_out), verbose=0)


# skorch and scikit-learn


def skorch_dropout_mlp(data):
    """Return the epoch of skorch's classifier for mnist-dropout-mlp."""
    from skorch import NeuralNetClassifier
    from skorch.dataset import Dataset
    from skorch.helper import predefined_split

    module = nn.Sequential(
        nn.Linear(784, 100),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(100, 100),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(100, 10),
    )
    net = NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.01,
        batch_size=32,
        iterator_train__shuffle=True,
        train_split=predefined_split(Dataset(data.X_held_out, data.y_held_out)),
        verbose=0,
    ).initialize()
    return lambda: net.partial_fit(data.X, data.y, epochs=1)


def sklearn_mlp(data):
    """Return the epoch of scikit-learn's network with the layers of mnist-dropout-mlp; it knows no dropout."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((100, 100), solver="adam", learning_rate_init=0.01, batch_size=32, alpha=0, random_state=0)
    classes = np.unique(data.y)

    def epoch():
        model.partial_fit(data.X, data.y, classes=classes)
        model.score(data.X_held_out, data.y_held_out)

    return epoch


def sklearn_saga(data):
    """Return the epoch of scikit-learn's logistic regression by stochastic average gradients."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="saga", max_iter=1, C=np.inf, warm_start=True, random_state=0)

    def epoch():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(data.X, data.y)
        model.score(data.X_held_out, data.y_held_out)

    return epoch


# NumPy as the source writes it


def numpy_softmax(data):
    """Return the epoch of a softmax regression in plain NumPy, float64, as published for mnist-softmax."""
    X, X_held_out = data.X.astype(np.float64), data.X_held_out.astype(np.float64)
    targets, targets_held_out = np.eye(10)[data.y], np.eye(10)[data.y_held_out]
    weights, bias, rng = np.zeros((784, 10)), np.zeros(10), np.random.default_rng(0)

    def probabilities(images):
        logits = images @ weights + bias
        exponentials = np.exp(logits - np.max(logits, axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def accuracy(images, wanted):
        return np.mean(probabilities(images).argmax(axis=1) == wanted.argmax(axis=1))

    def epoch():
        nonlocal weights, bias
        order = rng.permutation(len(X))
        for start in range(0, len(X), 100):
            rows = order[start : start + 100]
            error = probabilities(X[rows]) - targets[rows]
            weights = weights - 0.24 * X[rows].T @ error / len(rows)
            bias = bias - 0.24 * error.mean(axis=0)
        loss = -np.mean(np.sum(targets * np.log(probabilities(X) + 1e-12), axis=1))
        return loss, accuracy(X, targets), accuracy(X_held_out, targets_held_out)

    return epoch


# Recipe -> contestants by name, this project first.
CONTESTS = {
    "digits-mlp": {"digitcore": digitcore_digits, "PyTorch, the source's loop": torch_digits},
    "mnist-softmax": {
        "digitcore": digitcore,
        "JAX": tuned_peers.jax_softmax,
        "PyTorch, tuned": tuned_peers.torch_softmax,
        "NumPy as published": numpy_softmax,
        "scikit-learn LogisticRegression(saga)": sklearn_saga,
    },
    "mnist-dense": {
        "digitcore": digitcore,
        "JAX": tuned_peers.jax_dense,
        "PyTorch, tuned": tuned_peers.torch_dense,
        "Keras 3 on torch": keras_dense,
    },
    "mnist-dropout-mlp": {
        "digitcore": digitcore,
        "JAX": tuned_peers.jax_dropout_mlp,
        "PyTorch, tuned": tuned_peers.torch_dropout_mlp,
        "PyTorch with DataLoader": torch_dropout_mlp,
        "skorch": skorch_dropout_mlp,
        "scikit-learn MLPClassifier": sklearn_mlp,
    },
    "mnist-cnn": {
        "digitcore": digitcore,
        "JAX": tuned_peers.jax_cnn,
        "PyTorch, tuned": tuned_peers.torch_cnn,
        "PyTorch with DataLoader": torch_cnn,
        "Keras 3 on torch": keras_cnn,
    },
}
