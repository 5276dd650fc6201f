"""Misuse gets an error that names what came and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.ground.registry import NAMES
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
    "unknown option of SGD": (lambda: tg.optim.SGD([w()], lr=1, learning_rate=1), ValueError,
                              "SGD: unknown option 'learning_rate'; options are lr, momentum"),
    "lr as text": (lambda: tg.optim.SGD([w()], lr="0.1"), TypeError, r"SGD: lr must be a number, got .*str"),
    "lr of nothing": (lambda: tg.optim.SGD([w()], lr=None), TypeError, "SGD: lr must be a number"),
    "no list": (lambda: tg.optim.SGD(None), TypeError, r"list of parameters, got .*NoneType.*write \[w, b\]"),
    "a module": (lambda: tg.optim.SGD(tg.nn.Linear(1, 1)), TypeError, r"got .*Linear.*write model\.parameters\(\)"),
    "named parameters": (lambda: tg.optim.SGD(tg.nn.Linear(1, 1).named_parameters()), TypeError,
                         r"parameter 0 is .*tuple.*model\.parameters\(\)"),
    "group without parameters": (lambda: tg.optim.SGD([{"lr": 0.1}]), ValueError, "needs its parameters.*got lr"),
    "gradients set to zero": (lambda: tg.optim.SGD([w()]).zero_grad(set_to_none=False), ValueError, "leave set_to_none"),
    "retain_graph": (lambda: w(1.0).backward(retain_graph=True), TypeError, "retain_graph=, leave it out: a graph lives"),
    "format": (lambda: f"{w():.3f}", ValueError, r"format: expected one element.*an index"),
    "retain_grad": (lambda: tg.Tensor(1.0).retain_grad(), RuntimeError, "^retain_grad: .*no gradient"),
    "no default dtype": (lambda: tg.set_default_dtype(None), TypeError, "expected a floating dtype"),
    "primitive of a number": (lambda: tg.primitive(3), TypeError, "primitive: expected a NumPy ufunc or a function"),
    "primitive of a builtin": (lambda: tg.primitive(len), TypeError, r"wrap others, as in lambda x: f\(x\)"),
    "a rule that is none": (lambda: tg.primitive(lambda x: x, 5, name="five"), TypeError, "five takes .* x; .*rule.*int"),
    "rules missing": (lambda: tg.primitive(lambda x, y: x, lambda g, out, x, y: g, name="left"), TypeError,
                      "left takes the arrays x, y; .*got 1 rules"),
    "a result that is a list": (lambda: tg.primitive(lambda x: [1, 2], lambda g, out, x: g, name="pair")(w()), TypeError,
                                "pair: the function of a primitive must return an array.*list"),
    "a complex result": (lambda: tg.primitive(lambda x: x * 1j, lambda g, out, x: g, name="turned")(w()), TypeError,
                         "turned: .*complex128"),
    "a rule without a result": (lambda: tg.primitive(lambda x: x * 2, lambda g, out, x: None, name="lost")(w(1.0)).backward(),
                                RuntimeError, "lost: the rule for argument 0 returned .*NoneType.*'w'"),
    "no parameters": (lambda: tg.optim.SGD([], lr=0.1), ValueError, "parameter list is empty"),
    "negative lr": (lambda: tg.optim.SGD([w()], lr=-1), ValueError, "lr must be >= 0, got -1"),
    "nan lr": (lambda: tg.optim.SGD([w()], lr=float("nan")), ValueError, "lr must be >= 0"),
    "nesterov": (lambda: tg.optim.SGD([w()], lr=1, nesterov=True), ValueError, "nesterov needs momentum"),
    "one tensor": (lambda: tg.optim.SGD(w(), lr=1), TypeError, r"write \[w\]"),
    "non-leaf": (lambda: tg.optim.SGD([w() * 2], lr=1), RuntimeError, "not a leaf"),
    "twice": (lambda: tg.optim.SGD([p := w(), p], lr=1), ValueError, "appears twice"),
    "loader lengths": (lambda: tg.DataLoader(np.ones(3), np.ones(2)), ValueError, r"lengths \[3, 2\]"),
    "batch size": (lambda: tg.DataLoader(np.ones(3), batch_size=0), ValueError, "of at least 1, got int 0"),
    "batch type": (lambda: tg.DataLoader(np.ones(3), batch_size=1.5), TypeError, "must be an integer of at least 1, got float 1.5; None takes"),
    "loader seed": (lambda: tg.DataLoader(np.ones(3), seed="a"), ValueError, "DataLoader: seed must be an integer"),  # type: ignore[arg-type]
    "too large": (lambda: tg.Tensor(300, dtype=np.int8), TypeError, "of int: .*300 out of bounds for int8"),
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
    "seed": (lambda: tg.manual_seed(-1), ValueError, "manual_seed: seed must be an integer of at least 0, got int -1"),
}


ONE, PAIR, MATRIX = np.ones(3), np.ones((2, 3)), np.ones((2, 2))
MISUSE |= {
    "duplicate axes": (lambda: w().sum(axis=(0, 0)), ValueError, "sum.*'w'.*duplicate value.*name each axis once"),
    "axes in a list": (lambda: w().sum(axis=[0]), TypeError, r"sum.*'list'.*a tuple such as \(0, 1\)"),
    "float axis": (lambda: w().mean(axis=1.0), TypeError, "mean.*'float'.*are integers"),
    "text for a dtype": (lambda: w().sum(dtype="bogus"), TypeError, "astype: data type .*bogus.*expected a NumPy dtype"),
    "float shape": (lambda: w().reshape(3.0, 1), TypeError, "reshape.*'float'.*are integers"),
    "two unknown lengths": (lambda: w().reshape(-1, -1), ValueError, "reshape.*only one length as -1"),
    "wrong size": (lambda: w().reshape(3, -2, 5), ValueError, "reshape.*must multiply to the number of elements"),
    "negative dimension": (lambda: np.tile(w(), -1), ValueError, "negative dimensions.*must be at least 0"),
    "broadcast to": (lambda: np.broadcast_to(w(), (3, 2)), ValueError, "broadcast_to.*unless it is 1; new axes"),
    "transpose": (lambda: w(PAIR).transpose(0), ValueError, "transpose.*'w'.*give every axis once"),
    "squeeze": (lambda: w(PAIR).squeeze(0), ValueError, "squeeze.*'w'.*only axes of length 1"),
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
    "ragged index": (lambda: w(PAIR)[[[0], [1, 2]]], IndexError, "'w'.*rows have different lengths.*a list of its own"),
    "too many indices": (lambda: w()[0, 0], IndexError, "too many indices.*'w'.*None makes a new one"),
    "mask of another length": (lambda: w()[[True, False]], IndexError, "'w'.*lengths of the axes that it stands for"),
    "at in place": (lambda: w().at.__setitem__(0, 1.0), TypeError, r"t = t\.at\[key\]\.set\(values\)"),
    "take along a text": (lambda: np.take(w(), 0, axis="a"), TypeError, r"take\('w'.*as an integer"),
    "unique axis": (lambda: np.unique(w(), axis=4), ValueError, r"unique\('w'.*axis 4 is out of bounds"),
    "quantile": (lambda: np.quantile(w(), "a"), TypeError, r"quantile\('w'.*check the dtypes"),
    "half a difference": (lambda: np.diff(w(), n=1.5), TypeError, r"diff\('w'.*n=1\.5.*as an integer"),
    "counting floats": (lambda: np.bincount(w()), TypeError, r"bincount\('w'.*\.astype\(int\)"),
    "insert between": (lambda: np.insert(w(), 0.5, 1.0), TypeError, r"insert\('w'.*check the arguments"),
    "integer to a negative power": (lambda: tg.Tensor([2, 3]) ** -1, ValueError, r"no negative powers.*\.astype\(float\)"),
    "shift of floats": (lambda: w() << 1, TypeError, "left_shift.*'w'.*check the dtypes"),
    "no identity": (lambda: w(ONE[:0]).max(), ValueError, "max.*'w'.*give initial="),
    "singular": (lambda: np.linalg.solve(w(MATRIX), w((1.0, 2.0))), ValueError, "solve.*'w'.*pinv or lstsq"),
    "lstsq": (lambda: np.linalg.lstsq(w(PAIR), w()), ValueError, "lstsq.*'w'.*same number of rows"),
    "out of two": (lambda: np.modf(w(), out=(ONE, ONE)), TypeError, r"np\.modf: out= is not supported"),
    "out of a composition": (lambda: np.float_power(w(), 2, ONE), TypeError, r"np\.float_power: out= is not"),
    "out of another shape": (lambda: np.exp(w().detach(), out=np.ones(5)), ValueError, "exp in place.*must have the shape"),
    "a question": (lambda: np.size(w(), 7), (ValueError, IndexError), r"size\('w'.*(axis 7|index) (is )?out of"),
    "like": (lambda: np.zeros_like(w(), dtype="bogus"), TypeError, r"zeros_like\('w'.*'bogus' not understood"),
    "full like a text": (lambda: np.full_like(w(), "a"), ValueError, r"full_like\('w'.*could not convert"),
    "no such dtype": (lambda: np.can_cast(w(), "bogus"), TypeError, r"can_cast\('w'.*'bogus' not understood"),
    "promotion": (lambda: np.result_type(w(), "bogus"), TypeError, r"result_type\('w'.*'bogus' not understood"),
    "writers": (lambda: np.put(w(), [0], 1.0), TypeError, r"np\.put cannot be recorded; use tg\.put, which returns"),
    "copyto": (lambda: np.copyto(w(), 1.0), TypeError, r"np\.copyto writes in place.*t\.at\[\.\.\.\]\.set"),
    "weights without a sum": (lambda: np.average(w(), weights=[1.0, -2.0, 1.0]), ZeroDivisionError,
                              r"average: weights= of 'w'.*\(3,\).* sum to 0.*positive weights"),
    "a row without weights": (lambda: tg.average(w(PAIR), axis=1, weights=PAIR * [[0], [1]]), ArithmeticError,
                              r"average: .*\(2, 3\)\) along axis=1 sum to 0.*leave out"),
    "requires_grad as a text": (lambda: setattr(w(), "requires_grad", "no"), TypeError,
                                "^requires_grad: expected True or False, got str 'no'; write requires_grad=True or"),
    "requires_grad of the constructor": (lambda: tg.Tensor(1.0, requires_grad=1), TypeError,  # type: ignore[arg-type]
                                         "expected True or False, got int 1; write"),
    "requires_grad of many": (lambda: tg.Tensor([1.0, 2.0], requires_grad=np.array([True, False])), TypeError,  # type: ignore[arg-type]
                              r"expected True or False, got bool of shape \(2,\)"),
    "requires_grad_": (lambda: w().requires_grad_(None), TypeError, "expected True or False, got NoneType None"),  # type: ignore[arg-type]
    "a module's": (lambda: tg.nn.Linear(1, 1).requires_grad_("no"), TypeError, "expected True or False"),  # type: ignore[arg-type]
    "scatter_add axes": (lambda: tg.scatter_add(w(PAIR), [0], [1.0]), ValueError, "^scatter_add: 'w'.* needs indices with 2 axes"),
    "scatter_add axis": (lambda: tg.scatter_add(w(), [0], [1.0], axis=2), ValueError, "^scatter_add: axis 2 .*'w'"),
    "scatter_add values": (lambda: tg.scatter_add(w(), [0], [1.0, 2.0]), ValueError, r"^scatter_add: .*'w'.*\(2,\).*reshape the values"),
    "scatter_add range": (lambda: tg.scatter_add(w(), [7], [1.0]), IndexError, "^scatter_add: index 7 is out of bounds"),
    "put_along_axis axes": (lambda: tg.put_along_axis(w(PAIR), [0], 1.0, 1), ValueError, "^put_along_axis: 'w'.*2 axes"),
    "put_along_axis range": (lambda: tg.put_along_axis(w(), [7], 1.0), IndexError, "^put_along_axis: index 7 is out of bounds"),
    "take_along_axis range": (lambda: np.take_along_axis(w(), np.array([7]), 0), IndexError, "^take_along_axis: index 7 is out"),
    "take range": (lambda: np.take(w(), 7), IndexError, "^take: index 7 is out of bounds.*'w'"),
    "put range": (lambda: tg.put(w(), 7, 1.0), IndexError, "^put: index 7 is out of bounds"),
    "dlpack": (lambda: tg.from_dlpack(5), TypeError, r"from_dlpack\(int\).*make one with np\.asarray"),
}


#: What would otherwise be computed without a word, and not as it was meant.
MISUSE |= {
    "one weight": (lambda: np.average(w(), weights=2.0), ValueError, r"average: weights= must have the shape of 'w'"),
    "integer covariance": (lambda: np.cov(w(PAIR), dtype=int), TypeError, "cov: dtype= must be floating, got int"),
    "integer variance": (lambda: np.var(w(), dtype=int), TypeError, "var: dtype= must be floating"),
    "integer deviation": (lambda: np.nanstd(w(), dtype=int), TypeError, "nanstd: .*dtype= must be floating"),
    "a list of ddof": (lambda: np.nanvar(w(), ddof=[0, 1]), TypeError, "nanvar: .*ddof= must be a number, got list"),
    "a learned ddof": (lambda: np.var(w(), ddof=w(1.0)), TypeError, r"var: ddof= must be a number, got 'w'"),
    "initial of many": (lambda: np.sum(w(), initial=[1.0, 2.0]), ValueError, r"sum: initial= must be one number, got list"),
    "initial of a vector": (lambda: np.max(w(), initial=ONE), ValueError, r"max: initial= must be one number, got float64 of shape \(3,\)"),
    "initial of a text": (lambda: np.prod(w(), initial="a"), TypeError, "prod: initial= must be one number, got str"),
    "stack as integers": (lambda: np.hstack([w(), w()], dtype=int), TypeError, r"hstack: cannot cast 'w'.*to int.*casting='unsafe'"),
    "concatenate as integers": (lambda: np.vstack([w()], dtype=np.int32, casting="bogus"), ValueError, "vstack: casting= must be 'no'"),
    "cuts between": (lambda: np.array_split(w(), [1.5]), TypeError, r"array_split\('w'.*as an integer"),
    "parts and a half": (lambda: np.array_split(w(), 2.5), TypeError, r"array_split\('w'.*as an integer"),
    "compress by text": (lambda: np.compress("abc", w()), TypeError, "compress: expected a vector of booleans.*str"),
    "compress by a matrix": (lambda: np.compress(PAIR > 0, w(PAIR)), ValueError, r"compress: expected a vector of booleans.*\(2, 3\)"),
    "half an axis of take": (lambda: np.take(w(PAIR), [0], axis=0.5), TypeError, r"take\('w'.*as an integer"),
    "half an axis of diff": (lambda: np.diff(w(PAIR), axis=0.5), TypeError, r"diff\('w'.*as an integer"),
    "nothing by default": (lambda: np.select([ONE > 0], [w()], None), TypeError, "select: default= must be numbers, got NoneType"),
    "an axis twice": (lambda: np.gradient(w(PAIR), axis=(0, -2)), ValueError, r"gradient: axis=\(0, -2\) names an axis twice"),
    "no axis for slopes": (lambda: np.gradient(w(1.0), 2.0), ValueError, "gradient: expected samples along at least one axis"),
    "spacing of two axes": (lambda: np.gradient(w(), PAIR), ValueError, "gradient: expected 3 coordinates for axis 0"),
    "interp beyond": (lambda: np.interp(w(), ONE.cumsum(), ONE, left=[1.0, 2.0]), ValueError, "interp: left= must be one number, got list"),
    "ends of another kind": (lambda: np.ediff1d(tg.Tensor([1, 2]), to_end=1.5), TypeError, "ediff1d: to_end= is float64.*astype"),
    "sorter of another length": (lambda: np.searchsorted(w(), 1.0, sorter=[0, 1]), ValueError, r"searchsorted: sorter= must be 3 integers.*argsort"),
    "sorter of a slice": (lambda: np.searchsorted(w(), 1.0, sorter=slice(2)), TypeError, "searchsorted: sorter= must be 3 integers"),
    "a vector of rows": (lambda: tg.matvec(w(), w()), ValueError, r"matvec: expected matrices \(\.\.\., m, n\), got 'w'"),
    "rows of a vector": (lambda: tg.vecmat(w(), w()), ValueError, r"vecmat: expected matrices \(\.\.\., m, n\), got 'w'"),
    "a piece of arrays": (lambda: np.piecewise(w(), [ONE > 0], [ONE]), ValueError, r"piecewise: expected functions or numbers.*\(3,\)"),
    "dtype of an array": (lambda: w().astype(ONE), TypeError, r"astype: expected a NumPy dtype.*float64 of shape \(3,\).*\.dtype"),
    "dtype of a Tensor": (lambda: np.astype(tg.Tensor([1]), w()), TypeError, r"astype: expected a NumPy dtype.*'w'.*\.dtype"),
    "dtype of objects": (lambda: np.astype(w(), object), TypeError, "astype: expected a float, int or bool dtype, got.*object"),
    "a learned slope": (lambda: tg.leaky_relu(w(), negative_slope=w(0.1)), TypeError,
                        r"leaky_relu: negative_slope= is a plain number.*no gradient.*'w'.*\.item\(\).*functions of Tensors"),
    "a constant slope": (lambda: tg.elu(w(), tg.Tensor(0.1)), TypeError, "elu: alpha= is a plain number"),
    "a learned cut": (lambda: np.linalg.pinv(w(MATRIX), rcond=w(0.1)), TypeError, "pinv: rcond= is a plain number"),
    "a learned replacement": (lambda: np.nan_to_num(w(), nan=w(0.1)), TypeError, "nan_to_num: nan= is a plain number"),
    "the name of a part": (lambda: tg.quantile(w(), []), ValueError, "^quantile: stack"),
    "the name of a part of parts": (lambda: tg.percentile(w(), []), ValueError, "^percentile: stack"),
    "an axis that is a Tensor": (lambda: np.swapaxes(w(PAIR), w(), 0), TypeError, "^swapaxes: axis1= is a plain number.*'w'"),
    "axes that are Tensors": (lambda: w(PAIR).sum(axis=w()), TypeError, "^sum: index: expected an integer tensor"),
    "a window without elements": (lambda: tg.conv1d(w(np.ones((1, 3))), np.ones((1, 1, 0))), ValueError, "conv1d: expected a window with elements"),
    "a divisor of 0": (lambda: tg.avg_pool2d(w(np.ones((1, 4, 4))), 2, divisor_override=0), ValueError, "avg_pool2d: divisor_override= .*at least 1"),
    "one size too many": (lambda: tg.adaptive_avg_pool2d(w(np.ones((1, 4, 4))), (2, 2, 2)), ValueError, r"adaptive_avg_pool2d: output_size=.*got \(2, 2, 2\)"),
    "between integers": (lambda: tg.interpolate(tg.Tensor([[[0, 1]]]), size=4, mode="linear"), TypeError, r"interpolate: .*'linear'.*\.astype\(float\)"),
    "factor as text": (lambda: tg.interpolate(w(np.ones((1, 1, 4))), scale_factor="a"), ValueError, "interpolate: scale_factor= must be one positive number"),
    "factor without end": (lambda: tg.interpolate(w(np.ones((1, 1, 4))), scale_factor=np.inf), ValueError, "interpolate: scale_factor= must be"),
    "bounds the wrong way": (lambda: tg.uniform(1.0, 0.0), ValueError, "uniform: high - low is a width"),
    "bounds without end": (lambda: tg.uniform(0.0, np.inf), ValueError, "uniform: high - low is a width"),
    "training as text": (lambda: tg.dropout(w(), 0.5, "no"), TypeError, "dropout: training: expected True or False, got str 'no'; write training=True"),
    "shuffle as text": (lambda: tg.DataLoader(ONE, shuffle="no"), TypeError, "DataLoader: shuffle: expected True or False"),  # type: ignore[arg-type]
    "drop_last as a number": (lambda: tg.DataLoader(ONE, drop_last=3), TypeError, "DataLoader: drop_last: expected True"),  # type: ignore[arg-type]
    "nothing as nan": (lambda: tg.nn.Parameter(None), TypeError, "Tensor: expected float.* dtype object from NoneType"),
    "nothing among numbers": (lambda: tg.Tensor([1.0, None], dtype=float), TypeError, "dtype object from list"),
    "text as a number": (lambda: tg.Tensor("1.5", dtype=float), TypeError, "from str"),
    "complex as real": (lambda: tg.Tensor(np.array([2j]), dtype=float), TypeError, "dtype complex128; convert"),
    "complex gradient": (lambda: setattr(w(), "grad", np.ones(3, complex)), TypeError, "dtype complex128"),
    "text as an element": (lambda: tg.Tensor([1, 2]).__setitem__(0, "a"), ValueError, r"write_item\(int64 of shape \(2,\), int, str\).*check"),
    "element beyond": (lambda: tg.Tensor([1, 2]).__setitem__(9, 1), IndexError, "index 9 is out of bounds.*run from minus"),
    "a gradient in integers": (lambda: tg.Tensor([1, 2]).at[0].set(w(1.0)), RuntimeError, r"at: the gradient of 'w'.*would be lost in int64.*\.astype\(float\)"),
    "a gradient put in integers": (lambda: tg.put(tg.Tensor([1, 2]), 0, w(1.0)), RuntimeError, "put: the gradient of .*would be lost"),
    "a gradient placed in integers": (lambda: tg.place(tg.Tensor([1, 2]), [True, False], w(1.0)), RuntimeError, "place: the gradient of "),
    "a gradient masked in integers": (lambda: tg.putmask(tg.Tensor([1, 2]), [True, False], w(1.0)), RuntimeError, "putmask: the gradient of "),
    "a gradient inserted in integers": (lambda: np.insert(tg.Tensor([1, 2]), 0, w(1.0)), RuntimeError, "insert: the gradient of "),
    "places for other values": (lambda: np.trapezoid(w(), [1.0, 2.0]), ValueError, r"trapezoid: expected one place x for each value.*'w'.*\(2,\)"),
    "no_grad of a number": (lambda: tg.no_grad(1), TypeError, "no_grad: expected a function, got int"),  # type: ignore[arg-type]
    "no_grad of False": (lambda: tg.no_grad(False), TypeError, "no_grad: expected a function, got bool"),  # type: ignore[arg-type]
    "default dtype as text": (lambda: tg.set_default_dtype("bogus"), TypeError, "default dtype: expected a floating dtype.*'bogus'"),
    "a missing array": (lambda: tg.prelu(w()), TypeError, r"prelu: 'weight' is missing; it is called with \(x, weight\)"),
    "split of a number": (lambda: tg.datasets.split(3), ValueError, "split: expected arrays with rows"),
    "split by text": (lambda: tg.datasets.split(ONE, test="a"), ValueError, "split: test is the part.*'a'"),  # type: ignore[arg-type]
    "split by no seed": (lambda: tg.datasets.split(ONE, seed="a"), ValueError, "split: seed must be an integer of at least 0, got str 'a'"),  # type: ignore[arg-type]
    "split of one row": (lambda: tg.datasets.split(np.ones(1)), ValueError, "split: test=0.2 of 1 rows leaves no row"),
    "initial bounds": (lambda: tg.nn.init.uniform_(w(), 1, 0), ValueError, "uniform_: expected finite bounds a <= b"),
    "initial bounds as text": (lambda: tg.nn.init.uniform_(w(), "a", 0), TypeError, "uniform_: a must be a number, got str"),  # type: ignore[arg-type]
    "initial deviation": (lambda: tg.nn.init.normal_(w(), 0, -1), ValueError, "normal_: std is a standard deviation"),
    "gain as text": (lambda: tg.nn.init.xavier_normal_(w(MATRIX), gain="a"), TypeError, "xavier_normal_: gain must be a number, got str"),  # type: ignore[arg-type]
    "slope as text": (lambda: tg.nn.init.calculate_gain("leaky_relu", "a"), TypeError, "calculate_gain: param must be a number, got str"),  # type: ignore[arg-type]
    "no weights": (lambda: tg.nn.init.kaiming_uniform_(w(np.ones((0, 0)))), ValueError, r"initialiser: expected a weight with elements.*\(0, 0\)"),
    "gradcheck of nothing": (lambda: tg.gradcheck(np.exp, []), ValueError, "gradcheck: expected at least one input"),
    "gradcheck of text": (lambda: tg.gradcheck(np.exp, ["a"]), TypeError, "gradcheck: input 0 must be an array of numbers, got str"),
    "axes to flatten": (lambda: tg.nn.Flatten(1.0), TypeError, "Flatten: start_dim must be an integer, got float"),  # type: ignore[arg-type]
    "a path of nothing": (lambda: np.einsum_path(w(), ONE), TypeError, r"einsum_path\('w'.*check the arguments"),
    "ragged outer": (lambda: np.linalg.outer(w(), [1, [2]]), ValueError, r"outer\('w'.*list\): .*inhomogeneous"),
    "linalg's diagonal": (lambda: np.linalg.diagonal(w(PAIR), offset="a"), TypeError, r"diagonal\('w'.*offset='a'"),
    "linalg's trace": (lambda: np.linalg.trace(w()), ValueError, r"^trace: diagonal"),
    "options of arrays": (lambda: w().reshape(3, order=PAIR), ValueError, r"reshape.*order=float64 of shape \(2, 3\).*one value"),
    "a type": (lambda: w() + np.float32, TypeError, "add: expected a Tensor.*got the type float32"),
    "a number without axes": (lambda: tg.reshape(1.5, (1,)), TypeError, "reshape.*make one with np.asarray"),
}


class Flagged(tg.nn.Module):
    def __init__(self) -> None:
        self.register_buffer("flag", tg.Tensor(True))
        self.weight = tg.nn.Parameter(1.0)


def layer() -> Any:
    return tg.nn.Linear(1, 1)


def sgd(**options: Any) -> Any:
    return tg.optim.SGD([w()], **{"lr": 0.1, **options})


def saved(**changes: Any) -> Any:
    state = {"param_groups": [{"params": [0], "lr": 0.1}], "state": {}}
    return lambda: sgd().load_state_dict({**state, **changes})


def of_group(**options: Any) -> Any:
    return saved(param_groups=[{"params": [0], **options}])


NN: Any = tg.nn
IMAGE, NAN, INF = np.ones((1, 4, 4)), float("nan"), float("inf")

#: Models, optimizers and data.
MISUSE |= {
    "ragged logits": (lambda: NN.cross_entropy([[1.0, 2.0], [1.0]], [0, 1]), ValueError, "rows of equal length, got list"),
    "ragged labels": (lambda: NN.cross_entropy(w(MATRIX), [[0], [1, 2]]), ValueError, "rows of equal length, got list"),
    "ragged predictions": (lambda: NN.mse_loss([[1.0], [1.0, 2.0]], w()), ValueError, "rows of equal length"),
    "labels as booleans": (lambda: NN.cross_entropy(w(MATRIX), [True, False]), TypeError, r"class numbers, got bool of shape \(2,\)"),
    "reduction of a module": (lambda: NN.MSELoss("average"), ValueError, "MSELoss: reduction is 'mean'"),
    "weights as reduction": (lambda: NN.CrossEntropyLoss(ONE), ValueError, r"CrossEntropyLoss: reduction .*float64 of shape \(3,\)"),
    "a number as reduction": (lambda: NN.MSELoss(3), ValueError, "MSELoss: reduction .*got int"),
    "weights of classes": (lambda: NN.CrossEntropyLoss(weight=ONE), TypeError, r"CrossEntropyLoss: unknown option weight=.*weights\[labels\]"),
    "weights in a function": (lambda: NN.functional.cross_entropy(w([ONE]), [0], weight=ONE), TypeError, r"cross_entropy: unknown option weight=.*weights\[labels\]"),
    "a loss of one argument": (lambda: NN.functional.mse_loss(w(ONE)), TypeError, r"mse_loss: missing a required argument: 'target'"),
    "smooth labels": (lambda: NN.CrossEntropyLoss(label_smoothing=0.1), TypeError, r"label_smoothing=, write \(1 - s\) \* cross_entropy"),
    "a loss that is computed": (lambda: NN.MSELoss(w(), w()), TypeError, r"MSELoss: too many.*MSELoss\(\.\.\.\)\(x\)"),
    "no state": (lambda: layer().load_state_dict(None), TypeError, r"load_state_dict: expected a mapping.*NoneType; write np\.load"),
    "state from a path": (lambda: layer().load_state_dict("a.npz"), TypeError, r"load_state_dict: .*got str; write np\.load\(path\)"),
    "state of a module": (lambda: layer().load_state_dict(layer()), TypeError, r"got Linear; write other\.state_dict\(\)"),
    "state of text": (lambda: layer().load_state_dict({"weight": [["a"]], "bias": [1.0]}), TypeError, "load_state_dict: 'weight': expected float"),
    "complex state": (lambda: layer().load_state_dict({"weight": [[1.0]], "bias": [1j]}), TypeError, "load_state_dict: 'bias': .*complex128"),
    "ragged state": (lambda: layer().load_state_dict({"weight": [[1.0], [1, 2]], "bias": [1.0]}), ValueError, "load_state_dict: 'weight': .*rows"),
    "floats for a flag": (lambda: Flagged().load_state_dict({"flag": 1.5, "weight": 1.0}), TypeError, "'flag' holds bool in Flagged, but float64"),
    "strict as text": (lambda: layer().load_state_dict({}, strict="no"), TypeError, "load_state_dict: strict: expected True"),
    "train as text": (lambda: layer().train("no"), TypeError, "train: mode: expected True or False, got str 'no'"),
    "buffer 1": (lambda: layer().register_buffer(1, 2.0), ValueError, "register_buffer: the name.*got int 1"),
    "buffer with a dot": (lambda: layer().register_buffer("a.b", 2.0), ValueError, "register_buffer: the name.*'a.b'"),
    "buffer over a method": (lambda: layer().register_buffer("forward", 2.0), ValueError, "'forward' is a method of Linear"),
    "persistent buffer": (lambda: layer().register_buffer("a", 2.0, persistent=False), TypeError, "persistent=, leave it out"),
    "a number for a buffer": (lambda: setattr(Flagged(), "flag", 3), TypeError, r"Flagged\.flag is a buffer.*by int.*tg\.Tensor"),
    "apply nothing": (lambda: layer().apply(None), TypeError, r"apply: expected a function of a module.*module\(x\)"),
    "True features": (lambda: NN.Linear(True, 1), ValueError, "Linear: in_features must be an integer of at least 1, got bool True"),
    "bias as text": (lambda: NN.Linear(3, 2, bias="no"), TypeError, "Linear: bias: expected True or False, got str 'no'"),
    "bias of values": (lambda: NN.Linear(3, 2, bias=ONE), TypeError, r"Linear: bias: .*got float64 of shape \(3,\)"),
    "bias of a convolution": (lambda: NN.Conv2d(1, 1, 1, bias="no"), TypeError, "Conv2d: bias: expected True or False"),
    "on a device": (lambda: NN.Linear(3, 2, device="cpu"), TypeError, "Linear: unknown option device=, leave it out: values are always"),
    "of a dtype": (lambda: NN.Conv2d(1, 1, 1, dtype=np.float32), TypeError, r"Conv2d: unknown option dtype=.*set_default_dtype"),
    "other borders": (lambda: NN.Conv2d(1, 1, 1, padding_mode="reflect"), TypeError, r"Conv2d: .*padding_mode=.*np\.pad"),
    "borders of a transpose": (lambda: NN.ConvTranspose2d(1, 1, 1, padding_mode="zeros"), TypeError, "ConvTranspose2d: .*padding_mode="),
    "in place": (lambda: NN.ReLU(inplace=True), TypeError, "ReLU: unknown option inplace=.*new Tensor"),
    "relu of x": (lambda: NN.Tanh(w()), TypeError, r"Tanh: too many.*Tanh\(\.\.\.\)\(x\)"),
    "positions of a pool": (lambda: NN.MaxPool2d(2, return_indices=True), TypeError, "MaxPool2d: .*return_indices=, leave it out"),
    "sizes missing": (lambda: NN.Linear(3), TypeError, "Linear: missing a required argument: 'out_features'; .*bias"),
    "an unknown border": (lambda: NN.Conv2d(1, 1, 1, padding="bogus"), ValueError, "Conv2d: padding= must be 'valid', 'same', an integer"),
    "the same border of a transpose": (lambda: NN.ConvTranspose1d(1, 1, 1, padding="same"), ValueError, "ConvTranspose1d: padding= must be"),
    "ceil of a layer": (lambda: NN.MaxPool2d(2, ceil_mode="no"), TypeError, "MaxPool2d: ceil_mode: expected True"),
    "a True window": (lambda: NN.Conv1d(1, 1, True), ValueError, "Conv1d: kernel_size= must be an integer.*True"),
    "flatten nothing": (lambda: NN.Flatten()(None), TypeError, "Flatten: "),
    "flatten to True": (lambda: NN.Flatten(True), TypeError, "Flatten: start_dim must be an integer, got bool"),
    "a constant of text": (lambda: NN.init.constant_(w(), "a"), TypeError, "constant_: val must be a number, got str"),
    "a mean of nan": (lambda: NN.init.normal_(w(), NAN), ValueError, "normal_: expected a finite mean"),
    "an endless deviation": (lambda: NN.init.normal_(w(), 0.0, INF), ValueError, "normal_: std .*finite"),
    "first values for integers": (lambda: NN.init.zeros_(tg.Tensor([1, 2])), ValueError, "assign: cannot write|zeros_"),
    "a list of nonlinearities": (lambda: NN.init.calculate_gain(["relu"]), ValueError, "unknown nonlinearity"),
    "no optimizer state": (lambda: sgd().load_state_dict(None), TypeError, "load_state_dict: expected what optimizer.*NoneType"),
    "an empty optimizer state": (lambda: sgd().load_state_dict({}), TypeError, "load_state_dict: expected what"),
    "a group of nothing": (saved(param_groups=[None]), TypeError, "load_state_dict: expected what.*the keys param_groups, state"),
    "state of nothing": (saved(state=None), TypeError, "load_state_dict: expected what"),
    "state of parameter 5": (saved(state={5: {}}), ValueError, "from 0 to 0.*for 5"),
    "state of parameter -1": (saved(state={-1: {}}), ValueError, "from 0 to 0.*for -1"),
    "velocity of another": (saved(state={0: {"velocity": tg.Tensor([1.0])}}), ValueError, r"'velocity' has the shape \(1,\).*'w'"),
    "saved lr as text": (of_group(lr="a"), TypeError, "SGD: lr must be a number, got str"),
    "saved lr below 0": (of_group(lr=-1), ValueError, "SGD: lr must be >= 0"),
    "saved option of another": (of_group(foreach=None), ValueError, "SGD: unknown option 'foreach'"),
    "a group without a list": (lambda: tg.optim.SGD([{"params": None}]), TypeError, r"SGD: expected a list.*NoneType; write \[w, b\]"),
    "a group of a module": (lambda: tg.optim.SGD([{"params": layer()}]), TypeError, r"got Linear; write model\.parameters\(\)"),
    "one group": (lambda: tg.optim.SGD({"params": [w()]}), TypeError, r"got dict; write \[group\]"),
    "a state for parameters": (lambda: tg.optim.SGD(layer().state_dict()), TypeError, r"write model\.parameters\(\), not"),
    "add nothing": (lambda: sgd().add_param_group(None), TypeError, "SGD: a group is a dict.*NoneType"),
    "add a list": (lambda: sgd().add_param_group([w()]), TypeError, "SGD: a group is a dict.*list"),
    "a closure": (lambda: sgd().step(lambda: 3), TypeError, r"SGD\.step: expected no argument, got function; .*loss\.backward\(\)"),
    "lr True": (lambda: sgd(lr=True), TypeError, "SGD: lr must be a number, got bool"),
    "lr inf": (lambda: sgd(lr=INF), ValueError, "SGD: lr must be finite, got inf"),
    "lr beyond floats": (lambda: sgd(lr=10**400), ValueError, "SGD: lr must be finite"),
    "lr of a Tensor": (lambda: sgd(lr=tg.Tensor(0.1)), TypeError, r"SGD: lr must be a number.*write \.item\(\)"),
    "dampening nan": (lambda: sgd(momentum=0.9, dampening=NAN), ValueError, "SGD: dampening must be finite, got nan"),
    "momentum inf": (lambda: sgd(momentum=INF), ValueError, "SGD: momentum must be finite"),
    "decay inf": (lambda: sgd(weight_decay=INF), ValueError, "SGD: weight_decay must be finite"),
    "nesterov as text": (lambda: sgd(nesterov="no"), TypeError, "SGD: nesterov: expected True or False"),
    "upwards": (lambda: sgd(maximize=True), ValueError, "unknown option 'maximize', minimize -loss"),
    "gradients set to text": (lambda: sgd().zero_grad("no"), ValueError, "leave set_to_none out"),
    "workers": (lambda: tg.DataLoader(ONE, num_workers=2), TypeError, "DataLoader: unknown option num_workers="),  # type: ignore[call-arg]
    "a loader of gradients": (lambda: tg.DataLoader(w() * 2), RuntimeError, r"DataLoader: the gradient of .*\.detach\(\)"),
    "a loader of a masked array": (lambda: tg.DataLoader(np.ma.array([1.0, 2.0], mask=[0, 1])), TypeError, "mask .*would be lost"),
    "split of a ragged list": (lambda: tg.datasets.split([[1], [1, 2]]), ValueError, "split: .*different lengths"),
    "split in scikit-learn's words": (lambda: tg.datasets.split(ONE, test_size=0.3), TypeError, "split: .*test_size=, write test="),  # type: ignore[call-arg]
    "gradcheck order": (lambda: tg.gradcheck(np.exp, [w()], order=True), ValueError, "gradcheck: order must be 1 or 2"),
    "gradcheck tolerance": (lambda: tg.gradcheck(np.exp, [w()], rtol=INF), ValueError, "gradcheck: rtol is None or a finite number"),
    "gradcheck seed": (lambda: tg.gradcheck(np.exp, [w()], seed="a"), ValueError, "gradcheck: seed must be an integer"),  # type: ignore[arg-type]
    "gradcheck of ragged rows": (lambda: tg.gradcheck(np.exp, [[[1.0], [1.0, 2.0]]]), ValueError, "gradcheck: .*different lengths"),
    "gradcheck of nan": (lambda: tg.gradcheck(np.exp, [np.array([NAN])]), ValueError, "gradcheck: input 0 holds NaN"),
    "gradcheck of a mask": (lambda: tg.gradcheck(np.exp, [np.ma.array([1.0, 2.0], mask=[0, 1])]), TypeError, "mask .*would be lost"),
    "gradcheck in PyTorch's words": (lambda: tg.gradcheck(np.exp, [w()], eps=1e-6), TypeError, "gradcheck: unknown option eps="),  # type: ignore[call-arg]
    "gradgradcheck of order 1": (lambda: tg.gradgradcheck(np.exp, [w()], order=1), ValueError, "gradgradcheck: order is 2"),
}

#: Options of operations, and of functions of functions.
MISUSE |= {
    "ceil as text": (lambda: tg.max_pool2d(w(IMAGE), 2, ceil_mode="no"), TypeError, "max_pool2d: ceil_mode: expected True"),
    "ceil of a mean": (lambda: tg.avg_pool2d(w(IMAGE), 2, ceil_mode="no"), TypeError, "avg_pool2d: ceil_mode: expected True"),
    "padding counts": (lambda: tg.avg_pool1d(w(IMAGE[0]), 2, count_include_pad="no"), TypeError, "avg_pool1d: count_include_pad: expected"),
    "corners as text": (lambda: tg.interpolate(w(IMAGE), size=3, mode="linear", align_corners="no"), TypeError, "interpolate: align_corners: expected"),
    "bounds of hardtanh": (lambda: tg.hardtanh(w(), 2.0, 1.0), ValueError, "hardtanh: expected min_val <= max_val"),
    "beta below 0": (lambda: tg.softplus(w(), beta=-1.0), ValueError, "softplus: beta must be positive"),
    "beta 0": (lambda: tg.softplus(w(), beta=0.0), ValueError, "softplus: beta must be positive"),
    "alpha 0": (lambda: tg.celu(w(), alpha=0.0), ValueError, "celu: alpha must be finite and not 0"),
    "alpha nan": (lambda: tg.celu(w(), alpha=NAN), ValueError, "celu: alpha must be finite"),
    "kind of partition": (lambda: np.partition(w(), 1, kind="bogus"), ValueError, "partition: .*kind= must be 'introselect'"),
    "kind of argpartition": (lambda: np.argpartition(w(), 1, kind="bogus"), ValueError, "argpartition: kind= must be 'introselect'"),
    "powers in text": (lambda: np.vander(w(), increasing="no"), TypeError, "vander: increasing: expected True"),
    "aux as text": (lambda: tg.grad(np.sum, has_aux="no"), TypeError, "grad: has_aux: expected True"),  # type: ignore[arg-type]
    "hessian of nothing": (lambda: tg.hessian(None), TypeError, "hessian: expected a function"),  # type: ignore[arg-type]
    "hessian by integers": (lambda: tg.hessian(np.sum)(np.array([1])), TypeError, "hessian: can only differentiate by floating"),
    "gradient at a text": (lambda: tg.grad(np.sum)("a"), TypeError, "grad: argument 0: expected float"),
    "gradient of a text": (lambda: tg.grad(lambda x: "a")(1.0), TypeError, r"grad: the result of <lambda>\(\): expected float"),
    "cotangent of text": (lambda: tg.vjp(np.sin, ONE)[1]("a"), TypeError, "vjp: cotangent: expected float"),
    "tangent of complex": (lambda: tg.jvp(np.sin, (ONE,), (ONE * 1j,)), TypeError, "jvp: tangents: expected float"),
    "checkpoint as in PyTorch": (lambda: tg.checkpoint(np.sin, w()), TypeError, r"checkpoint: expected only a function.*tg\.checkpoint\(sin\)\(x\)"),
    "too many for a custom rule": (lambda: ruled()(w(), w()), TypeError, r"custom_vjp: squared: too many.*\(x\)"),
}


def ruled() -> Any:
    @tg.custom_vjp
    def squared(x: Any) -> Any:
        return x * x

    squared.defvjp(lambda x: (x * x, x), lambda x, g: (2 * g * x,))
    return squared


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    module, optimizer = layer(), sgd(momentum=0.9)
    before = module.state_dict()
    with pytest.raises(TypeError):
        module.load_state_dict({"weight": [[7.0]], "bias": ["a"]})
    assert all(np.array_equal(module.state_dict()[k], v) for k, v in before.items())
    with pytest.raises(ValueError, match="from 0 to 0"):
        optimizer.load_state_dict({"param_groups": [{"params": [0], "lr": 5.0}], "state": {7: {}}})
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_booleans_are_loaded_into_flags_and_weights() -> None:
    module = Flagged()
    module.load_state_dict({"flag": np.False_, "weight": True})
    assert (module.flag.item(), module.weight.item()) == (False, 1.0)  # type: ignore[attr-defined]
    with tg.default_dtype(np.float32):
        module.load_state_dict({"flag": False, "weight": 1 / 3})
    assert module.weight.item() == 1 / 3
    assert tg.Tensor([True, False]).assign([False, True]).tolist() == [False, True]
    optimizer = sgd(nesterov=np.True_, momentum=np.float32(0.5))
    assert optimizer.param_groups[0]["nesterov"] is True
    optimizer.load_state_dict({"param_groups": [{"params": [0]}], "state": {0: {"velocity": ONE}}})
    assert isinstance(next(iter(optimizer.state.values()))["velocity"], tg.Tensor)


class Twofold(tg.optim.Optimizer):
    def __init__(self, params: Any, lr: Any = 0.1, twice: Any = False) -> None:
        super().__init__(params, {"lr": lr, "twice": twice})

    def update(self, p: tg.Tensor, g: tg.Tensor, options: Any) -> None:
        p -= (2 if options["twice"] else 1) * options["lr"] * g


def test_optimizers_of_ones_own_may_have_switches() -> None:
    p = w(1.0)
    p.grad = 1.0
    Twofold([p], lr=np.float32(0.25), twice=True).step()
    assert p.item() == 0.5
    assert tg.optim.Optimizer([p], {"rate": 1.0}).param_groups[0]["rate"] == 1.0
    with pytest.raises(TypeError, match="Twofold: lr must be a number, got bool"):
        Twofold([p], lr=True)


def test_a_child_may_know_its_parent() -> None:
    parent: Any = tg.nn.Sequential(layer())
    parent[0].parent = parent
    assert list(parent.state_dict()) == ["0.weight", "0.bias"] and "..." in repr(parent)
    parent.load_state_dict(parent.state_dict())
    shared: Any = tg.nn.Sequential(parent[0], parent[0])
    assert list(shared.state_dict())[::2] == ["0.weight", "1.weight"]


def test_a_buffer_may_go() -> None:
    module: Any = Flagged()
    del module.flag
    assert not list(module.named_buffers()) and list(module.state_dict()) == ["weight"]


def test_losses_take_lists() -> None:
    expected = tg.nn.cross_entropy(tg.Tensor([[1.0, 2.0], [0.0, 1.0]]), tg.Tensor([0, 1])).item()
    assert tg.nn.cross_entropy([[1.0, 2.0], [0.0, 1.0]], [0, 1]).item() == expected
    rows = [w((1.0, 2.0)), w((0.0, 1.0))]
    loss = tg.nn.cross_entropy(rows, (0, 1))
    loss.backward()
    assert loss.item() == expected and all(r.grad is not None for r in rows)
    assert tg.nn.cross_entropy(w(np.ones((0, 3))), [], "sum").item() == 0.0
    assert tg.nn.Flatten()([[1.0, 2.0]]).shape == (1, 2)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("loss", [lambda r: tg.nn.mse_loss(w(np.ones((0, 2))), np.ones((0, 2)), r),
                                  lambda r: tg.nn.cross_entropy(w(np.ones((0, 2))), [], r)])
def test_losses_of_nothing_agree(loss: Any) -> None:
    assert np.isnan(loss("mean").item()) and loss("sum").item() == 0.0 and loss("none").size == 0
    loss("mean").backward()


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64, np.int32, bool])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "sigmoid", "log_sigmoid", "silu", "softsign", "softplus",
                                  "mish", "elu", "celu", "selu", "gelu", "glu", "hardswish", "leaky_relu"])
def test_activations_of_small_integers_do_not_wrap_around(name: str, kind: Any) -> None:
    info = None if kind is bool else np.iinfo(kind)
    x = np.array([0, 1, 1, 0] if info is None else [max(info.min, -128), 0, 3, min(info.max, 255)], kind)
    y = getattr(tg, name)(x)
    np.testing.assert_allclose(y.numpy(), getattr(tg, name)(x.astype(float)).numpy(), 2e-3, 1e-6)
    assert y.dtype.kind == "f" or name == "leaky_relu"


def test_losses_of_small_integers_do_not_wrap_around() -> None:
    for kind in (np.uint8, np.int8):
        x, y = np.array([[1, 2], [100, 3]], kind), np.array([[2, 1], [3, 100]], kind)
        for given in (x, tg.Tensor(x), x.tolist()):
            assert tg.nn.mse_loss(given, y).item() == tg.nn.mse_loss(x.astype(float), y.astype(float)).item()
            expected = tg.nn.cross_entropy(x.astype(float), [0, 1]).item()
            assert tg.nn.cross_entropy(given, [0, 1]).item() == expected
    assert tg.nn.mse_loss(np.array([True]), np.array([False])).item() == 1.0
    assert tg.nn.mse_loss(w((1.0, 2.0)), tg.Tensor([1, 1])).item() == 0.5


def test_what_is_averaged_does_not_overflow() -> None:
    for kind, value in ((np.uint8, 200), (np.int8, 100), (bool, True)):
        x = np.full((1, 4), value, kind)
        assert tg.avg_pool1d(x, 2).tolist() == tg.adaptive_avg_pool1d(x, 2).tolist() == [[float(value)] * 2]
        assert tg.adaptive_avg_pool1d(x, 3).tolist() == [[float(value)] * 3]
    assert tg.max_pool1d(np.array([[False, True, False, False]]), 2, padding=1).tolist() == [[False, True, False]]


@pytest.mark.parametrize("kind", [float, np.int8, np.uint64, bool])
def test_powers_and_weighted_counts_have_numpys_dtypes(kind: Any) -> None:
    x = np.ones(3, kind)
    assert np.vander(tg.Tensor(x)).dtype == np.vander(x).dtype
    assert np.bincount([0, 1, 1], weights=tg.Tensor(x)).dtype == np.bincount([0, 1, 1], weights=x).dtype


def test_derivatives_by_nothing() -> None:
    assert tg.grad(lambda x: tg.Tensor(1.0))([]) == tg.jacobian(lambda x: tg.Tensor(1.0))([]) == []


def test_layers_tell_their_arguments() -> None:
    import inspect

    assert list(inspect.signature(tg.nn.Linear).parameters) == ["in_features", "out_features", "bias"]
    with pytest.raises(AttributeError, match="subclass of Optimizer"):
        getattr(tg.optim, "Adam")  # noqa: B009
    with pytest.raises(AttributeError, match="param_groups"):
        getattr(tg.optim, "lr_scheduler")  # noqa: B009
    with pytest.raises(AttributeError, match=r"write a tg\.nn\.Module"):
        getattr(tg.nn, "LSTM")  # noqa: B009
    with pytest.raises(AttributeError, match="use log_sigmoid"):
        getattr(tg.nn.functional, "logsigmoid")  # noqa: B009
    with pytest.raises(AttributeError, match="named_parameters"):
        layer().get_parameter("weight")
    with pytest.raises(TypeError, match=r"^mine$"):
        tg.gradcheck(own_error, [w()])


def pickle_of(t: tg.Tensor) -> bytes:
    import pickle

    return pickle.dumps(t)


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    do, kind, text = MISUSE[case]
    with pytest.raises(kind, match=f"(?s){text}") as caught:
        do()
    assert isinstance(caught.value, tg.TinygradGdError)


def test_options_may_be_integer_tensors() -> None:
    one = tg.Tensor(1)
    a = w(PAIR)
    assert tg.softmax(a, axis=one).shape == (2, 3)
    for f in (np.sum, np.max, np.mean, np.std, np.prod, np.linalg.norm, tg.logsumexp):
        a.zero_grad()
        f(a, axis=one).sum().backward()
        assert a.grad is not None and a.grad.shape == (2, 3)
    assert np.linspace(w(0.0), 1.0, np.int64(3)).shape == (3,)


def test_integrals_over_coordinates_with_more_axes_than_the_values() -> None:
    y, x = np.array([1.0, 2.0, 4.0]), np.arange(12.0).reshape(4, 3) ** 2
    np.testing.assert_array_equal(np.trapezoid(w(y), x), np.trapezoid(y, x))
    np.testing.assert_array_equal(np.trapezoid(y, w(x)), np.trapezoid(y, x))


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


@pytest.mark.parametrize(("ask", "cure"), [
    (lambda t: t.sort, r"use tg\.sort\(t\)"), (lambda t: t.flags, r"use t\.numpy\(\)\.flags"),
    (lambda t: t.flat, r"use \.reshape\(-1\)"), (lambda t: t.at.set(3), r"give it a key first, t\.at\[key\]\.set"),
    (lambda t: t.at[0].divide(2.0), r"t\.at\[key\]\.set\(f\(t\[key\]\)\)"),
])
def test_attributes_that_are_not_there_say_how_it_is_written(ask: Any, cure: str) -> None:
    with pytest.raises(AttributeError, match=cure):
        ask(w())


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


@pytest.mark.parametrize("kind", [ValueError, IndexError, ZeroDivisionError, AttributeError])
def test_so_does_any_other_error(kind: type[Exception]) -> None:
    def fails(x: Any) -> Any:
        raise kind("mine")

    with pytest.raises(kind, match=r"^mine$") as caught:
        np.piecewise(w(), [w().numpy() > 0], [fails])
    assert not isinstance(caught.value, tg.TinygradGdError)
