"""Many images as points in a plane, near each other where they are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from digitcore.errors import InvalidSetting

METHODS: Mapping[str, str] = {"pca": "PCA", "tsne": "t-SNE"}
# Features whose covariance is looked at.
MAX_COVARIANCE = 1000
MOST_POINTS = 10_000
# Directions of largest spread that t-SNE looks at, as its authors advise for speed and against noise.
N_COMPONENTS = 50


def sample_positions(n_images: int, most: int = MOST_POINTS) -> np.ndarray:
    """Return the positions (int64, ascending) of at most ``most`` images, drawn at random, the same each time."""
    if n_images <= most:
        return np.arange(n_images)
    return np.sort(np.random.default_rng(0).permutation(n_images)[:most])


def is_one_point(coordinates: np.ndarray) -> bool:
    """Return True if all points, ``(n_images, n_dimensions)``, are the same."""
    return not np.ptp(coordinates, axis=0).any()


def principal_components(X: np.ndarray, n_components: int = 2) -> np.ndarray:
    """Return the images' coordinates along the directions of largest spread, float32 ``(n_images, n_components)``.

    Fewer columns come back where images or features are fewer. Where all images are equal every coordinate is 0.

    Parameters
    ----------
    X : ndarray of shape (n_images, n_features), float
        Pixels, or values of a hidden layer.
    n_components : int
        From 1.

    Raises
    ------
    InvalidSetting
        If there are fewer than two images or the values are not finite.

    References
    ----------
    Pearson (1901), "On lines and planes of closest fit to systems of points in space".
    """
    X = np.asarray(X, dtype=np.float32)
    if X.ndim != 2 or len(X) < 2 or not np.isfinite(X).all():
        raise InvalidSetting(f"A map needs finite values of at least two images, got the shape {X.shape}")
    from sklearn.decomposition import PCA

    n_components = min(n_components, *X.shape)
    if is_one_point(X):
        return np.zeros((len(X), n_components), dtype=np.float32)
    # With fewer features than images their covariance is small, and its eigenvectors take a tenth of the time.
    solver = "covariance_eigh" if X.shape[1] < min(len(X), MAX_COVARIANCE) else "auto"
    return PCA(n_components, svd_solver=solver, random_state=0).fit_transform(X).astype(np.float32)


def tsne_coordinates(X: np.ndarray) -> np.ndarray:
    """Return coordinates by t-SNE, float32 ``(n_images, 2)``; takes about a minute for 10 000 images.

    Parameters
    ----------
    X : ndarray of shape (n_images, n_features), float
        Best from :func:`principal_components`. Where all images are equal, all come to lie at zero.

    References
    ----------
    van der Maaten and Hinton (2008), "Visualizing data using t-SNE", Journal of Machine Learning Research 9.
    """
    from sklearn.manifold import TSNE

    # All in one place, a silent layer's images have no neighbours to keep, and scikit-learn would crash on them.
    if np.ptp(X, axis=0).max() == 0:
        return np.zeros((len(X), 2), dtype=np.float32)
    start = "pca" if min(X.shape) >= 2 else "random"
    perplexity = min(30.0, (len(X) - 1) / 3)
    return TSNE(2, perplexity=perplexity, init=start, random_state=0).fit_transform(X).astype(np.float32)


def map_table(
    coordinates: np.ndarray,
    positions: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Return a row per point.

    Returns
    -------
    DataFrame
        ``x``, ``y`` (float32), ``position`` (int32), ``truth``, ``prediction`` (categories), ``wrong`` (bool).
    """
    y = coordinates[:, 1] if coordinates.shape[1] > 1 else np.zeros(len(coordinates), np.float32)
    names = [str(name) for name in class_names]
    return pd.DataFrame(
        {
            "x": coordinates[:, 0],
            "y": y,
            "position": positions.astype(np.int32),
            # By number, a name takes a byte instead of six on the way to the browser.
            "truth": pd.Categorical.from_codes(truth, names),
            "prediction": pd.Categorical.from_codes(prediction, names),
            "wrong": truth != prediction,
        }
    )


def rectangle_of_shares(
    table: pd.DataFrame, across: tuple[float, float], up: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ends in x and in y of a rectangle that is given by shares of the map's width and height.

    Parameters
    ----------
    table : DataFrame
        From :func:`map_table`, with a row at least.
    across, up : (float, float)
        From the left and from the bottom, 0 to 1; 0 and 1 are the outermost points.
    """
    return _ends_of_share(table["x"], across), _ends_of_share(table["y"], up)


def _ends_of_share(values: pd.Series, share: tuple[float, float]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    # Not low + 1 * (high - low), which may round to less than high.
    start, end = ((1 - each) * low + each * high for each in share)
    return start, end


def positions_within(table: pd.DataFrame, x: Sequence[float], y: Sequence[float]) -> np.ndarray:
    """Return the positions of the points of :func:`map_table` in a rectangle, wrong ones first."""
    (left, right), (low, high) = sorted(x), sorted(y)
    inside = table[table["x"].between(left, right) & table["y"].between(low, high)]
    return inside.sort_values("wrong", ascending=False, kind="stable")["position"].to_numpy()
