"""From a plan of layers to a torch module, its weights drawn from a generator of one's own."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from digitcore.models.layer_plans import Layer

_ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


class FlattenChannelsLast(nn.Module):
    """Images ``(n_images, channels, height, width)`` to rows in the order height, width, channels.

    That is the order in which torch's channels-last layout keeps them, so nothing is copied.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)  # (n_images, height * width * channels)


class BatchNorm(nn.Module):
    """Batch normalisation of images ``(n_images, channels, height, width)``, as ``torch.nn.BatchNorm2d`` does it.

    Its arrays ``(n_channels,)`` have names of their own, so that nobody takes ``scale`` for a layer's weights. A batch
    of a single value per channel, which has no variance, leaves the running means alone.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    device : torch.device or str, optional
        Where the arrays are.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    2015, https://arxiv.org/abs/1502.03167.
    """

    # torch's defaults: share of a batch in the running means, and what is added to a variance.
    MOMENTUM, EPSILON = 0.1, 1e-5

    def __init__(self, n_channels: int, device: torch.device | str | None = None):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(n_channels, device=device))
        self.shift = nn.Parameter(torch.zeros(n_channels, device=device))
        self.register_buffer("mean", torch.zeros(n_channels, device=device))
        self.register_buffer("variance", torch.ones(n_channels, device=device))

    def reset(self) -> None:
        """Set the arrays to what they are before the first batch."""
        with torch.no_grad():
            for ones, zeros in ((self.scale, self.shift), (self.variance, self.mean)):
                ones.fill_(1)
                zeros.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        means = running_means(x, self.mean, self.variance, self.training)
        fixed = (self.training, self.MOMENTUM, self.EPSILON, torch.backends.cudnn.enabled)
        return torch.batch_norm(x, self.scale, self.shift, *means, *fixed)


def running_means(
    x: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, training: bool
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Return the running means that a batch ``(n_images, channels, height, width)`` uses, or changes in training."""
    has_variance = x.numel() > x.shape[1]
    return (mean, variance) if has_variance or not training else (None, None)


def build_module(layers: Sequence[Layer], image_shape: tuple[int, int]) -> nn.Sequential:
    """Return the network of a plan, from rows of pixels to logits; its weights are not set yet.

    Parameters
    ----------
    layers : sequence of Layer
        As :func:`digitcore.models.architecture.plan` gives them. Their names become those of the module's parts; the
        output's softmax is left to the loss.
    image_shape : (int, int)
        Height and width of an image.
    """
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if any(layer.kind == "conv" for layer in layers):
        parts["image"] = nn.Unflatten(1, (1, *image_shape))
    for layer in layers:
        if layer.padding == "same":
            parts[f"{layer.name}_padding"] = _build_padding(layer.window)
        parts[layer.name] = _build_layer(layer)
        if layer.activation not in (None, "softmax"):
            parts[f"{layer.name}_activation"] = _ACTIVATIONS[layer.activation]()
    # On the meta device the layers' own initialisation has nothing to draw, so torch's global generator is not touched.
    module = nn.Sequential(parts)
    _move_to_memory(module)
    return module.to(memory_format=torch.channels_last)


def _move_to_memory(module: nn.Module) -> None:
    """Give the arrays of a module on the meta device room on the CPU.

    As ``module.to_empty`` does, which imports sympy: half a second more at each start of the training processes.
    """
    for part in module.modules():
        for name, array in [*part.named_parameters(recurse=False)]:
            setattr(part, name, nn.Parameter(torch.empty(array.shape)))
        for name, array in [*part.named_buffers(recurse=False)]:
            setattr(part, name, torch.empty(array.shape))


def initialize(
    module: nn.Module, initialization: str, initial_bias: float, generator: torch.Generator, scale: float = 1.0
) -> None:
    """Draw all weights and biases of ``module`` in place; normalisations start with scale 1 and shift 0.

    Parameters
    ----------
    module : nn.Module
        Network whose weights are set.
    initialization : {"torch", "xavier", "he", "lecun"}
        What :class:`torch.nn.Linear` and :class:`torch.nn.Conv2d` do by themselves, or evenly within plus and minus
        ``sqrt(6 / (n_inputs + n_outputs))`` (Xavier), ``sqrt(6 / n_inputs)`` (He), ``sqrt(3 / n_inputs)`` (LeCun).
    initial_bias : float
        Every bias, except for "torch".
    generator : torch.Generator
        Source of the numbers.
    scale : float
        What every weight that was drawn is multiplied with.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010. He et al.,
    "Delving deep into rectifiers", 2015. LeCun et al., "Efficient backprop", 1998, section 4.6.
    """
    for part in module:
        if isinstance(part, BatchNorm):
            part.reset()
        elif hasattr(part, "weight"):
            if initialization == "torch":
                _initialize_as_torch(part, generator)
            else:
                _DRAW[initialization](part.weight, generator=generator)
                if part.bias is not None:
                    nn.init.constant_(part.bias, initial_bias)
            if scale != 1.0:
                with torch.no_grad():
                    part.weight.mul_(scale)


_DRAW = {
    "xavier": nn.init.xavier_uniform_,
    "he": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
    "lecun": partial(nn.init.kaiming_uniform_, nonlinearity="linear"),
}


def _initialize_as_torch(part: nn.Linear | nn.Conv2d, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(part.weight, a=math.sqrt(5), generator=generator)
    bound = 1 / math.sqrt(part.weight[0].numel())
    if part.bias is not None:
        nn.init.uniform_(part.bias, -bound, bound, generator=generator)


def _build_padding(window: int) -> nn.ZeroPad2d:
    """Return the padding with which a convolution keeps an image's size; an even kernel needs one more at the end.

    A padding of its own, because torch's warns of even kernels.
    """
    before = (window - 1) // 2
    after = window - 1 - before
    return nn.ZeroPad2d((before, after, before, after))


def _build_layer(layer: Layer) -> nn.Module:
    match layer.kind:
        case "conv":
            filters, channels, kernel, _ = layer.weight_shape
            return nn.Conv2d(channels, filters, kernel, bias=layer.has_bias, device="meta")
        case "dense":
            n_outputs, n_inputs = layer.weight_shape
            return nn.Linear(n_inputs, n_outputs, device="meta")
        case "norm":
            return BatchNorm(layer.output_shape[-1], device="meta")
        case "pool":
            return nn.MaxPool2d(layer.window, layer.stride)
        case "dropout":
            return nn.Dropout(layer.rate)
        case "flatten":
            return FlattenChannelsLast()
    raise ValueError(f"no torch layer for {layer.kind!r}")
