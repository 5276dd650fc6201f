"""Real data that needs no download."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.explain import answering
from ..ground.rng import seeded


def load_digits() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
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
