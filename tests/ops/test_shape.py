"""Functions of shapes: what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import MATRIX, ONE, PAIR, Table, refused, w

MISUSE: Table = {
    "reshape": (lambda: w().reshape(2, 2), ValueError, "reshape.*'w'.*cannot reshape"),
    "lengths of reshape": (lambda: w().reshape(2, 2), ValueError, r"must multiply to.*-1"),
    "two unknown lengths": (lambda: w().reshape(-1, -1), ValueError, "reshape.*only one length as -1"),
    "transpose as in PyTorch": (lambda: w(np.ones((2, 3, 4))).transpose(1, 2), ValueError,
                                r"transpose\('w'.*\.swapaxes\(i, j\)"),
    "squeeze": (lambda: w(PAIR).squeeze(0), ValueError, "squeeze.*'w'.*only axes of length 1"),
    "new axis": (lambda: np.expand_dims(w(), 5), ValueError, "so axes run from -2 to 1"),
    "float shape": (lambda: w().reshape(3.0, 1), TypeError, "reshape.*'float'.*are integers"),
    "wrong size": (lambda: w().reshape(3, -2, 5), ValueError, "reshape.*must multiply to the number of elements"),
    "negative dimension": (lambda: np.tile(w(), -1), ValueError, "negative dimensions.*must be at least 0"),
    "broadcast to": (lambda: np.broadcast_to(w(), (3, 2)), ValueError, "broadcast_to.*unless it is 1; new axes"),
    "transpose": (lambda: w(PAIR).transpose(0), ValueError, "transpose.*'w'.*give every axis once"),
    "moveaxis": (lambda: np.moveaxis(w(PAIR), [0, 1], [0]), ValueError, "moveaxis.*as many destinations"),
    "mixed ndim": (lambda: np.concatenate([w(PAIR), w()]), ValueError, r"concatenate.*insert axes with x\[None\]"),
    "unequal parts": (lambda: np.hstack([w(PAIR), w(np.ones((3, 3)))]), ValueError, "may differ along axis= only"),
    "numbers joined": (lambda: np.concatenate([w(1.0), w(2.0)]), ValueError, "concatenate.*use stack"),
    "stack": (lambda: np.stack([w(), w((1.0, 2.0))]), ValueError, "stack.*use concatenate"),
    "stack of nothing": (lambda: tg.stack([]), ValueError, "stack.*the list is empty"),
    "split by 0": (lambda: np.split(w(), 0), ValueError, "number of parts must be at least 1"),
    "split by a text": (lambda: np.split(w(), "a"), TypeError, r"split\('w'.*str.*check the arguments"),
    "vsplit of a vector": (lambda: np.vsplit(w(), 3), ValueError, "vsplit: expected at least 2 axes"),
    "tile 1.5 times": (lambda: np.tile(w(), 1.5), TypeError, r"tile\('w'.*as an integer.*are integers"),
    "repeat 1.5 times": (lambda: np.repeat(w(), 1.5), TypeError, r"repeat\('w'.*as an integer"),
    "negative counts": (lambda: np.repeat(w(), [1, -1, 2]), ValueError, r"repeat\('w'.*counts must be at least 0"),
    "half a turn and a bit": (lambda: np.rot90(w(MATRIX), 1.5), TypeError, r"rot90\('w'.*as an integer"),
    "edge of nothing": (lambda: np.pad(w(ONE[:0]), 1, "edge"), ValueError, "pad.*can't extend empty axis 0"),
    "resize": (lambda: np.resize(w(), -1), ValueError, "resize: cannot give 'w'.*lengths must be at least 0"),
    "diagonal": (lambda: np.diagonal(w()), ValueError, r"diagonal.*'w'.*x\[:, None\]"),
    "stack as integers": (lambda: np.hstack([w(), w()], dtype=int), TypeError, r"hstack: cannot cast 'w'.*to int.*casting='unsafe'"),
    "concatenate as integers": (lambda: np.vstack([w()], dtype=np.int32, casting="bogus"), ValueError, "vstack: casting= must be 'no'"),
    "cuts between": (lambda: np.array_split(w(), [1.5]), TypeError, r"array_split\('w'.*as an integer"),
    "parts and a half": (lambda: np.array_split(w(), 2.5), TypeError, r"array_split\('w'.*as an integer"),
    "a number without axes": (lambda: tg.reshape(1.5, (1,)), TypeError, "reshape.*make one with np.asarray"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
