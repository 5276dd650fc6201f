"""Reading and changing by index: what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import ONE, PAIR, Table, refused, w
from tinygrad_gd.ops.indexing import SLOT

MISUSE: Table = {
    "index": (lambda: w()[5], IndexError, "index 5 is out of bounds.*'w'"),
    "float index": (lambda: w()[1.5], IndexError, "integers, slices"),
    "mask": (lambda: w()[np.array([True, False])], IndexError, "boolean index did not match.*'w'"),
    "ragged index": (lambda: w(PAIR)[[[0], [1, 2]]], IndexError, "'w'.*rows have different lengths.*a list of its own"),
    "too many indices": (lambda: w()[0, 0], IndexError, "too many indices.*'w'.*None makes a new one"),
    "mask of another length": (lambda: w()[[True, False]], IndexError, "'w'.*lengths of the axes that it stands for"),
    "at in place": (lambda: w().at.__setitem__(0, 1.0), TypeError, r"t = t\.at\[key\]\.set\(values\)"),
    "take along a text": (lambda: np.take(w(), 0, axis="a"), TypeError, r"take\('w'.*as an integer"),
    "insert between": (lambda: np.insert(w(), 0.5, 1.0), TypeError, r"insert\('w'.*check the arguments"),
    "scatter_add axes": (lambda: tg.scatter_add(w(PAIR), [0], [1.0]), ValueError, "^scatter_add: 'w'.* needs indices with 2 axes"),
    "scatter_add axis": (lambda: tg.scatter_add(w(), [0], [1.0], axis=2), ValueError, "^scatter_add: axis 2 .*'w'"),
    "scatter_add values": (lambda: tg.scatter_add(w(), [0], [1.0, 2.0]), ValueError, r"^scatter_add: .*'w'.*\(2,\).*reshape the values"),
    "scatter_add range": (lambda: tg.scatter_add(w(), [7], [1.0]), IndexError, "^scatter_add: index 7 is out of bounds"),
    "put_along_axis axes": (lambda: tg.put_along_axis(w(PAIR), [0], 1.0, 1), ValueError, "^put_along_axis: 'w'.*2 axes"),
    "put_along_axis range": (lambda: tg.put_along_axis(w(), [7], 1.0), IndexError, "^put_along_axis: index 7 is out of bounds"),
    "take_along_axis range": (lambda: np.take_along_axis(w(), np.array([7]), 0), IndexError, "^take_along_axis: index 7 is out"),
    "take range": (lambda: np.take(w(), 7), IndexError, "^take: index 7 is out of bounds.*'w'"),
    "put range": (lambda: tg.put(w(), 7, 1.0), IndexError, "^put: index 7 is out of bounds"),
    "compress by text": (lambda: np.compress("abc", w()), TypeError, "compress: expected a vector of booleans.*str"),
    "compress by a matrix": (lambda: np.compress(PAIR > 0, w(PAIR)), ValueError, r"compress: expected a vector of booleans.*\(2, 3\)"),
    "half an axis of take": (lambda: np.take(w(PAIR), [0], axis=0.5), TypeError, r"take\('w'.*as an integer"),
    "nothing by default": (lambda: np.select([ONE > 0], [w()], None), TypeError, "select: default= must be numbers, got NoneType"),
    "a gradient in integers": (lambda: tg.Tensor([1, 2]).at[0].set(w(1.0)), RuntimeError, r"at: the gradient of 'w'.*would be lost in int64.*\.astype\(float\)"),
    "a gradient put in integers": (lambda: tg.put(tg.Tensor([1, 2]), 0, w(1.0)), RuntimeError, "put: the gradient of .*would be lost"),
    "a gradient placed in integers": (lambda: tg.place(tg.Tensor([1, 2]), [True, False], w(1.0)), RuntimeError, "place: the gradient of "),
    "a gradient masked in integers": (lambda: tg.putmask(tg.Tensor([1, 2]), [True, False], w(1.0)), RuntimeError, "putmask: the gradient of "),
    "a gradient inserted in integers": (lambda: np.insert(tg.Tensor([1, 2]), 0, w(1.0)), RuntimeError, "insert: the gradient of "),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])


def test_the_place_of_an_index_array_is_known_by_identity_also_in_copies() -> None:
    recorded = tg.Tensor(np.ones((3, 2)), requires_grad=True)[np.array([0, 2]), 1]
    key = recorded.params["key"]
    assert key[0] is SLOT and key[1] == 1
    assert copy.deepcopy(key)[0] is SLOT and pickle.loads(pickle.dumps(key))[0] is SLOT
