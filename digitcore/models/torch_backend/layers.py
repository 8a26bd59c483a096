"""A network's way forward and back, written out layer by layer in buffers that are asked for once.

It computes what torch's modules and automatic differentiation compute; the tests hold one against the other. At the
sizes of digits those spend most of a step on bookkeeping, on memory, and on kernels that suit larger images. Images and
their channels lie in memory as ``(n_images, height, width, channels)`` throughout. Gains named here were measured on
two cores of an AVX-512 processor, as a share of the step's time without the trick.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from llvmlite.binding import get_host_cpu_name

from digitcore.errors import InvalidSetting
from digitcore.models.layer_plans import NORM_WEIGHTS, Layer
from digitcore.models.pauses import pause
from digitcore.models.torch_backend.activations import OTHER_ACTIVATIONS, ActivatedConvBlock, Activation
from digitcore.models.torch_backend.kernels import convolution as filters_together
from digitcore.models.torch_backend.kernels import planes
from digitcore.models.torch_backend.kernels.convolution import (
    Choices,
    Pooling,
    add_channels_gradients,
    all_kept,
    convolve_channels_and_pool,
    pool,
    unpool,
)
from digitcore.models.torch_backend.kernels.cross_entropy import adapt_gradient, cross_entropy
from digitcore.models.torch_backend.kernels.dropout import Dropout
from digitcore.models.torch_backend.kernels.planes import suits_planes
from digitcore.models.torch_backend.kernels.small_dense import SmallDenseLayers
from digitcore.models.torch_backend.modules import BatchNorm, running_means
from digitcore.models.torch_backend.updates import Update

# Multiply-adds from which a dense layer's products of images and weights go to oneDNN, if torch has it and the
# processor is AMD's. MKL starts quicker, and adds gradients to a sum without another pass, but there it leaves half of
# the instructions aside: the CNN gains a fifth, digits-mlp 6 %. On Intel's, where it does not, oneDNN would cost
# digits-mlp a quarter, mnist-dense a fifth and mnist-cnn a tenth.
_LARGE_PRODUCT = 1_500_000
# Numbers of weights whose gradients go there, too: where another pass over them stays in the caches. mnist-dense gains
# 14 %, and mnist-cnn, whose weights do not, would lose a tenth.
_WIDE = range(2**18, 2**20)
# What the layers of a plan may be, in order, by their kinds.
_KNOWN_KINDS = re.compile("(conv( norm)?( pool)?( dropout)? )*(flatten )?(dense( dropout)? )*dense")
_KNOWN_ACTIVATIONS = {"relu", *OTHER_ACTIVATIONS}
# What LLVM calls the processors of AMD.
_AMD = ("znver", "bdver", "btver")


def has_onednn() -> bool:
    """Return True if torch was built with oneDNN."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def suits_onednn() -> bool:
    """Return True if large products should go to oneDNN.

    It depends on the machine alone, and on nothing that is measured, so that equal trainings have equal bits.
    """
    return has_onednn() and (get_host_cpu_name().startswith(_AMD) or not torch.backends.mkl.is_available())


_USES_ONEDNN = suits_onednn()


class Buffers:
    """Memory by name and shape, the same at each request."""

    def __init__(self):
        self._whole: dict[object, torch.Tensor] = {}
        self._views: dict[object, torch.Tensor] = {}

    def __call__(self, name: object, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return a tensor with whatever values it has; a smaller one shares the memory of a larger one."""
        view = self._views.get((name, shape))
        if view is None:
            whole = self._whole.get(name)
            if whole is None or whole.numel() < prod(shape):
                whole = self._whole[name] = torch.empty(prod(shape), dtype=dtype)
            view = self._views[name, shape] = whole[: prod(shape)].view(shape)
        return view


class PickedImages(NamedTuple):
    """Some images among all: ``images`` float32 ``(n, n_pixels)``, ``rows`` int64 ``(n_images,)``."""

    images: torch.Tensor
    rows: torch.Tensor

    def numpy(self) -> np.ndarray:
        """Return a copy of them, ``(n_images, n_pixels)``."""
        return self.images[self.rows].numpy()

    def split(self, size: int) -> list[PickedImages]:
        """Return them in parts of ``size`` images, the last one maybe smaller, as a tensor's ``split`` does."""
        return [PickedImages(self.images, rows) for rows in self.rows.split(size)]


class LabelledBatch(NamedTuple):
    """Images to learn from.

    Attributes
    ----------
    X : Tensor, float32, (n_images, n_pixels), or PickedImages
        Pixels.
    y : Tensor, int64, (n_images,)
        Position of each image's class.
    weights : Tensor, float32, (n_images,), or None
        How much each image counts; None if all count alike.
    errors : Tensor, float32, (n_images,), or None
        Gets one minus the probability of each image's class, if given.
    """

    X: torch.Tensor | PickedImages
    y: torch.Tensor
    weights: torch.Tensor | None = None
    errors: torch.Tensor | None = None

    def part(self, rows: slice) -> LabelledBatch:
        """Return some of the images, where ``X`` is a tensor; the memory is shared."""
        return LabelledBatch(*(each if each is None else each[rows] for each in self))


class Rectifier:
    """ReLU behind a dense layer, with dropout after it if wanted.

    Attributes
    ----------
    dropout : Dropout or None
        Dropout.
    scale : float
        What dropout multiplies the values with that it keeps.
    """

    def __init__(self, dropout: Dropout | None):
        self.dropout = dropout
        self.scale = dropout.scale if dropout is not None else 1.0

    def forward(self, z: torch.Tensor, training: bool) -> torch.Tensor:
        """Turn the sums into the result, in place."""
        z.clamp_min_(0)
        if training and self.dropout is not None:
            self.dropout.apply(z.numpy())
        return z

    def backward(self, dy: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Turn the gradient of the result ``y``, times ``scale``, into that of its input, in place."""
        # A result above zero was both positive and kept, so dropout need not be asked. A comparison would make truth
        # values first, which take torch four times as long.
        return torch.ops.aten.threshold_backward.grad_input(dy, y, 0, grad_input=dy)


class Convolution:
    """Convolution of images with any number of channels, by torch's own kernels."""

    def __init__(self, layer: Layer, weight: torch.Tensor, bias: torch.Tensor | None):
        self.name, self.weight, self.bias = layer.name, weight, bias
        before = (layer.window - 1) // 2 if layer.padding == "same" else 0
        after = layer.window - 1 - before if layer.padding == "same" else 0
        self._padding = (0, 0, before, after, before, after)

    def take_sums(self, sums: Mapping[str, torch.Tensor]) -> None:
        """Have the gradients added to these, which are named as the weights are."""
        self.weight_sum, self.bias_sum = sums[f"{self.name}.weight"], sums[f"{self.name}.bias"]

    def forward(self, x: torch.Tensor, training: bool) -> torch.Tensor:
        """Return ``(n_images, rows, columns, filters)``."""
        return _last(F.conv2d(_first(self.padded(x)), self.weight, self.bias)).contiguous()

    def backward(self, dy: torch.Tensor, x: torch.Tensor, scale: float, wants_input: bool) -> torch.Tensor | None:
        """Add ``scale`` times the weights' gradients to their sums; return that of the images if wanted."""
        self.add_gradient(dy, x, scale)
        return self.input_gradient(dy, x).contiguous() if wants_input else None

    def input_gradient(self, dy: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the images."""
        n_images, height, width, channels = x.shape
        edges = sum(self._padding[2:4])
        padded = (n_images, channels, height + edges, width + edges)
        return self.inside(_last(torch.nn.grad.conv2d_input(padded, self.weight, _first(dy))))

    def add_gradient(self, dy: torch.Tensor, x: torch.Tensor, scale: float) -> None:
        """Add ``scale`` times the gradients of weight and bias to their sums."""
        gradient = torch.nn.grad.conv2d_weight(_first(self.padded(x)), self.weight.shape, _first(dy))
        self.weight_sum.add_(gradient, alpha=scale)
        if self.bias is not None:
            self.bias_sum.add_(dy.sum(dim=(0, 1, 2)), alpha=scale)

    def inside(self, padded: torch.Tensor) -> torch.Tensor:
        """Return images without the edge that :meth:`padded` gives them."""
        low, high = self._padding[2:4]
        return padded[:, low : padded.shape[1] - high, low : padded.shape[2] - high]

    def padded(self, x: torch.Tensor) -> torch.Tensor:
        """Return the images with the edge of zeros that padding gives them."""
        return F.pad(x, self._padding) if any(self._padding) else x


class NormalizedConvolution(Convolution):
    """Convolution and batch normalisation of its sums, which needs all images of a batch at once.

    Parameters
    ----------
    layer, norm : Layer
        What was planned.
    weights : mapping of str to Tensor
        Of the whole network, by name.
    """

    def __init__(self, layer: Layer, norm: Layer, weights: Mapping[str, torch.Tensor]):
        super().__init__(layer, weights[f"{layer.name}.weight"], None)
        self._norm_name = norm.name
        self._scale, self._shift, self._mean, self._variance = (weights[f"{norm.name}.{each}"] for each in NORM_WEIGHTS)

    def take_sums(self, sums: Mapping[str, torch.Tensor]) -> None:
        self.weight_sum = sums[f"{self.name}.weight"]
        self._scale_sum, self._shift_sum = (sums[f"{self._norm_name}.{what}"] for what in NORM_WEIGHTS[:2])

    def forward(self, x: torch.Tensor, training: bool) -> torch.Tensor:
        z = _first(super().forward(x, training))
        means = running_means(z, self._mean, self._variance, training)
        fixed = (training, BatchNorm.MOMENTUM, BatchNorm.EPSILON)
        normalized, *statistics = torch.native_batch_norm(z, self._scale, self._shift, *means, *fixed)
        if training:
            self._kept = z, statistics
        return _last(normalized).contiguous()

    def backward(self, dy: torch.Tensor, x: torch.Tensor, scale: float, wants_input: bool) -> torch.Tensor | None:
        z, statistics = self._kept
        fixed = (self._scale, self._mean, self._variance, *statistics, True, BatchNorm.EPSILON, [True] * 3)
        dz, d_scale, d_shift = torch.ops.aten.native_batch_norm_backward(_first(dy), z, *fixed)
        self._scale_sum.add_(d_scale, alpha=scale)
        self._shift_sum.add_(d_shift, alpha=scale)
        return super().backward(_last(dz).contiguous(), x, scale, wants_input)


class ConvBlock:
    """Convolution, max-pooling, ReLU and dropout, for one group of images after the other.

    Parameters
    ----------
    convolution : Convolution
        What comes first.
    pooling : Layer or None
        What was planned to follow.
    dropout : Dropout or None
        What comes last.
    """

    def __init__(self, convolution: Convolution, pooling: Layer | None, dropout: Dropout | None):
        self.convolution, self.dropout = convolution, dropout
        self._pooling = Pooling(pooling.window, pooling.stride) if pooling is not None else Pooling()
        self._scale = dropout.scale if dropout is not None else 1.0
        self._buffers = Buffers()
        self._kept: dict[int, tuple] = {}

    def forward(self, x: torch.Tensor, group: int, training: bool, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return the block's result for ``x``, kept under ``group`` for the way back."""
        z = self.convolution.forward(x, training)
        out, origins = self._results(z.shape, group, out)
        pool(z.numpy(), self._pooling, self._choices(out, training), out.numpy(), origins)
        if training:
            self._kept[group] = x, z.shape, origins
        return out

    def backward(self, dy: torch.Tensor, group: int, scale: float, wants_input: bool) -> torch.Tensor | None:
        """Add the weights' gradients to their sums; return that of the input if wanted."""
        x, shape, origins = self._kept.pop(group)
        dz = self._buffers("dz", *shape)
        unpool(dy.numpy(), origins, self._pooling, self._scale, dz.numpy())
        return self.convolution.backward(dz, x, scale, wants_input)

    def _results(self, before: Sequence[int], group: int, out: torch.Tensor | None) -> tuple[torch.Tensor, np.ndarray]:
        """Return memory for the result, ``out`` if given, and its origins, for images of the shape ``before``."""
        window, stride = self._pooling
        if out is None:
            sides = ((side - window) // stride + 1 for side in before[1:3])
            out = self._buffers(("y", group), before[0], *sides, before[3])
        return out, self._buffers(("origins", group), *out.shape, dtype=torch.uint8).numpy()

    def _choices(self, values: torch.Tensor, training: bool) -> Choices:
        if not (training and self.dropout is not None):
            return all_kept(values[0].numel())
        return Choices(self.dropout.draw(values.numel()), self.dropout.highest, np.float32(self.dropout.scale))


class CompiledConvBlock(ConvBlock):
    """A block whose convolution and pooling are one compiled loop."""

    def _convolve_and_pool(
        self,
        convolve_and_pool: Callable[..., None],
        images: np.ndarray,
        filters: tuple[np.ndarray, np.ndarray],
        group: int,
        training: bool,
        out: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the result for padded images, which are kept under ``group`` with the origins."""
        edge = self.convolution.weight.shape[2] - 1
        before = len(images), images.shape[1] - edge, images.shape[2] - edge, len(filters[1])
        out, origins = self._results(before, group, out)
        convolve_and_pool(images, filters, self._pooling, self._choices(out, training), (out.numpy(), origins))
        if training:
            self._kept[group] = images, origins
        return out


class FirstConvBlock(CompiledConvBlock):
    """The block that sees the images, of one channel, in compiled loops.

    A call takes one thread: two, each with half of the images, gain nothing on cores that torch's own threads still
    hold. Two lanes, where torch has one thread, call it twice at a time.
    """

    def __init__(self, convolution: Convolution, pooling: Layer | None, dropout: Dropout | None):
        super().__init__(convolution, pooling, dropout)
        n_filters, _, window, _ = convolution.weight.shape
        self._kernels = planes if suits_planes(window, n_filters, self._pooling) else filters_together

    def forward(self, x: torch.Tensor, group: int, training: bool, out: torch.Tensor | None = None) -> torch.Tensor:
        images = self.convolution.padded(x)[..., 0].contiguous().numpy()
        weight, bias = self.convolution.weight, self.convolution.bias.numpy()
        filters = weight.view(len(bias), -1).numpy(), bias  # (n_filters, window * window)
        return self._convolve_and_pool(self._kernels.convolve_and_pool, images, filters, group, training, out)

    def backward(self, dy: torch.Tensor, group: int, scale: float, wants_input: bool) -> None:
        images, origins = self._kept.pop(group)
        weight_sum = self.convolution.weight_sum  # (n_filters, 1, window, window)
        window, results = weight_sum.shape[2], (dy.numpy(), origins)
        gradients = self._kernels.filters_gradients(images, window, results, self._pooling, self._scale)
        d_weight, d_bias = map(torch.from_numpy, gradients)
        weight_sum.add_(d_weight.view(weight_sum.shape), alpha=scale)
        self.convolution.bias_sum.add_(d_bias, alpha=scale)


class ChannelsConvBlock(CompiledConvBlock):
    """The block of images with several channels, in compiled loops and products of matrices, for one thread."""

    def forward(self, x: torch.Tensor, group: int, training: bool, out: torch.Tensor | None = None) -> torch.Tensor:
        images = self.convolution.padded(x).contiguous().numpy()
        filters = _channels_last(self.convolution.weight), self.convolution.bias.numpy()
        return self._convolve_and_pool(convolve_channels_and_pool, images, filters, group, training, out)

    def backward(self, dy: torch.Tensor, group: int, scale: float, wants_input: bool) -> torch.Tensor | None:
        images, origins = self._kept.pop(group)
        convolution = self.convolution
        dx = self._buffers("dx", *images.shape) if wants_input else None
        add_channels_gradients(
            images,
            _channels_last(convolution.weight),
            (dy.numpy(), origins),
            self._pooling,
            (self._scale, scale),
            (_channels_last(convolution.weight_sum), convolution.bias_sum.numpy()),
            None if dx is None else dx.numpy(),
        )
        return None if dx is None else convolution.inside(dx).contiguous()


class Dense:
    """Weighted sums of all inputs.

    Parameters
    ----------
    layer : Layer
        What was planned.
    weight, bias : Tensor
        ``(units, n_inputs)`` and ``(units,)``.
    """

    def __init__(self, layer: Layer, weight: torch.Tensor, bias: torch.Tensor):
        self.name, (self.n_units, self.n_inputs) = layer.name, weight.shape
        self._weight, self._bias, self._weight_turned = weight, bias, weight.t()
        self._n_weights = weight.numel()
        self._ones = torch.ones(1)
        self._buffers = Buffers()
        self._x = self._x_turned = None

    def take_sums(self, sums: Mapping[str, torch.Tensor]) -> None:
        """Have the gradients added to these, which are named as the weights are."""
        self.weight_sum, self.bias_sum = sums[f"{self.name}.weight"], sums[f"{self.name}.bias"]

    def expect(self, x: torch.Tensor) -> None:
        """Get ready for gradients of these inputs only, as the first layer's are in full batches.

        oneDNN multiplies their transpose in half of the time, which pays if it need not be made each time: digits-mlp
        gains 8 %.
        """
        self._x_turned = x.t().contiguous() if self._is_large(x) else None

    def forward(self, x: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return the sums ``(n_images, units)``, in ``out`` if given."""
        self._x = x
        if self._is_large(x):
            sums = _product(x, self._weight, self._bias)
            return sums if out is None else out.copy_(sums)
        out = out if out is not None else self._buffers("y", x.shape[0], self.n_units)
        return torch.addmm(self._bias, x, self._weight_turned, out=out)

    def input_gradient(self, dy: torch.Tensor, factor: float) -> torch.Tensor:
        """Return ``factor`` times the gradient of the inputs, ``(n_images, n_inputs)``."""
        if self._is_large(dy):
            dx = _product(dy, self._weight_turned)
            return dx if factor == 1.0 else dx.mul_(factor)
        dx = self._buffers("dx", dy.shape[0], self.n_inputs)
        return torch.addmm(dx, dy, self._weight, beta=0, alpha=factor, out=dx)

    def add_gradient(self, dy: torch.Tensor, scale: float, kept: float) -> None:
        """Set the sums of the gradients to ``kept`` times what they were plus ``scale`` times the gradients."""
        n_images = dy.shape[0]
        turned = dy.t()  # (n_units, n_images)
        if _USES_ONEDNN and self._n_weights in _WIDE:
            torch.add(_product(turned * scale, self._x.t()), self.weight_sum, alpha=kept, out=self.weight_sum)
        elif self._x_turned is not None:
            gradient = _product(self._x_turned, turned).t()
            torch.add(self.weight_sum.mul_(kept), gradient, alpha=scale, out=self.weight_sum)
        else:
            torch.addmm(self.weight_sum, turned, self._x, beta=kept, alpha=scale, out=self.weight_sum)
        if self._ones.shape[0] < n_images:
            self._ones = torch.ones(n_images)
        torch.addmv(self.bias_sum, turned, self._ones[:n_images], beta=kept, alpha=scale, out=self.bias_sum)

    def _is_large(self, images: torch.Tensor) -> bool:
        return _USES_ONEDNN and images.shape[0] * self._n_weights >= _LARGE_PRODUCT


class Network:
    """The layers of a plan, from rows of pixels to logits.

    Parameters
    ----------
    layers : sequence of Layer
        As :func:`digitcore.models.architecture.plan` gives them.
    weights : mapping of str to Tensor
        By name, as :func:`digitcore.models.architecture.weight_shapes` describes them; shared, so that a change of
        their values changes the network. Those of convolutions are channels-last.
    image_shape : (int, int)
        Height and width of an image.
    make_dropout : callable, optional
        Returns dropout of a rate; needed to train a network that has dropout. It is called layer by layer.
    """

    # Whether the dense layers' weights must lie in memory as (n_inputs, n_units).
    INPUTS_FIRST: ClassVar[bool] = False
    # Whether it is trained on images picked from among all, which are then never copied.
    PICKS_IMAGES: ClassVar[bool] = False
    # Whether the way back may change weights layer by layer where a batch goes through in one piece.
    IN_ONE_PIECE: ClassVar[bool] = True
    # Values of the widest layer in a group of images that goes through the convolutions together: what the cores' own
    # caches hold. The CNN gains a tenth.
    _VALUES_IN_CACHE: ClassVar[int] = 180_000
    # What convolves images of several channels, if nothing is normalised.
    _LATER_BLOCK: ClassVar[type[ConvBlock]] = ConvBlock

    def __init__(
        self,
        layers: Sequence[Layer],
        weights: Mapping[str, torch.Tensor],
        image_shape: tuple[int, int],
        make_dropout: Callable[[float], Dropout] | None = None,
    ):
        self.blocks: list[ConvBlock | ActivatedConvBlock] = []
        self.dense: list[Dense] = []
        self._rectifiers: list[Rectifier | Activation] = []
        self._image_shape, self._feature_shape = (*image_shape, 1), (*image_shape, 1)
        self._buffers = Buffers()
        self._widest = max(prod(layer.output_shape) for layer in layers)
        self._build(layers, weights, make_dropout)
        self._activations: list[torch.Tensor] = []

    @property
    def n_classes(self) -> int:
        """Number of logits of an image."""
        return self.dense[-1].n_units

    def prepare_training(self, update: Update, most_images: int, whole: torch.Tensor | None = None) -> None:
        """Have :meth:`backward` add gradients to the sums of ``update``, for batches of ``most_images`` at most.

        ``whole`` is given where every batch is all of the images.
        """
        if whole is not None and not self.blocks:
            self.dense[0].expect(whole)
        for layer in (*(block.convolution for block in self.blocks), *self.dense):
            layer.take_sums(update.sums)

    def at_work(self) -> AbstractContextManager[None]:
        """Return a context in which batches go through the network, with the threads that it needs."""
        return nullcontext()

    @property
    def dropouts(self) -> list[Dropout]:
        """The dropouts of its layers, in their order."""
        return [part.dropout for part in (*self.blocks, *self._rectifiers) if part.dropout is not None]

    def start_epoch(self) -> None:
        """Have dropout draw afresh."""
        for dropout in self.dropouts:
            dropout.start_epoch()

    def learn(self, batch: LabelledBatch, label_smoothing: float, scale: float, kept: float) -> tuple[float, int]:
        """Go through the network and back for some images, once; see :meth:`backward`.

        Parameters
        ----------
        batch : LabelledBatch
            The images.
        label_smoothing : float
            Share of the truth that is spread evenly over the classes, 0 to 1.
        scale, kept : float
            See :meth:`backward`.

        Returns
        -------
        (float, int)
            Summed cross-entropy in nats, under the labels as they are, and the number of right predictions.
        """
        n_images = len(batch.y)
        logits, gradient = (self._buffers(name, self.n_classes, n_images) for name in ("logits", "d_logits"))
        self.forward(batch.X, training=True, out=logits.t())
        score = cross_entropy(logits.numpy(), batch.y.numpy(), gradient.numpy())
        others = (None if each is None else each.numpy() for each in (batch.weights, batch.errors))
        adapt_gradient(gradient.numpy(), batch.y.numpy(), label_smoothing, *others)
        self.backward(gradient.t(), scale, kept)
        return score

    def forward(self, X: torch.Tensor, *, training: bool = False, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits ``(n_images, n_classes)`` of rows of pixels, in ``out`` if given.

        Dropout is on while ``training``; networks of compiled loops then need ``out``, a class's logits side by side.
        """
        values = self._forward_images(X, training) if self.blocks else X
        self._activations = []
        for dense, rectifier in zip(self.dense[:-1], self._rectifiers, strict=True):
            values = rectifier.forward(dense.forward(values), training)
            self._activations.append(values)
        return self.dense[-1].forward(values, out)

    def backward(self, d_logits: torch.Tensor, scale: float, kept: float) -> None:
        """Add ``scale`` times the gradients, for the images of the last :meth:`forward`, to their sums.

        Of what the dense layers' sums were before, ``kept`` times is kept; of the convolutions', all. A layer's own
        gradient comes after its inputs', so that its sum may be the weight itself.
        """
        gradient = d_logits
        for number in range(len(self.dense) - 1, 0, -1):
            dense, rectifier = self.dense[number], self._rectifiers[number - 1]
            below = dense.input_gradient(gradient, rectifier.scale)
            dense.add_gradient(gradient, scale, kept)
            gradient = rectifier.backward(below, self._activations[number - 1])
        below = self.dense[0].input_gradient(gradient, 1.0) if self.blocks else None
        self.dense[0].add_gradient(gradient, scale, kept)
        if self.blocks:
            self._backward_images(below, scale)

    def _forward_images(self, X: torch.Tensor, training: bool) -> torch.Tensor:
        images = X.view(-1, *self._image_shape)
        features = self._buffers("features", X.shape[0], *self._feature_shape)
        for rows in self._groups(len(X)):
            values = images[rows]
            for block in self.blocks[:-1]:
                values = block.forward(values, rows.start, training)
            self.blocks[-1].forward(values, rows.start, training, out=features[rows])
        return features.view(len(X), -1)

    def _backward_images(self, gradient: torch.Tensor, scale: float) -> None:
        images = gradient.view(-1, *self._feature_shape)
        for rows in self._groups(len(gradient)):
            values = images[rows]
            for number in range(len(self.blocks) - 1, -1, -1):
                values = self.blocks[number].backward(values, rows.start, scale, wants_input=number > 0)

    def _groups(self, n_images: int) -> Iterator[slice]:
        at_once = self._images_in_cache(n_images)
        for start in range(0, n_images, at_once):
            # One image can take a second: a thousand filters of a thousand channels each.
            pause()
            yield slice(start, min(start + at_once, n_images))

    def _images_in_cache(self, n_images: int) -> int:
        """Return how many of so many images are best convolved at once."""
        # The first block goes image by image all by itself; a normalisation needs all images.
        first = self.blocks[0]
        is_alone = len(self.blocks) == 1 and isinstance(first, FirstConvBlock)
        if is_alone or isinstance(first.convolution, NormalizedConvolution):
            return n_images
        return max(1, self._VALUES_IN_CACHE // self._widest)

    def _build(
        self,
        layers: Sequence[Layer],
        weights: Mapping[str, torch.Tensor],
        make_dropout: Callable[[float], Dropout] | None,
    ) -> None:
        _check_known(layers)
        for number, layer in enumerate(layers):
            if layer.kind == "conv":
                after = {following.kind: following for following in _until_weights(layers[number + 1 :])}
                self.blocks.append(self._conv_block(layer, after, weights, make_dropout))
                self._feature_shape = (after.get("pool") or layer).output_shape
            elif layer.kind == "dense":
                self.dense.append(Dense(layer, *_weight_and_bias(layer, weights)))
                if layer.activation != "softmax":
                    dropout = _dropout(next(_until_weights(layers[number + 1 :]), None), make_dropout)
                    is_relu = layer.activation == "relu"
                    self._rectifiers.append(Rectifier(dropout) if is_relu else Activation(layer.activation, dropout))

    def _conv_block(self, layer, after, weights, make_dropout) -> ConvBlock | ActivatedConvBlock:
        norm = after.get("norm")
        if norm is None:
            convolution, activation = Convolution(layer, *_weight_and_bias(layer, weights)), layer.activation
        else:
            convolution, activation = NormalizedConvolution(layer, norm, weights), norm.activation
        if activation != "relu":
            pooling = (after["pool"].window, after["pool"].stride) if "pool" in after else None
            return ActivatedConvBlock(convolution, activation, pooling, _dropout(after.get("dropout"), make_dropout))
        kind = ConvBlock
        if norm is None:
            kind = self._LATER_BLOCK if self.blocks else FirstConvBlock
        return kind(convolution, after.get("pool"), _dropout(after.get("dropout"), make_dropout))


class SmallDenseNetwork(Network):
    """Dense layers trained by the compiled loops of :mod:`digitcore.models.torch_backend.kernels.small_dense`."""

    INPUTS_FIRST = True
    PICKS_IMAGES = True

    def prepare_training(self, update: Update, most_images: int, whole: torch.Tensor | None = None) -> None:
        sizes = [self.dense[0].n_inputs, *(dense.n_units for dense in self.dense)]
        dropout = next((rectifier.dropout for rectifier in self._rectifiers), None)
        self._layers = SmallDenseLayers(sizes, update.values.numpy(), update.summed.numpy(), dropout, most_images)

    def forward(
        self, X: torch.Tensor | PickedImages, *, training: bool = False, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        if not training:
            return super().forward(X, out=out)
        images, rows = X if isinstance(X, PickedImages) else PickedImages(X, torch.arange(len(X)))
        self._layers.forward(images.numpy(), rows.numpy(), out.t().numpy())
        return out

    def backward(self, d_logits: torch.Tensor, scale: float, kept: float) -> None:
        self._layers.backward(d_logits.t().numpy(), scale, kept)


def _check_known(layers: Sequence[Layer]) -> None:
    """Refuse a plan with anything that these layers would leave out.

    Raises
    ------
    InvalidSetting
        If it is not: convolutions, each normalised or not, with a known activation, followed by pooling, dropout or
        both, in this order;
        dense layers with one, each with dropout or without; an output with softmax.
    """
    kinds = " ".join(layer.kind for layer in layers)
    *hidden, last = [layer.activation for layer in _before_activations(layers)] or [None]
    if not _KNOWN_KINDS.fullmatch(kinds) or not _KNOWN_ACTIVATIONS.issuperset(hidden) or last != "softmax":
        raise InvalidSetting(
            f"The network cannot be trained as it is planned: {', '.join(layer.label for layer in layers)}; known are "
            "convolutions, normalisation, pooling and dropout, then dense layers and dropout, then softmax, with the "
            "activations "
            f"{', '.join(sorted(_KNOWN_ACTIVATIONS))}"
        )


def _before_activations(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield the layers that should have an activation: those with weights, or the normalisations behind them."""
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        is_normalized = following is not None and following.kind == "norm"
        if layer.kind == "norm" or (layer.weight_shape and not is_normalized):
            yield layer


def _until_weights(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield the layers up to the next one that has weights."""
    for layer in layers:
        if layer.weight_shape:
            return
        yield layer


def _dropout(layer: Layer | None, make_dropout: Callable[[float], Dropout] | None) -> Dropout | None:
    return make_dropout(layer.rate) if layer is not None and make_dropout is not None else None


def _weight_and_bias(layer: Layer, weights: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]


def _channels_last(weight: torch.Tensor) -> np.ndarray:
    """Return a view of weights as they lie in memory, ``(filters, window, window, channels)``."""
    return weight.permute(0, 2, 3, 1).numpy()


def _first(images: torch.Tensor) -> torch.Tensor:
    """Return a view with the channels first, as torch names them."""
    return images.permute(0, 3, 1, 2)


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Return ``x @ weight.T + bias`` by oneDNN."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _last(images: torch.Tensor) -> torch.Tensor:
    """Return a view with the channels last."""
    return images.permute(0, 2, 3, 1)
