"""A network's way forward and back, written out layer by layer in buffers that are asked for once.

It computes what torch's modules and automatic differentiation compute; the tests hold one against the other. At the
sizes of digits those spend most of a step on bookkeeping, on memory, and on kernels that suit larger images. Images and
their channels lie in memory as ``(n_images, height, width, channels)`` throughout. Gains named here were measured on
two cores of an AVX-512 processor, as a share of the step's time without the trick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

import torch
import torch.nn.functional as F

from digitcore.models.architecture import Layer

# Values of the widest layer in a group of images that goes through the convolutions together: what the cores' own
# caches hold. The CNN gains a tenth.
_VALUES_IN_CACHE = 180_000
# Weights from which a dense layer's products go to oneDNN, where torch was built with it. On processors that are not
# Intel's torch's other library for them leaves half of the instructions aside: the CNN gains a quarter.
_WIDE = 2**18
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
# Random bits are drawn for at least so many values at a time: a small layer's draw is all overhead. The MLP gains 6 %.
_VALUES_DRAWN = 2**16


class Buffers:
    """Memory by name and shape, the same at each request."""

    def __init__(self):
        self._whole: dict[object, torch.Tensor] = {}
        self._views: dict[object, torch.Tensor] = {}

    def __call__(self, name: object, *shape: int) -> torch.Tensor:
        """Return a float32 tensor with whatever values it has; a smaller one shares the memory of a larger one."""
        view = self._views.get((name, shape))
        if view is None:
            whole = self._whole.get(name)
            if whole is None or whole.numel() < prod(shape):
                whole = self._whole[name] = torch.empty(prod(shape))
            view = self._views[name, shape] = whole[: prod(shape)].view(shape)
        return view


class DropoutMasks:
    """Masks that keep each value with probability ``1 - rate`` and scale it so that the mean stays.

    Parameters
    ----------
    rate : float
        0 to below 1, kept to within 1/65536.
    generator : torch.Generator
        Source of the random bits.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
    """

    def __init__(self, rate: float, generator: torch.Generator):
        # torch draws a 64-bit number as fast as a single bit. A value takes 8 bits of it where they can express the
        # rate, else 16: the CNN's step gains a third over torch's own dropout, and 5 % of that from 8 bits.
        self._bits = 8 if (rate * 256).is_integer() else 16
        levels = 2**self._bits
        n_kept = max(1, round((1 - rate) * levels))
        self._limit = n_kept - levels // 2
        self.scale = levels / n_kept
        self._generator = generator
        self._buffers = Buffers()
        self._words = torch.empty(0, dtype=torch.int64)
        self.start_epoch(_VALUES_DRAWN)

    def start_epoch(self, n_images: int) -> None:
        """Forget the masks drawn ahead, so that what was drawn is told by the generator's state alone.

        No more masks of a shape are drawn ahead than ``n_images`` need.
        """
        self._n_images = n_images
        self._shape: torch.Size | None = None
        self._ready: Iterator[torch.Tensor] = iter(())

    def draw(self, shape: torch.Size) -> torch.Tensor:
        """Return a new mask, to be used before the next one is drawn."""
        mask = next(self._ready, None) if shape == self._shape else None
        if mask is None:
            n_masks = max(1, min(_VALUES_DRAWN // prod(shape), -(-self._n_images // shape[0])))
            self._shape, self._ready = shape, self._fill(n_masks, shape)
            mask = next(self._ready)
        return mask

    def _fill(self, n_masks: int, shape: torch.Size) -> Iterator[torch.Tensor]:
        masks = self._buffers("masks", n_masks, *shape)
        n_words = -(-masks.numel() * self._bits // 64)
        if len(self._words) < n_words:
            self._words = torch.empty(n_words, dtype=torch.int64)
        words = self._words[:n_words].random_(-(2**63), None, generator=self._generator)
        levels = words.view(torch.int8 if self._bits == 8 else torch.int16)[: masks.numel()]
        torch.lt(levels.view(masks.shape), self._limit, out=masks).mul_(self.scale)
        return iter(masks.unbind())


class Rectifier:
    """ReLU, with dropout after it if wanted.

    Attributes
    ----------
    masks : DropoutMasks or None
        Dropout.
    scale : float
        What dropout multiplies the values with that it keeps.
    """

    def __init__(self, masks: DropoutMasks | None):
        self.masks = masks
        self.scale = masks.scale if masks is not None else 1.0

    def forward(self, z: torch.Tensor, training: bool, out: torch.Tensor) -> torch.Tensor:
        """Write the result into ``out``, which may be ``z``."""
        torch.clamp_min(z, 0, out=out)
        if training and self.masks is not None:
            out.mul_(self.masks.draw(out.shape))
        return out

    def backward(self, dy: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Turn the gradient of the result ``y``, times ``scale``, into that of its input, in place."""
        # A result above zero was both positive and kept, so the mask need not be.
        return _pass_where_positive(dy, y, out=dy)


class MaxPool:
    """Maximum over square windows, across and then down, each over whole rows of channels.

    torch's kernel takes 3.9 ms for 32 images of 26x26x32 where this takes 0.1: half of the CNN's step. Of equal values
    the first one counts, as in torch.
    """

    def __init__(self, window: int, stride: int):
        self._window, self._stride = window, stride
        self._buffers = Buffers()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(n_images, rows, columns, channels)`` in a buffer of its own."""
        across = self._maxima("across", x, 2)[-1]
        return self._maxima("down", across, 1)[-1]

    def backward(self, dy: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the gradient of ``x``; that of the result, ``dy``, is used up."""
        across = self._maxima("across", x, 2)
        down = self._maxima("down", across[-1], 1)
        d_across = self._spread("down", dy, across[-1], down, 1)
        return self._spread("across", d_across, x, across, 2)

    def _parts(self, x: torch.Tensor, axis: int) -> tuple[torch.Tensor, ...]:
        """Return views of the first, second ... value of each window."""
        return x.unfold(axis, self._window, self._stride).unbind(-1)

    def _maxima(self, name: str, x: torch.Tensor, axis: int) -> list[torch.Tensor]:
        """Return the maximum of each window's first value, first two values, and so on."""
        first, *others = self._parts(x, axis)
        maxima = [first]
        for number, part in enumerate(others):
            maxima.append(torch.maximum(maxima[-1], part, out=self._buffers((name, number), *part.shape)))
        return maxima

    def _spread(
        self, name: str, dy: torch.Tensor, x: torch.Tensor, maxima: Sequence[torch.Tensor], axis: int
    ) -> torch.Tensor:
        """Return the gradient of ``x``: each window's goes to the value that was its maximum."""
        dx = self._buffers(f"d_{name}", *x.shape)
        parts, d_parts = self._parts(x, axis), self._parts(dx, axis)
        # With stride 1 the windows' last values are all of the image but its edge, and theirs is written first.
        (dx.narrow(axis, 0, self._window - 1) if self._stride == 1 else dx).zero_()
        for number in range(self._window - 1, 0, -1):
            share = self._buffers(f"share_{name}", *dy.shape)
            torch.sub(parts[number], maxima[number - 1], out=share)
            if self._stride == 1 and number == self._window - 1:
                share = _pass_where_positive(dy, share, out=d_parts[number])
            else:
                d_parts[number].add_(_pass_where_positive(dy, share, out=share))
            dy.sub_(share)
        d_parts[0].add_(dy)
        return dx


class Convolution:
    """Convolution of images with any number of channels, by torch's own kernels."""

    def __init__(self, layer: Layer, weight: torch.Tensor, bias: torch.Tensor):
        self.name, self._weight, self._bias = layer.name, weight, bias
        before = (layer.window - 1) // 2 if layer.padding == "same" else 0
        after = layer.window - 1 - before if layer.padding == "same" else 0
        self._before, self._padding = before, (0, 0, before, after, before, after)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(n_images, rows, columns, filters)``."""
        return _last(F.conv2d(_first(self._padded(x)), self._weight, self._bias)).contiguous()

    def input_gradient(self, dy: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the images."""
        n_images, height, width, channels = x.shape
        low, high = self._padding[2:4]
        padded = (n_images, channels, height + low + high, width + low + high)
        dx = torch.nn.grad.conv2d_input(padded, self._weight, _first(dy))
        return _last(dx)[:, low : low + height, low : low + width]

    def add_gradient(self, dy: torch.Tensor, x: torch.Tensor, scale: float) -> None:
        """Add ``scale`` times the gradients of weight and bias to their sums."""
        gradient = torch.nn.grad.conv2d_weight(_first(self._padded(x)), self._weight.shape, _first(dy))
        self.weight_sum.add_(gradient, alpha=scale)
        self.bias_sum.add_(dy.sum(dim=(0, 1, 2)), alpha=scale)

    def _padded(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, self._padding) if any(self._padding) else x


class FirstConvolution(Convolution):
    """Convolution of images with a single channel, as a product of a matrix of patches.

    torch's kernels take 1.2 to 7 ms for the CNN's batch, by the images' layout, where this takes 0.2: a tenth to a half
    of its step.
    """

    def __init__(self, layer: Layer, weight: torch.Tensor, bias: torch.Tensor):
        super().__init__(layer, weight, bias)
        self._window, self._buffers = layer.window, Buffers()
        self._rows = weight.permute(0, 2, 3, 1).reshape(len(weight), -1)  # (filters, window * window)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches, shape = self._patches(x)
        z = torch.empty(*shape, len(self._rows))
        torch.addmm(self._bias, patches.t(), self._rows.t(), out=z.view(-1, len(self._rows)))
        return z

    def add_gradient(self, dy: torch.Tensor, x: torch.Tensor, scale: float) -> None:
        patches, _ = self._patches(x)
        columns = dy.view(-1, len(self._rows))  # (n_images * rows * columns, filters)
        gradient = torch.mm(patches, columns).t().view(len(self._rows), self._window, self._window, 1)
        self.weight_sum.add_(_first(gradient), alpha=scale)
        self.bias_sum.add_(columns.sum(dim=0), alpha=scale)

    def _patches(self, x: torch.Tensor) -> tuple[torch.Tensor, tuple[int, ...]]:
        """Return the patches ``(window * window, n_images * rows * columns)``, and the last three of these sizes."""
        # Windows first: rows of pixels are copied in one go, six times as fast as patch by patch.
        windows = self._padded(x)[..., 0].unfold(1, self._window, 1).unfold(2, self._window, 1).permute(3, 4, 0, 1, 2)
        patches = self._buffers("patches", *windows.shape).copy_(windows)
        return patches.view(self._window**2, -1), tuple(windows.shape[2:])


class ConvBlock:
    """Convolution, max-pooling and ReLU, for one group of images after the other.

    The ReLU comes after the pooling, where it has fewer values and the same result: the maximum of the values above
    zero is the value above zero of the maximum.
    """

    def __init__(self, convolution: Convolution, pool: MaxPool | None, rectifier: Rectifier):
        self.convolution, self._pool, self.rectifier = convolution, pool, rectifier
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}

    def forward(self, x: torch.Tensor, group: int, training: bool, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return the block's result for ``x``, kept under ``group`` for the way back."""
        z = self.convolution.forward(x)
        pooled = self._pool.forward(z) if self._pool is not None else z
        y = self.rectifier.forward(pooled, training, out if out is not None else torch.empty_like(pooled))
        if training:
            self._kept[group] = (x, z, y)
        return y

    def backward(self, dy: torch.Tensor, group: int, scale: float, wants_input: bool) -> torch.Tensor | None:
        """Add the weights' gradients to their sums; return that of the input if wanted."""
        x, z, y = self._kept.pop(group)
        dz = self.rectifier.backward(dy, y)
        if self.rectifier.scale != 1.0:
            dz.mul_(self.rectifier.scale)
        if self._pool is not None:
            dz = self._pool.backward(dz, z)
        self.convolution.add_gradient(dz, x, scale)
        return self.convolution.input_gradient(dz, x).contiguous() if wants_input else None


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
        self.name, self.n_units = layer.name, len(bias)
        self._weight, self._bias, self._weight_turned = weight, bias, weight.t()
        self._wide = weight.numel() >= _WIDE and _HAS_ONEDNN
        self._ones = torch.ones(1)
        self._buffers = Buffers()
        self._x = None

    def forward(self, x: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return the sums ``(n_images, units)``, in ``out`` if given."""
        self._x = x
        if self._wide:
            sums = _product(x, self._weight, self._bias)
            return sums if out is None else out.copy_(sums)
        out = out if out is not None else self._buffers("y", len(x), self.n_units)
        return torch.addmm(self._bias, x, self._weight_turned, out=out)

    def input_gradient(self, dy: torch.Tensor, factor: float) -> torch.Tensor:
        """Return ``factor`` times the gradient of the inputs, ``(n_images, n_inputs)``."""
        if self._wide:
            dx = _product(dy, self._weight_turned)
            return dx if factor == 1.0 else dx.mul_(factor)
        dx = self._buffers("dx", len(dy), self._weight.shape[1])
        return torch.addmm(dx, dy, self._weight, beta=0, alpha=factor, out=dx)

    def add_gradient(self, dy: torch.Tensor, scale: float, kept: float) -> None:
        """Set the sums of the gradients to ``kept`` times what they were plus ``scale`` times the gradients."""
        if len(self._ones) < len(dy):
            self._ones = torch.ones(len(dy))
        dy = dy.t()  # (n_units, n_images)
        if self._wide:
            torch.add(_product(dy * scale, self._x.t()), self.weight_sum, alpha=kept, out=self.weight_sum)
        else:
            torch.addmm(self.weight_sum, dy, self._x, beta=kept, alpha=scale, out=self.weight_sum)
        torch.addmv(self.bias_sum, dy, self._ones[: dy.shape[1]], beta=kept, alpha=scale, out=self.bias_sum)


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
    generator : torch.Generator, optional
        Source of dropout's masks; needed to train a network that has dropout.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        weights: Mapping[str, torch.Tensor],
        image_shape: tuple[int, int],
        generator: torch.Generator | None = None,
    ):
        self.blocks: list[ConvBlock] = []
        self.dense: list[Dense] = []
        self._rectifiers: list[Rectifier] = []
        self._image_shape, self._feature_shape = (*image_shape, 1), (*image_shape, 1)
        self._buffers = Buffers()
        self._widest = max(prod(layer.output_shape) for layer in layers)
        self._build(layers, weights, generator)
        self._activations: list[torch.Tensor] = []

    @property
    def n_classes(self) -> int:
        """Number of logits of an image."""
        return self.dense[-1].n_units

    def add_gradients_to(self, sums: Mapping[str, torch.Tensor]) -> None:
        """Have :meth:`backward` add gradients to these tensors, named and shaped as the weights."""
        for layer in (*(block.convolution for block in self.blocks), *self.dense):
            layer.weight_sum, layer.bias_sum = sums[f"{layer.name}.weight"], sums[f"{layer.name}.bias"]

    def start_epoch(self, n_images: int) -> None:
        """Have dropout draw afresh for an epoch of ``n_images``."""
        for rectifier in (*(block.rectifier for block in self.blocks), *self._rectifiers):
            if rectifier.masks is not None:
                rectifier.masks.start_epoch(n_images)

    def forward(self, X: torch.Tensor, *, training: bool = False, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits ``(n_images, n_classes)`` of rows of pixels; dropout is on while ``training``."""
        values = self._forward_images(X, training) if self.blocks else X
        self._activations = []
        for dense, rectifier in zip(self.dense[:-1], self._rectifiers, strict=True):
            sums = dense.forward(values)
            values = rectifier.forward(sums, training, out=sums)
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
        features = self._buffers("features", len(X), *self._feature_shape)
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
        at_once = max(1, _VALUES_IN_CACHE // self._widest)
        return (slice(start, min(start + at_once, n_images)) for start in range(0, n_images, at_once))

    def _build(
        self, layers: Sequence[Layer], weights: Mapping[str, torch.Tensor], generator: torch.Generator | None
    ) -> None:
        for number, layer in enumerate(layers):
            if layer.kind == "conv":
                after = {following.kind: following for following in _until_weights(layers[number + 1 :])}
                self.blocks.append(self._conv_block(layer, after, weights, generator))
                self._feature_shape = (after.get("pool") or layer).output_shape
            elif layer.kind == "dense":
                self.dense.append(Dense(layer, *_weight_and_bias(layer, weights)))
                if layer.activation == "relu":
                    dropout = next((other for other in _until_weights(layers[number + 1 :])), None)
                    self._rectifiers.append(Rectifier(_masks(dropout, generator)))

    def _conv_block(self, layer, after, weights, generator) -> ConvBlock:
        kind = Convolution if self.blocks else FirstConvolution
        pool = after.get("pool")
        return ConvBlock(
            kind(layer, *_weight_and_bias(layer, weights)),
            MaxPool(pool.window, pool.stride) if pool is not None else None,
            Rectifier(_masks(after.get("dropout"), generator)),
        )


def _pass_where_positive(gradient: torch.Tensor, values: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Return ``gradient`` where ``values`` are above zero, else zero."""
    # A comparison would make truth values first, which take torch four times as long.
    return torch.ops.aten.threshold_backward.grad_input(gradient, values, 0, grad_input=out)


def _until_weights(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield the layers up to the next one that has weights."""
    for layer in layers:
        if layer.weight_shape:
            return
        yield layer


def _masks(dropout: Layer | None, generator: torch.Generator | None) -> DropoutMasks | None:
    return DropoutMasks(dropout.rate, generator) if dropout is not None else None


def _weight_and_bias(layer: Layer, weights: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"]


def _first(images: torch.Tensor) -> torch.Tensor:
    """Return a view with the channels first, as torch names them."""
    return images.permute(0, 3, 1, 2)


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Return ``x @ weight.T + bias`` by oneDNN."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _last(images: torch.Tensor) -> torch.Tensor:
    """Return a view with the channels last."""
    return images.permute(0, 2, 3, 1)
