"""Real data that needs no download, toy sets, and what is done to data before training.

Toy sets have noise of a normal distribution and a ``seed``; the same one gives the same points.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer
from ..ground.explain import answering
from ..ground.rng import seeded

__all__ = ["Scaler", "blobs", "line", "load_digits", "moons", "spirals", "split", "xor"]
Arrays: TypeAlias = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def load_digits() -> Arrays:
    """Handwritten digits: 1,797 images of 8x8 pixels in [0, 1] as rows of 64, and their labels.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits" (test part), UCI
    Machine Learning Repository, licence CC BY 4.0; grey values 0..16, stored unchanged.

    >>> images, labels = load_digits(); images.shape, labels[:3].tolist()
    ((1797, 64), [0, 1, 2])
    """
    from importlib.resources import files  # of a package in a zip, too; most programs load no data

    with files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file) as stored:
        return stored["images"] / np.float32(16), stored["labels"].astype(np.int64)


@answering
def split(
    *arrays: Any, test: float = 0.2, seed: int = 0
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Shuffle rows once and part them: ``(x_train, y_train), (x_test, y_test)``.

    A list or a table, as of pandas, is its values: rows belong together by their place, whatever index
    they have, and arrays come back.

    >>> (x, y), (x_test, y_test) = split(np.arange(10), np.arange(10) * 2, test=0.3)
    >>> len(x), len(y_test), (y == 2 * x).all()
    (7, 3, np.True_)
    """
    try:
        arrays = tuple(a if isinstance(a, Tensor | np.ndarray) else np.asarray(a) for a in arrays)
    except ValueError:
        raise ShapeError("split: the rows of a list have different lengths; pad them") from None
    if (other := next((a for a in arrays if not a.ndim), None)) is not None:
        what = describe(other.item() if other.dtype == object else other)
        cure = "x.toarray()" if hasattr(other.item(), "toarray") else "split(x, y)"
        raise ShapeError(f"split: expected arrays with rows, got {what}; write {cure}")
    lengths = [len(a) for a in arrays]
    if not lengths or len(set(lengths)) > 1:
        raise ShapeError(f"split: expected arrays with one length, got lengths {lengths}; each row of "
                         "the data needs exactly one label")
    if not isinstance(test, int | float | np.floating) or not 0 < test < 1:
        raise OptionError(f"split: test is the part of the rows to keep for testing, between 0 and 1; "
                          f"got {test!r}")
    order = seeded("split", seed).permutation(len(arrays[0]))
    cut = round(len(order) * (1 - test))
    if not 0 < cut < len(order):
        raise ShapeError(f"split: test={test} of {len(order)} rows leaves no row for one of the parts; "
                         "give more rows, or another part")
    return tuple(a[order[:cut]] for a in arrays), tuple(a[order[cut:]] for a in arrays)


class Scaler:
    """Standardises columns: less their mean, divided by their standard deviation.

    Both are those of the data that it is made with, as a rule the training part. A constant column
    becomes 0.

    >>> x = np.array([[1.0, 5.0], [3.0, 5.0]]); scaler = Scaler(x)
    >>> scaler(x).tolist(), scaler(np.array([[2.0, 6.0]])).tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0]])
    >>> scaler.inverse(scaler(x)).tolist() == x.tolist()
    True
    """

    @answering
    def __init__(self, x: Any) -> None:
        rows = np.asarray(x, float)
        if not rows.ndim or not len(rows):
            raise ShapeError(f"Scaler: expected an array with rows, got {describe(x)}")
        if np.isnan(rows).any():
            raise OptionError("Scaler: the data have NaN, and so would all means; fill gaps first, "
                              "np.nan_to_num(x, nan=0.0)")
        self.mean = rows.mean(axis=0)
        spread = rows.std(axis=0)
        self.std = np.where(spread > 0, spread, 1.0)

    def __call__(self, x: Any) -> Any:
        """The columns, scaled."""
        return (x - self.mean) / self.std

    def inverse(self, x: Any) -> Any:
        """Scaled columns, as they were."""
        return x * self.std + self.mean


# -- toy sets ------------------------------------------------------------------------------------------


def _drawn(name: str, points: np.ndarray[Any, Any], noise: float, rng: Any) -> np.ndarray[Any, Any]:
    if isinstance(noise, bool) or not isinstance(noise, int | float | np.number) or not noise >= 0:
        raise OptionError(f"{name}: noise is a standard deviation, at least 0; got {noise!r}")
    drawn: np.ndarray[Any, Any] = points + noise * rng.standard_normal(points.shape)
    return drawn


@answering
def line(n: int = 5, noise: float = 0.0, slope: float = 2.0, intercept: float = 1.0,
         seed: int = 0) -> Arrays:
    """x = 1, 2, ..., n and y = slope x + intercept, with noise in y.

    >>> x, y = line(); x.tolist(), y.tolist()
    ([1.0, 2.0, 3.0, 4.0, 5.0], [3.0, 5.0, 7.0, 9.0, 11.0])
    """
    x = np.arange(1.0, check_integer("line: n", n, 1) + 1)
    return x, _drawn("line", slope * x + intercept, noise, seeded("line", seed))


def _labels(n: int, classes: int) -> np.ndarray[Any, Any]:
    """Classes in turn, so that each has as many points as the others, or one more."""
    return np.arange(n) % classes


@answering
def xor(n: int = 200, noise: float = 0.2, seed: int = 0) -> Arrays:
    """Points around the corners of a square, (n, 2), and whether the signs of both coordinates differ.

    >>> x, y = xor(4, noise=0.0); x.tolist(), y.tolist()
    ([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    corner = _labels(check_integer("xor: n", n, 1), 4)
    signs = np.stack([corner // 2, corner % 2], axis=1)
    return _drawn("xor", 2.0 * signs - 1, noise, seeded("xor", seed)), signs[:, 0] ^ signs[:, 1]


@answering
def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> Arrays:
    """Two half circles that reach into each other, (n, 2), and which of them each point is of.

    >>> x, y = moons(4, noise=0.0); np.round(x, 6).tolist(), y.tolist()
    ([[1.0, 0.0], [0.0, 0.5], [-1.0, 0.0], [2.0, 0.5]], [0, 1, 0, 1])
    """
    label = _labels(check_integer("moons: n", n, 2), 2)
    angle = np.pi * (np.arange(n) // 2) / np.maximum((n + 1 - label) // 2 - 1, 1)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.where(label[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
    return _drawn("moons", points, noise, seeded("moons", seed)), label


@answering
def spirals(n: int = 300, noise: float = 0.05, classes: int = 3, turns: float = 0.75,
            seed: int = 0) -> Arrays:
    """Arms that wind around the origin and end at the distance 1, (n, 2), and the arm of each point.

    >>> x, y = spirals(6, noise=0.0, classes=2, turns=1.0); np.round(x, 6).tolist()
    [[0.333333, 0.0], [-0.333333, 0.0], [-0.666667, 0.0], [0.666667, -0.0], [1.0, -0.0], [-1.0, 0.0]]
    """
    arm = _labels(check_integer("spirals: n", n, 1), check_integer("spirals: classes", classes, 1))
    radius = (np.arange(n) // classes + 1) / -(-n // classes)
    angle = 2 * np.pi * (turns * (radius - radius[0]) / max(1 - radius[0], 1e-9) + arm / classes)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _drawn("spirals", points, noise, seeded("spirals", seed)), arm


@answering
def blobs(n: int = 200, noise: float = 0.5, classes: int = 3, features: int = 2,
          seed: int = 0) -> Arrays:
    """Clouds around random centres between -3 and 3, (n, features), and the cloud of each point.

    >>> x, y = blobs(5, noise=0.0); x.shape, y.tolist(), x[0].tolist() == x[3].tolist()
    ((5, 2), [0, 1, 2, 0, 1], True)
    """
    label = _labels(check_integer("blobs: n", n, 1), check_integer("blobs: classes", classes, 1))
    rng = seeded("blobs", seed)
    centres = rng.uniform(-3, 3, (classes, check_integer("blobs: features", features, 1)))
    return _drawn("blobs", centres[label], noise, rng), label
