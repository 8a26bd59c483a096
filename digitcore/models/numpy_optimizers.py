"""Five rules that turn a gradient into an update, in NumPy, with the formulas and defaults of ``torch.optim``.

References
----------
SGD with momentum: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
Adam: Kingma and Ba, https://arxiv.org/abs/1412.6980. AMSGrad: Reddi et al., https://openreview.net/forum?id=ryQu7f-RZ.
Decay apart from the gradient: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
Adagrad: Duchi et al., https://jmlr.org/papers/v12/duchi11a.html. RMSprop: Hinton, lecture 6e of "Neural Networks for
Machine Learning", 2012.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from digitcore.parameters import unknown_name

# The hyperparameters that :func:`make_optimizer` takes, beside the optimizer's name.
RULE_SETTINGS = ("learning_rate", "momentum", "momentum_kind", "rho", "epsilon", "weight_decay")


class Optimizer(ABC):
    """Updates arrays in place, one step at a time.

    Parameters
    ----------
    weights : sequence of ndarray
        What is trained; :meth:`step` changes these arrays.
    learning_rate : float
        How far a step goes.
    weight_decay : float
        What is added to each gradient, as a multiple of the weights (L2 penalty).
    """

    def __init__(self, weights: Sequence[np.ndarray], learning_rate: float, weight_decay: float = 0.0):
        self.weights = list(weights)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_steps = 0
        self._moments: dict[str, list[np.ndarray]] = {}

    def step(self, gradients: Sequence[np.ndarray]) -> None:
        """Change the weights by one step against ``gradients``, one array of the same shape for each."""
        self.n_steps += 1
        for position, gradient in enumerate(gradients):
            if self.weight_decay:
                gradient = self._decayed(position, gradient)
            self.weights[position] -= self.learning_rate * self._direction(position, gradient)

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of what earlier steps left behind: ``"n_steps"``, and running means such as ``"square.0"``."""
        moments = {name: array.copy() for name, array in self._named_moments()}
        return {"n_steps": np.array(self.n_steps, dtype=np.int64), **moments}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what :meth:`state` of an equal optimizer gave."""
        self.n_steps = int(state["n_steps"])
        for name, array in self._named_moments():
            array[...] = state[name]

    @abstractmethod
    def _direction(self, position: int, gradient: np.ndarray) -> np.ndarray:
        """Return the step of one array for a learning rate of 1."""

    def _decayed(self, position: int, gradient: np.ndarray) -> np.ndarray:
        return gradient + self.weight_decay * self.weights[position]

    def _zeros(self, name: str) -> list[np.ndarray]:
        """Return zeros for each array of weights, which are part of the state under ``name``."""
        self._moments[name] = [np.zeros_like(array) for array in self.weights]
        return self._moments[name]

    def _named_moments(self) -> Iterator[tuple[str, np.ndarray]]:
        for name, arrays in self._moments.items():
            for position, array in enumerate(arrays):
                yield f"{name}.{position}", array


class SGD(Optimizer):
    """Gradient descent; ``momentum`` is the share of the last step that is carried into the next.

    With ``nesterov`` the gradient counts as if the next step had been carried on already.
    """

    def __init__(
        self,
        weights: Sequence[np.ndarray],
        learning_rate: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        super().__init__(weights, learning_rate, weight_decay)
        self.momentum, self.nesterov = momentum, nesterov
        self._velocity = self._zeros("velocity")

    def _direction(self, position: int, gradient: np.ndarray) -> np.ndarray:
        if not self.momentum:
            return gradient
        velocity = self._velocity[position]
        velocity *= self.momentum
        velocity += gradient
        return gradient + self.momentum * velocity if self.nesterov else velocity


class Adam(Optimizer):
    """Steps of the gradient's running mean over the root of its running mean square.

    ``weight_decay`` shrinks the weights by a share of the learning rate, apart from the gradient (AdamW).
    """

    BETA_1, BETA_2 = 0.9, 0.999

    def __init__(
        self, weights: Sequence[np.ndarray], learning_rate: float, epsilon: float = 1e-8, weight_decay: float = 0.0
    ):
        super().__init__(weights, learning_rate, weight_decay)
        self.epsilon = epsilon
        self._mean = self._zeros("mean")
        self._square = self._zeros("square")

    def _direction(self, position: int, gradient: np.ndarray) -> np.ndarray:
        mean = _move(self._mean[position], gradient, self.BETA_1)
        square = self._mean_square(position, gradient)
        # Both means start at zero; dividing by these makes up for it in the first steps.
        mean_share = 1 - self.BETA_1**self.n_steps
        square_share = 1 - self.BETA_2**self.n_steps
        return mean / mean_share / (np.sqrt(square / square_share) + self.epsilon)

    def _decayed(self, position: int, gradient: np.ndarray) -> np.ndarray:
        self.weights[position] *= 1 - self.learning_rate * self.weight_decay
        return gradient

    def _mean_square(self, position: int, gradient: np.ndarray) -> np.ndarray:
        return _move(self._square[position], gradient * gradient, self.BETA_2)


class AMSGrad(Adam):
    """Adam that never forgets the largest mean square, so that its steps never grow again."""

    def __init__(
        self, weights: Sequence[np.ndarray], learning_rate: float, epsilon: float = 1e-8, weight_decay: float = 0.0
    ):
        super().__init__(weights, learning_rate, epsilon, weight_decay)
        self._largest = self._zeros("largest")

    def _mean_square(self, position: int, gradient: np.ndarray) -> np.ndarray:
        square = super()._mean_square(position, gradient)
        return np.maximum(self._largest[position], square, out=self._largest[position])


class Adagrad(Optimizer):
    """Steps over the root of the sum of all squared gradients so far."""

    def __init__(
        self, weights: Sequence[np.ndarray], learning_rate: float, epsilon: float = 1e-10, weight_decay: float = 0.0
    ):
        super().__init__(weights, learning_rate, weight_decay)
        self.epsilon = epsilon
        self._sum = self._zeros("sum")

    def _direction(self, position: int, gradient: np.ndarray) -> np.ndarray:
        self._sum[position] += gradient * gradient
        return gradient / (np.sqrt(self._sum[position]) + self.epsilon)


class RMSprop(Optimizer):
    """Steps over the root of the running mean of squared gradients; ``rho`` is the share of it that is kept."""

    def __init__(
        self,
        weights: Sequence[np.ndarray],
        learning_rate: float,
        rho: float = 0.99,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(weights, learning_rate, weight_decay)
        self.rho = rho
        self.epsilon = epsilon
        self._square = self._zeros("square")

    def _direction(self, position: int, gradient: np.ndarray) -> np.ndarray:
        square = _move(self._square[position], gradient * gradient, self.rho)
        return gradient / (np.sqrt(square) + self.epsilon)


def make_optimizer(
    name: str,
    weights: Sequence[np.ndarray],
    *,
    learning_rate: float,
    momentum: float,
    rho: float,
    epsilon: float,
    momentum_kind: str = "classical",
    weight_decay: float = 0.0,
) -> Optimizer:
    """Return the optimizer called ``name`` in :data:`digitcore.models.hyperparameters.OPTIMIZERS`.

    Settings that the rule does not have are left aside.

    Raises
    ------
    InvalidSetting
        If there is none of this name.
    """
    decay = weight_decay
    factories = {
        "sgd": lambda: SGD(weights, learning_rate, momentum, decay, nesterov=momentum_kind == "nesterov"),
        "adam": lambda: Adam(weights, learning_rate, epsilon, decay),
        "amsgrad": lambda: AMSGrad(weights, learning_rate, epsilon, decay),
        "adagrad": lambda: Adagrad(weights, learning_rate, epsilon, decay),
        "rmsprop": lambda: RMSprop(weights, learning_rate, rho, epsilon, decay),
    }
    if name not in factories:
        raise unknown_name("optimizer", name, factories)
    return factories[name]()


def _move(mean: np.ndarray, values: np.ndarray, kept: float) -> np.ndarray:
    """Move a running mean in place towards ``values`` and return it."""
    mean *= kept
    mean += (1 - kept) * values
    return mean
