"""The compiled loop that resamples images. Import it only where it is used: numba takes a third of a second to load."""

from __future__ import annotations

import contextlib

import numba
import numpy as np


# A product and a sum in one instruction. Rows are copied in loops: numba compiles those faster than slices.
@numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})
def resample(images, matrices, offsets, displacements, half, resampled):
    """Fill ``resampled`` with bilinear interpolations of ``images``; outside an image there are zeros.

    The pixel (row, column) of image i comes from ``matrices[i] @ (row, column) + offsets[i]``, moved by
    ``displacements[i, :, row, column]`` where there are displacements (their first axis may be empty).

    Parameters
    ----------
    images, resampled : ndarray, uint8 or float32, (n_images, height, width)
        Pixel values.
    matrices, offsets : ndarray, float32, (n_images, 2, 2) and (n_images, 2)
        From a place in the result to its source, in pixels.
    displacements : ndarray, float32, (n_images or 0, 2, height, width)
        Further moves of the source, in pixels.
    half : float32
        Added to each interpolated value: 0.5 has whole numbers rounded, 0 leaves floats as they are.
    """
    n_images, height, width = images.shape
    moved = displacements.shape[0] > 0
    # A frame of zeros saves asking for each neighbour whether it is in the image.
    framed = np.zeros((height + 2, width + 2), dtype=np.float32)
    for i in range(n_images):
        for row in range(height):
            for column in range(width):
                framed[row + 1, column + 1] = images[i, row, column]
        down, along = matrices[i, 0, 1], matrices[i, 1, 1]
        for row in range(height):
            # Places in the frame, whose corner is one pixel above and left of the image's.
            y = matrices[i, 0, 0] * np.float32(row) + offsets[i, 0] + np.float32(1)
            x = matrices[i, 1, 0] * np.float32(row) + offsets[i, 1] + np.float32(1)
            for column in range(width):
                source_y = y + down * np.float32(column)
                source_x = x + along * np.float32(column)
                if moved:
                    source_y += displacements[i, 0, row, column]
                    source_x += displacements[i, 1, row, column]
                # Written this way round, NaN is outside as well.
                if not (source_y >= 0 and source_y < height + 1 and source_x >= 0 and source_x < width + 1):
                    resampled[i, row, column] = 0
                    continue
                top, left = np.uint32(source_y), np.uint32(source_x)
                below, right = source_y - np.float32(top), source_x - np.float32(left)
                upper = framed[top, left] + right * (framed[top, left + 1] - framed[top, left])
                lower = framed[top + 1, left] + right * (framed[top + 1, left + 1] - framed[top + 1, left])
                resampled[i, row, column] = upper + below * (lower - upper) + half


with contextlib.suppress(RuntimeError):  # no folder can be written: each process compiles for itself
    resample.enable_caching()
