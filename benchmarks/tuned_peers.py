"""Peers tuned as far as their libraries allow: PyTorch without a DataLoader, JAX with an epoch in one program.

Each takes the same data, batches, optimizer and dropout as the recipe, in float32, and passes over the validation
images after the epoch, as :mod:`peers` does.
"""

from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

# PyTorch: images resident in one tensor, batches picked from it, channels last, the optimizer's fused kernel


def torch_softmax(data):
    """Return the epoch of tuned PyTorch for mnist-softmax."""
    module = nn.Linear(784, 10)
    return torch_epoch(data, module, torch.optim.SGD(module.parameters(), lr=0.24, fused=True), batch_size=100)


def torch_dense(data):
    """Return the epoch of tuned PyTorch for mnist-dense; its RMSprop has no fused kernel."""
    module = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
    optimizer = torch.optim.RMSprop(module.parameters(), lr=0.001, alpha=0.9, eps=1e-7, foreach=True)
    return torch_epoch(data, module, optimizer, batch_size=128)


def torch_dropout_mlp(data):
    """Return the epoch of tuned PyTorch for mnist-dropout-mlp."""
    hidden = [nn.Linear(784, 100), nn.ReLU(), nn.Dropout(0.1), nn.Linear(100, 100), nn.ReLU(), nn.Dropout(0.1)]
    module = nn.Sequential(*hidden, nn.Linear(100, 10))
    return torch_epoch(data, module, torch.optim.Adam(module.parameters(), lr=0.01, fused=True), batch_size=32)


def torch_cnn(data):
    """Return the epoch of tuned PyTorch for mnist-cnn."""
    convolution = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2, stride=1), nn.Dropout(0.25), nn.Flatten()]
    module = nn.Sequential(*convolution, nn.Linear(25 * 25 * 32, 128), nn.ReLU(), nn.Linear(128, 10))
    module = module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, fused=True)
    return torch_epoch(data, module, optimizer, batch_size=32, shape=(-1, 1, 28, 28))


def torch_epoch(data, module, optimizer, batch_size, shape=(-1, 784)):
    """Return an epoch of a loop over tensors that stay where they are."""
    X, X_held_out = (torch.from_numpy(images).reshape(shape) for images in (data.X, data.X_held_out))
    if len(shape) > 2:
        X, X_held_out = (images.to(memory_format=torch.channels_last) for images in (X, X_held_out))
    y, y_held_out = torch.from_numpy(data.y), torch.from_numpy(data.y_held_out)

    def epoch():
        module.train()
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(module(X[rows]), y[rows]).backward()
            optimizer.step()
        module.eval()
        with torch.inference_mode():
            n_right = sum(
                (module(images).argmax(dim=1) == labels).sum()
                for images, labels in zip(X_held_out.split(1000), y_held_out.split(1000), strict=True)
            )
        return n_right.item() / len(X_held_out)

    return epoch


# JAX: an epoch is one compiled program, a scan over its batches


def jax_softmax(data):
    """Return the epoch of JAX for mnist-softmax."""
    return jax_epoch(data, [dense(784, 10)], sgd(0.24), batch_size=100)


def jax_dense(data):
    """Return the epoch of JAX for mnist-dense."""
    return jax_epoch(data, [dense(784, 512), relu, dense(512, 10)], rmsprop(0.001, 0.9, 1e-7), batch_size=128)


def jax_dropout_mlp(data):
    """Return the epoch of JAX for mnist-dropout-mlp."""
    hidden = [dense(784, 100), relu, dropout(0.1), dense(100, 100), relu, dropout(0.1)]
    return jax_epoch(data, [*hidden, dense(100, 10)], adam(0.01), batch_size=32)


def jax_cnn(data):
    """Return the epoch of JAX for mnist-cnn."""
    convolution = [convolve(1, 32), relu, max_pool, dropout(0.25), flatten]
    layers = [*convolution, dense(25 * 25 * 32, 128), relu, dense(128, 10)]
    return jax_epoch(data, layers, sgd(0.01), batch_size=32, shape=(-1, 28, 28, 1))


def jax_epoch(data, layers, optimizer, batch_size, shape=(-1, 784)):
    """Return an epoch of these layers; a layer is a function, or an object that also has weights.

    The last batch, if it is smaller, is left out of the scan and trained apart, so that every image counts once.
    """
    import jax
    import jax.numpy as jnp

    X, X_held_out = (jnp.asarray(images.reshape(shape)) for images in (data.X, data.X_held_out))
    y, y_held_out = jnp.asarray(data.y), jnp.asarray(data.y_held_out)
    start, update = optimizer
    rng = np.random.default_rng(0)
    weights = [layer.weights(rng) if hasattr(layer, "weights") else () for layer in layers]
    state = {"weights": weights, "optimizer": start(weights), "key": jax.random.key(0)}
    n_whole = len(X) // batch_size * batch_size

    def logits(weights, images, key):
        for number, (layer, own) in enumerate(zip(layers, weights, strict=True)):
            images = layer(own, images, None if key is None else jax.random.fold_in(key, number))
        return images

    def loss(weights, images, labels, key):
        log_probabilities = jax.nn.log_softmax(logits(weights, images, key))
        return -jnp.take_along_axis(log_probabilities, labels[:, None], axis=1).mean()

    def step(state, rows):
        key, own_key = jax.random.split(state["key"])
        gradients = jax.grad(loss)(state["weights"], X[rows], y[rows], own_key)
        weights, optimizer = update(state["weights"], gradients, state["optimizer"])
        return {"weights": weights, "optimizer": optimizer, "key": key}, None

    @partial(jax.jit, donate_argnums=0)
    def train(state):
        key, own_key = jax.random.split(state["key"])
        order = jax.random.permutation(own_key, len(X))
        state, _ = jax.lax.scan(step, {**state, "key": key}, order[:n_whole].reshape(-1, batch_size))
        if n_whole < len(X):
            state, _ = step(state, order[n_whole:])
        right = logits(state["weights"], X_held_out, None).argmax(axis=1) == y_held_out
        return state, right.mean()

    def epoch():
        nonlocal state
        state, accuracy = train(state)
        return float(accuracy)

    return epoch


class dense:
    """A fully connected layer."""

    def __init__(self, n_in, n_out):
        self.shape = n_in, n_out

    def weights(self, rng):
        """Return weights after Glorot and Bengio (2010), and zeros as bias."""
        bound = np.sqrt(6 / sum(self.shape))
        return rng.uniform(-bound, bound, self.shape).astype(np.float32), np.zeros(self.shape[1], np.float32)

    def __call__(self, weights, images, key):
        matrix, bias = weights
        return images @ matrix + bias


class convolve:
    """A convolution with windows of 3x3, channels last."""

    def __init__(self, n_in, n_out):
        self.shape = 3, 3, n_in, n_out

    def weights(self, rng):
        """Return weights after Glorot and Bengio (2010), and zeros as bias."""
        bound = np.sqrt(6 / (9 * sum(self.shape[2:])))
        return rng.uniform(-bound, bound, self.shape).astype(np.float32), np.zeros(self.shape[3], np.float32)

    def __call__(self, weights, images, key):
        import jax

        kernel, bias = weights
        layout = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=layout) + bias


def relu(_, images, key):
    """Return what is above zero."""
    import jax

    return jax.nn.relu(images)


def flatten(_, images, key):
    """Return a row per image."""
    return images.reshape(len(images), -1)


def max_pool(_, images, key):
    """Return the largest of each 2x2 pixels, at each pixel."""
    import jax

    return jax.lax.reduce_window(images, -np.inf, jax.lax.max, (1, 2, 2, 1), (1, 1, 1, 1), "VALID")


def dropout(rate):
    """Return a layer that leaves out this share in training."""
    import jax
    import jax.numpy as jnp

    def layer(_, images, key):
        if key is None:
            return images
        return jnp.where(jax.random.bernoulli(key, 1 - rate, images.shape), images / (1 - rate), 0)

    return layer


# Optimizers for JAX: a function that returns the first state, and one that takes a step


def sgd(rate):
    """Return gradient descent."""
    import jax

    def update(weights, gradients, state):
        return jax.tree.map(lambda weight, gradient: weight - rate * gradient, weights, gradients), state

    return lambda weights: (), update


def rmsprop(rate, rho, epsilon):
    """Return RMSprop as Keras writes it, with epsilon outside of the root as in this project."""
    import jax
    import jax.numpy as jnp

    def update(weights, gradients, squares):
        squares = jax.tree.map(lambda mean, gradient: rho * mean + (1 - rho) * gradient**2, squares, gradients)
        moved = jax.tree.map(
            lambda weight, gradient, mean: weight - rate * gradient / (jnp.sqrt(mean) + epsilon),
            weights, gradients, squares,
        )  # fmt: skip
        return moved, squares

    return lambda weights: jax.tree.map(jnp.zeros_like, weights), update


def adam(rate, first=0.9, second=0.999, epsilon=1e-8):
    """Return Adam (Kingma and Ba, https://arxiv.org/abs/1412.6980)."""
    import jax
    import jax.numpy as jnp

    def update(weights, gradients, state):
        means, squares, n_steps = state
        n_steps = n_steps + 1
        means = jax.tree.map(lambda mean, gradient: first * mean + (1 - first) * gradient, means, gradients)
        squares = jax.tree.map(lambda mean, gradient: second * mean + (1 - second) * gradient**2, squares, gradients)
        scale, root = rate / (1 - first**n_steps), jnp.sqrt(1 - second**n_steps)
        moved = jax.tree.map(
            lambda weight, mean, square: weight - scale * mean / (jnp.sqrt(square) / root + epsilon),
            weights, means, squares,
        )  # fmt: skip
        return moved, (means, squares, n_steps)

    def start(weights):
        zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
        return *zeros, jnp.zeros((), jnp.int32)

    return start, update
