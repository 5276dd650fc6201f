"""Misuse gets an error that names what came and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.registry import NAMES
from tinygrad_gd.study import advise


def w(value: Any = (1.0, 2.0, 3.0), **options: Any) -> tg.Tensor:
    return tg.Tensor(list(value) if isinstance(value, tuple) else value, requires_grad=True,
                     name="w", **options)


def stepped_twice() -> None:
    p = w()
    loss = (p * p).sum()
    loss.backward()
    tg.optim.SGD([p], lr=0.1).step()
    loss.backward()


MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "shapes": (lambda: w() + np.ones(4), ValueError, r"add: shapes \(3,\) and \(4,\) .*'w'.*reshape"),
    "matmul": (lambda: w(np.ones((2, 3))) @ tg.Tensor(np.ones((2, 3)), name="v"), ValueError,
               r"matmul: axis 1 of 'w'.*length 3.*axis 0 of 'v'.*length 2.*\.T"),
    "non-scalar": (lambda: (w() * 2).backward(), RuntimeError, r"one element.*\.sum\(\)"),
    "no record": (lambda: tg.Tensor(1.0).backward(), RuntimeError, "records nothing.*requires_grad=True"),
    "gradient shape": (lambda: (w() * 2).backward([1.0]), ValueError, r"gradient has shape \(1,\).*\(3,\)"),
    "integer grad": (lambda: w(3), TypeError, "only floating tensors.*dtype=float"),
    "mse shapes": (lambda: tg.nn.mse_loss(w(np.ones((3, 1))), np.ones(3)), ValueError,
                   r"mse_loss: .*\(3, 1\).*\(3,\).*reshape"),
    "label range": (lambda: tg.nn.cross_entropy(w(np.ones((2, 3))), np.array([0, 3])), IndexError,
                    "label 3 is out of range for 3 classes"),
    "negative label": (lambda: tg.nn.cross_entropy(w(np.ones((2, 3))), np.array([0, -1])), IndexError,
                       "label -1 is out of range"),
    "float labels": (lambda: tg.nn.cross_entropy(w(np.ones((2, 3))), np.array([0.0, 1.0])), TypeError,
                     r"class numbers.*astype\(int\)"),
    "label count": (lambda: tg.nn.cross_entropy(w(np.ones((2, 3))), np.array([0])), ValueError,
                    r"logits \(n, classes\) and labels \(n,\)"),
    "reduction": (lambda: tg.nn.mse_loss(w(), w(), "average"), ValueError, "'mean', 'sum' or 'none'"),
    "stale": (stepped_twice, RuntimeError, "'w'.*overwritten.*stale.*Compute the loss again"),
    "leaf in place": (lambda: w().__iadd__(1), RuntimeError, r"'w'.*with tg\.no_grad\(\)"),
    "item of recorded": (lambda: (w() * 2).__setitem__(0, 1), RuntimeError, r"made by multiply.*tg\.where"),
    "unknown option": (lambda: tg.optim.SGD([{"params": [w()], "rate": 1}], lr=1), ValueError,
                       "unknown option 'rate'; options are lr, momentum"),
    "no parameters": (lambda: tg.optim.SGD([], lr=0.1), ValueError, "parameter list is empty"),
    "negative lr": (lambda: tg.optim.SGD([w()], lr=-1), ValueError, "lr must be >= 0, got -1"),
    "nan lr": (lambda: tg.optim.SGD([w()], lr=float("nan")), ValueError, "lr must be >= 0"),
    "nesterov": (lambda: tg.optim.SGD([w()], lr=1, nesterov=True), ValueError, "nesterov needs momentum"),
    "one tensor": (lambda: tg.optim.SGD(w(), lr=1), TypeError, r"write \[w\]"),
    "non-leaf": (lambda: tg.optim.SGD([w() * 2], lr=1), RuntimeError, "not a leaf"),
    "twice": (lambda: tg.optim.SGD([p := w(), p], lr=1), ValueError, "appears twice"),
    "loader lengths": (lambda: tg.DataLoader(np.ones(3), np.ones(2)), ValueError, r"lengths \[3, 2\]"),
    "batch size": (lambda: tg.DataLoader(np.ones(3), batch_size=0), ValueError, "must be >= 1, got 0"),
    "batch type": (lambda: tg.DataLoader(np.ones(3), batch_size=1.5), TypeError, "None or an integer"),
    "strings": (lambda: tg.Tensor(["a"]), TypeError, "float, int or bool"),
    "objects": (lambda: tg.Tensor(np.array([None])), TypeError, "dtype object"),
    "complex": (lambda: tg.Tensor(1j), TypeError, "dtype complex128"),
    "ragged": (lambda: tg.Tensor([[1, 2], [3]]), ValueError, "rows of different lengths"),
    "lost gradient": (lambda: tg.Tensor([w(1.0), w(2.0)]), TypeError, r"tg\.stack"),
    "string operand": (lambda: w() + "a", TypeError, "add: expected a Tensor, an array or a number"),
    "object operand": (lambda: w() * np.array([1, None, 2]), TypeError, "multiply: expected"),
    "no rule": (lambda: np.unwrap(w()), TypeError, r"np\.unwrap has no derivative rule.*tg\.primitive"),
    "ufunc no rule": (lambda: np.isnat(w()), TypeError, "np.isnat has no derivative rule"),
    "bool": (lambda: bool(w()), ValueError, r"bool: expected one element.*\.any\(\)"),
    "item": (lambda: w().item(), ValueError, r"one element.*\.numpy\(\)"),
    "len": (lambda: len(w(1.0)), TypeError, "has no axes"),
    "axis": (lambda: w().sum(axis=3), ValueError, "axis 3 is out of bounds.*run from -1 to 0"),
    "index": (lambda: w()[5], IndexError, "index 5 is out of bounds.*'w'"),
    "float index": (lambda: w()[1.5], IndexError, "integers, slices"),
    "mask": (lambda: w()[np.array([True, False])], IndexError, "boolean index did not match.*'w'"),
    "reshape": (lambda: w().reshape(2, 2), ValueError, "reshape.*'w'.*cannot reshape"),
    "data shape": (lambda: setattr(w(), "data", [1.0]), ValueError, r"expected shape \(3,\), got \(1,\)"),
    "grad shape": (lambda: setattr(w(), "grad", [1.0]), ValueError, "expected the shape"),
    "out of recorded": (lambda: np.exp(w(), out=np.empty(3)), RuntimeError, "lose its gradient"),
    "copy": (lambda: pickle_of(w() * 2), RuntimeError, "only leaves"),
    "features": (lambda: tg.nn.Linear(3, 2)(tg.Tensor(np.ones((2, 4)))), ValueError, "have 3 features"),
    "default dtype": (lambda: tg.set_default_dtype(np.int64), TypeError, "floating dtype"),
    "matmul with a number": (lambda: w() @ 2, ValueError, r"matmul\('w'.*numbers are multiplied with \*"),
    "not of floats": (lambda: ~w(), TypeError, r"invert\('w'.*compare first, as in ~\(x > 0\)"),
    "and of floats": (lambda: w() & w(), TypeError, r"compare first, as in \(x > 0\) & \(y > 0\)"),
    "lengths of reshape": (lambda: w().reshape(2, 2), ValueError, r"must multiply to.*-1"),
    "two unknown lengths": (lambda: w().reshape(-1, -1), ValueError, "one of the lengths may be -1"),
    "transpose as in PyTorch": (lambda: w(np.ones((2, 3, 4))).transpose(1, 2), ValueError,
                                r"transpose\('w'.*\.swapaxes\(i, j\)"),
    "squeeze": (lambda: np.squeeze(w(), 0), ValueError, "only axes of length 1"),
    "new axis": (lambda: np.expand_dims(w(), 5), ValueError, "so axes run from -2 to 1"),
    "dtype": (lambda: w().astype("float31"), TypeError, r"astype: .*float31.*such as np\.float32"),
    "split lengths": (lambda: tg.datasets.split(np.ones(3), np.ones(4)), ValueError, r"got lengths \[3, 4\]"),
    "split nothing": (tg.datasets.split, ValueError, r"got lengths \[\]"),
    "split part": (lambda: tg.datasets.split(np.ones(3), test=20), ValueError, "between 0 and 1; got 20"),
    "initialise data": (lambda: tg.nn.init.xavier_uniform_(w(np.ones((2, 3))).data), TypeError,
                        r"float64 of shape \(2, 3\); write layer\.weight, without \.data"),
    "gradcheck value": (lambda: tg.gradcheck(w().sum(), [w()]), TypeError, "expected a function of Tensors"),
    "gradcheck number": (lambda: tg.gradcheck(np.exp, 1.0), TypeError, r"expected a list.*float; write \[x\]"),
    "advise value": (lambda: advise(w().sum(), [w()]), TypeError, r"function that computes.*advise\(lambda"),
    "advise unused": (lambda: advise(lambda: (w() ** 2).sum(), [w(1.0)]), RuntimeError, r"depend on 'w'.*leave it out"),
    "seed": (lambda: tg.manual_seed(-1), ValueError, "integer >= 0"),
}


def pickle_of(t: tg.Tensor) -> bytes:
    import pickle

    return pickle.dumps(t)


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    do, kind, text = MISUSE[case]
    with pytest.raises(kind, match=f"(?s){text}") as caught:
        do()
    assert isinstance(caught.value, tg.TinygradGdError)


def redefined() -> Any:
    def redefined_in_a_cell(x: Any) -> Any:
        return x * 2

    return tg.primitive(redefined_in_a_cell, lambda g, out, x: g * 2)


def test_a_registered_name_is_taken_but_its_own_cell_may_run_again() -> None:
    with pytest.raises(ValueError, match=r"'exp' is registered already, by numpy.*another name="):
        tg.primitive(lambda x: x, lambda g, out, x: g, name="exp")
    with pytest.raises(ValueError, match=r"np\.sin is registered already"):
        tg.primitive(lambda x: x, lambda g, out, x: g, name="mine", numpy=np.sin)
    assert "mine" not in NAMES and NAMES["exp"] is tg.exp
    first, second = redefined(), redefined()
    assert NAMES.pop("redefined_in_a_cell") is second is not first


@pytest.mark.parametrize(("call", "text"), [
    (lambda: tg.take(w(), [0], dim=0), "take: unknown option dim=, write axis=.* axis, out, mode"),
    (lambda: tg.take(w()), "take: missing a required argument: 'indices'; it is called with"),
    (lambda: tg.sum(w(), keepdim=True), "sum: unknown option keepdim=, write keepdims="),
    (lambda: tg.median(), "median: missing a required argument: 'a'"),
])
def test_calls_that_do_not_fit_are_answered_with_the_signature(call: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text) as caught:
        call()
    assert isinstance(caught.value, tg.TinygradGdError)


def test_a_type_error_of_the_users_own_function_stays_what_it_is() -> None:
    with pytest.raises(TypeError, match=r"^mine$") as caught:
        np.piecewise(w(), [w().numpy() > 0], [own_error])
    assert not isinstance(caught.value, tg.TinygradGdError)


def own_error(x: Any) -> Any:
    raise TypeError("mine")
