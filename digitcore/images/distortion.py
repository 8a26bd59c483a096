"""Distortions of many images at once, each with its own strength: moved, thickened, erased, noisy.

Images are uint8 or float32 ``(n_images, height, width)``, 0 (paper) to their largest value; they are not changed.
Results have the same type: uint8 values are rounded, float32 ones are not. Lengths are in pixels, rows count downwards.
"""

from __future__ import annotations

import numpy as np


def affine_transforms(
    image_shape: tuple[int, int],
    *,
    rotation: np.ndarray | float = 0.0,
    scale: np.ndarray | float = 1.0,
    shear: np.ndarray | float = 0.0,
    shift: np.ndarray | tuple[float, float] = (0.0, 0.0),
) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices ``(n, 2, 2)`` and offsets ``(n, 2)``, float32, that :func:`warped` takes.

    About the image's centre, a shear comes first, then scale, rotation and shift. All arguments are broadcast.

    Parameters
    ----------
    image_shape : (int, int)
        Height and width, in pixels.
    rotation : float or ndarray of shape (n,)
        Degrees, clockwise.
    scale : float or ndarray of shape (n,)
        Factor of the size, above 0.
    shear : float or ndarray of shape (n,)
        Pixels to the right for each pixel upwards.
    shift : ndarray of shape (n, 2) or (float, float)
        Pixels down and to the right.
    """
    angle, factor, slant = np.broadcast_arrays(np.deg2rad(rotation), scale, shear)
    angle, factor, slant = (np.atleast_1d(each).astype(np.float64) for each in (angle, factor, slant))
    cosine, sine = np.cos(angle) / factor, np.sin(angle) / factor
    # From the result back to the source: the inverse rotation and scale, then the inverse shear.
    matrices = np.stack([cosine, -sine, sine + slant * cosine, cosine - slant * sine], axis=-1).reshape(-1, 2, 2)
    shifts = np.atleast_2d(np.asarray(shift, dtype=np.float64))
    (n,) = np.broadcast_shapes(matrices.shape[:1], shifts.shape[:1])
    matrices, shifts = np.broadcast_to(matrices, (n, 2, 2)), np.broadcast_to(shifts, (n, 2))
    center = (np.array(image_shape) - 1) / 2
    offsets = center - np.einsum("nij,nj->ni", matrices, center + shifts)
    return matrices.astype(np.float32), offsets.astype(np.float32)


def warped(
    images: np.ndarray, matrices: np.ndarray, offsets: np.ndarray, displacements: np.ndarray | None = None
) -> np.ndarray:
    """Return images resampled once, bilinearly, of the same shape. Outside an image is paper.

    Parameters
    ----------
    images : ndarray, uint8 or float32, (n_images, height, width)
        Pixel values.
    matrices, offsets : ndarray of shape (n_images or 1, 2, 2) and (n_images or 1, 2)
        From a place (row, column) in the result to its source, see :func:`affine_transforms`.
    displacements : ndarray of shape (n_images, 2, height, width), optional
        Further moves of the source of each pixel, rows and columns.
    """
    from digitcore.images.resampling import resample

    images = np.ascontiguousarray(images)
    n_images = len(images)
    matrices = np.ascontiguousarray(np.broadcast_to(matrices, (n_images, 2, 2)), dtype=np.float32)
    offsets = np.ascontiguousarray(np.broadcast_to(offsets, (n_images, 2)), dtype=np.float32)
    if displacements is None:
        displacements = np.empty((0, 2, 0, 0))
    resampled = np.empty_like(images)
    displacements = np.ascontiguousarray(displacements, dtype=np.float32)
    half = np.float32(0.5 if images.dtype == np.uint8 else 0)
    resample(images, matrices, offsets, displacements, half, resampled)
    return resampled


def thickened(images: np.ndarray, pixels: np.ndarray | float) -> np.ndarray:
    """Return images whose strokes are thicker, or thinner where ``pixels`` is negative, of the same shape.

    A whole pixel is a grey dilation (erosion) by a cross of 3x3; the rest is that share of one more. What is outside an
    image does not count.

    Parameters
    ----------
    images : ndarray, uint8 or float32, (n_images, height, width)
        Pixel values.
    pixels : float or ndarray of shape (n_images,)
        Pixels that strokes grow by on each side.
    """
    changed = images.astype(np.float32)
    pixels = np.broadcast_to(np.asarray(pixels, dtype=np.float32), len(images))
    rest = np.abs(pixels)
    while rest.max(initial=0) > 0:
        for extreme, chosen in ((np.maximum, (rest > 0) & (pixels > 0)), (np.minimum, (rest > 0) & (pixels < 0))):
            before = changed[chosen]
            share = np.minimum(rest[chosen], 1)[:, None, None]
            changed[chosen] = before + share * (_of_cross(before, extreme) - before)
        rest = np.maximum(rest - 1, 0)
    return np.rint(changed).astype(np.uint8) if images.dtype == np.uint8 else changed


def erased(images: np.ndarray, corners: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
    """Return images with a rectangle of paper in each, of the same shape.

    Parameters
    ----------
    images : ndarray, uint8 or float32, (n_images, height, width)
        Pixel values.
    corners : ndarray of shape (n_images, 2), integer
        Row and column of each rectangle's top left pixel.
    sides : (int, int)
        Height and width of the rectangles, in pixels.
    """
    inside = [
        (np.arange(length) >= corner[:, None]) & (np.arange(length) < corner[:, None] + side)
        for length, corner, side in zip(images.shape[1:], corners.T, sides, strict=True)
    ]
    return np.where(inside[0][:, :, None] & inside[1][:, None, :], images.dtype.type(0), images)


def with_noise(images: np.ndarray, deviation: float, max_value: float, rng: np.random.Generator) -> np.ndarray:
    """Return images with Gaussian noise on each pixel, clipped to 0 to ``max_value``.

    Parameters
    ----------
    images : ndarray, uint8 or float32, (n_images, height, width)
        Pixel values, 0 to ``max_value``.
    deviation : float
        Standard deviation as a share of ``max_value``.
    max_value : float
        Largest value of a pixel.
    rng : numpy.random.Generator
        Source of the noise.
    """
    noisy = rng.standard_normal(images.shape, dtype=np.float32)
    noisy *= np.float32(deviation * max_value)
    noisy += images
    return rounded(noisy, max_value) if images.dtype == np.uint8 else np.clip(noisy, 0, max_value, out=noisy)


def rounded(values: np.ndarray, max_value: float) -> np.ndarray:
    """Return float values as pixels: rounded, clipped to 0 to ``max_value``, uint8."""
    return np.clip(np.rint(values), 0, max_value).astype(np.uint8)


def _of_cross(images: np.ndarray, extreme: np.ufunc) -> np.ndarray:
    """The largest or smallest value of each pixel and its four neighbours."""
    found = images.copy()
    extreme(found[:, 1:], images[:, :-1], out=found[:, 1:])
    extreme(found[:, :-1], images[:, 1:], out=found[:, :-1])
    extreme(found[:, :, 1:], images[:, :, :-1], out=found[:, :, 1:])
    extreme(found[:, :, :-1], images[:, :, 1:], out=found[:, :, :-1])
    return found
