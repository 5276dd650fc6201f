"""The two losses that most models use, as functions and as modules, and what all losses share.

What losses are given is checked here: shapes, labels, options. `mse_loss` and a plain `cross_entropy`
are one primitive of `ops.neural.losses` each; `regression`, `classification`, `similarity` and
`alignment` have the other losses, written with the operations that there are.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import numpy as np

from ..engine.operands import stack_of_values
from ..engine.primitive import apply
from ..engine.tensor import Tensor
from ..errors import DTypeError, LossWarning, OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.explain import answering
from ..ground.modes import current_mode
from ..ground.registry import explaining
from ..ground.user_code import user_line, user_stacklevel
from ..ops.elementwise import where
from ..ops.neural.activations import log_softmax
from ..ops.neural.losses import check_labels, check_once, mse, nll_of_softmax
from ..ops.shape import moveaxis
from ..ops.signatures import as_tensor
from .module import Module


def shape_of(x: Any) -> tuple[int, ...]:
    """Like `numpy.shape`, without its detour over Tensor's protocols."""
    if isinstance(x, (Tensor, np.ndarray)):
        return x.shape
    try:
        return np.shape(x)
    except ValueError:
        raise ShapeError(f"nn: expected numbers in rows of equal length, got {describe(x)} with rows "
                         "of different lengths; pad them") from None


def stacked(x: Any) -> Any:
    """A list in which Tensors stand as one Tensor, with their gradients; anything else as it is."""
    return stack_of_values(x, keep_graph=True) if isinstance(x, list | tuple) else x


def array_of(x: Any) -> Any:
    """Numbers in rows of equal length, as an array."""
    if type(x) is not np.ndarray:
        shape_of(x)
        x = np.asarray(x)
    return x


def _floats(loss: str, x: Any) -> Any:
    """``x`` as floats: differences of small integers would wrap around."""
    if not isinstance(x, (Tensor, np.ndarray)):
        x = as_tensor(loss, x)
    return x if x.dtype.kind == "f" else x.astype(float)


def _fit(prediction: Any, target: Any) -> bool:
    """Whether the shapes are the same, and the difference is one of floats."""
    x = prediction._value if type(prediction) is Tensor else prediction  # which answer sooner
    y = target._value if type(target) is Tensor else target
    try:
        return (x.shape == y.shape and isinstance(prediction, Tensor)
                and (x.dtype.kind == "f" or y.dtype.kind == "f"))
    except AttributeError:
        return False


def _are_classified(logits: Any, labels: Any) -> bool:
    """Whether the labels are numbers of classes, one for each row of the logits."""
    x = logits._value if type(logits) is Tensor else logits
    y = labels._value if type(labels) is Tensor else labels
    if not (isinstance(logits, Tensor) and isinstance(y, (np.ndarray, Tensor))):
        return False
    shape = x.shape
    return len(shape) == 2 and y.shape == shape[:1] and y.dtype.kind in "iu" and x.dtype.kind == "f"


#: What `reduction` may be; `kl_div` has one more.
REDUCTIONS = ("mean", "sum", "none")
_WEIGHTS = ("weight", "pos_weight")
_SWITCHES = ("full", "log_input", "log_target", "swap", "zero_infinity")


def _check_reduction(loss: str, reduction: Any, allowed: tuple[str, ...] = REDUCTIONS) -> Any:
    if type(reduction) is not str or reduction not in allowed:
        given = repr(reduction) if isinstance(reduction, str) else describe(reduction)
        cure = "; weights are given by name, weight=" if hasattr(reduction, "shape") else ""
        words = f"{', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}"
        raise OptionError(f"{loss}: reduction is {words}, got {given}{cure}")
    return reduction


def check_options(loss: str, reduction: Any, allowed: tuple[str, ...] = REDUCTIONS, /,
                  **others: Any) -> None:
    """Refuse options that are no numbers, switches or integers where the loss wants these."""
    _check_reduction(loss, reduction, allowed)
    for name, value in others.items():
        if name in _SWITCHES:
            check_switch(f"{loss}: {name}", value)
        elif name in ("ignore_index", "blank"):
            if value is not None:
                check_integer(f"{loss}: {name}", value)
        elif isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise DTypeError(f"{loss}: {name} is a number, got {describe(value)}")


def reduced(values: Tensor, reduction: str) -> Tensor:
    """The losses of all elements as they are, or their sum or mean."""
    if reduction == "none":
        return values
    return values.sum() if reduction == "sum" else values.mean()


def _differ(loss: str, first: str, x: Any, second: str, y: Any) -> ShapeError:
    a, b = shape_of(x), shape_of(y)
    names = f"{second}.reshape({a})" if math.prod(a) == math.prod(b) else None
    if names is None and len(a) == 2 and b == a[:1]:
        names = f"np.eye({a[1]})[{second}] if these are numbers of classes"
    joined = "" if not _broadcasts(a, b) else "they would broadcast against each other. "
    return ShapeError(f"{loss}: the {first} is {describe(x)}, the {second} {describe(y)}; {joined}"
                      f"Give both the same shape{f', for example with {names}' if names else ''}")


def _broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(x == y or 1 in (x, y) for x, y in zip(a[::-1], b[::-1], strict=False))


def floats(loss: str, x: Any) -> Tensor:
    """What a loss is given, as a Tensor of floats."""
    return as_tensor(loss, _floats(loss, stacked(x)))


def floats_like(loss: str, given: Any, x: Tensor) -> Tensor:
    """Labels or weights as a Tensor; integers and constants take the dtype of ``x``."""
    y = as_tensor(loss, stacked(given))
    return y if y.dtype == x.dtype or y.requires_grad else y.astype(x.dtype)


def pair(loss: str, input: Any, target: Any, first: str = "input",
         second: str = "target") -> tuple[Tensor, Tensor]:
    """Both as floats; an error with the likely cure where their shapes are not the same."""
    x, y = stacked(input), stacked(target)
    if shape_of(x) != shape_of(y):
        raise _differ(loss, first, x, second, y)
    x = floats(loss, x)
    return x, floats_like(loss, y, x) if as_tensor(loss, y).dtype.kind != "f" else as_tensor(loss, y)


def weights_of(loss: str, weight: Any, x: Tensor) -> Tensor:
    """Weights of elements, of a shape that broadcasts to that of ``x``."""
    given = floats_like(loss, weight, x)
    shape = given.shape
    if len(shape) > x.ndim or any(n not in (1, m) for n, m in
                                  zip(shape[::-1], x.shape[::-1], strict=False)):
        raise ShapeError(f"{loss}: weight broadcasts to the shape of the input, {x.shape}; got "
                         f"{describe(given)}")
    return given


def class_weights(loss: str, weight: Any, classes: int, x: Tensor) -> Tensor:
    """One weight for each class."""
    given = floats_like(loss, weight, x)
    if given.shape != (classes,):
        raise ShapeError(f"{loss}: weight has one number for each of {classes} classes, got "
                         f"{describe(given)}; weights of rows: (w * {loss}(..., reduction='none'))"
                         ".mean()")
    return given


class Loss(Module):
    """A loss with options: ``compute(*inputs, **options)``."""

    compute: ClassVar[Any]
    reductions: ClassVar[tuple[str, ...]] = REDUCTIONS
    _options: tuple[str, ...] = ()

    def _keep(self, **options: Any) -> None:
        """Check options and set them as attributes; arrays become buffers, as in PyTorch."""
        plain = {n: v for n, v in options.items() if n not in (*_WEIGHTS, "distance_function")}
        check_options(type(self).__name__, plain.pop("reduction"), self.reductions, **plain)
        for name, value in options.items():
            if name in _WEIGHTS and value is not None:
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)
        self._options = tuple(options)

    def forward(self, *inputs: Any) -> Tensor:
        """The loss."""
        options = {name: getattr(self, name) for name in self._options}
        return type(self).compute(*inputs, **options)  # type: ignore[no-any-return]


@explaining
def mse_loss(prediction: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Mean squared error ``mean((prediction - target)**2)``; both must have the same shape.

    With ``weight``, of the same shape, the mean is the weighted one.

    >>> import tinygrad_gd as tg
    >>> tg.nn.mse_loss(tg.Tensor([1.0, 3.0]), tg.Tensor([1.0, 1.0])).item()
    2.0
    """
    _check_reduction("mse_loss", reduction)
    if not _fit(prediction, target):
        prediction, target = stacked(prediction), stacked(target)
        if shape_of(prediction) != shape_of(target):
            raise _differ("mse_loss", "prediction", prediction, "target", target)
        prediction = _floats("mse_loss", prediction)
    if weight is None:
        return apply(mse, (prediction, target), {"reduction": reduction})
    squares = apply(mse, (prediction, target), {"reduction": "none"})
    return weighed("mse_loss", squares, weight, reduction)


def weighed(loss: str, values: Tensor, weight: Any, reduction: str) -> Tensor:
    """Losses of elements times their weights, and the weighted mean."""
    w = floats_like(loss, weight, values)
    if w.shape != values.shape:
        raise _differ(loss, "input", values, "weight", w)
    return reduced(values * w, reduction) if reduction != "mean" else (values * w).sum() / w.sum()


# -- cross-entropy -------------------------------------------------------------------------------------


def _checked(loss: str, labels: Any, classes: int) -> Any:
    """Labels between 0 and the number of classes; a program checks them in each call."""
    mode, options = current_mode(), {} if loss == "cross_entropy" else {"loss": loss}
    if mode.observer is not None or mode.lockstep is not None:
        return apply(check_labels, (labels,), {"classes": classes, **options})
    check_once(labels, classes, **options)
    return labels


def _labels_of(loss: str, logits: Any, labels: Any) -> Any:
    """Class numbers as integers, or an error that says what is wrong with their shape or dtype."""
    values = labels if isinstance(labels, Tensor) else array_of(labels)
    shape = shape_of(logits)
    if not shape or values.shape != shape[:1] * (len(shape) > 1) + shape[2:]:
        raise ShapeError(f"{loss}: expected logits (n, classes) and labels (n,), or (n, classes, ...) "
                         f"and (n, ...), got {describe(logits)} and {describe(values)}"
                         f"{_cure_of_shapes(shape, values)}")
    if values.dtype.kind not in "iu":
        if hasattr(labels, "dtype") or values.size:
            came = describe(labels if hasattr(labels, "dtype") else values)
            cure = ("use labels.astype(int), or mse_loss for real targets" if values.dtype.kind in "fb"
                    else "make numbers of names with np.unique(labels, return_inverse=True)[1]")
            raise DTypeError(f"{loss}: labels are class numbers, got {came}; {cure}")
        values = values.astype(int)  # an empty list
    return values


def _cure_of_shapes(logits: tuple[int, ...], labels: Any) -> str:
    """What helps labels of another shape than that of the logits' rows."""
    shape, classes = labels.shape, logits[1:2] or logits
    if shape == logits and labels.dtype.kind in "iub":
        return ("; these look one-hot: give class numbers, labels.argmax(axis=1), or probabilities, "
                "labels.astype(float)")
    if len(logits) > 2 and shape == logits[:-1]:
        return ("; classes are in axis 1: write logits.reshape(-1, logits.shape[-1]) and "
                "labels.reshape(-1)")
    if shape == (*logits[:1], 1) and classes != (1,):
        return "; write labels.reshape(-1)"
    if len(shape) == 2 and shape[:1] == logits[:1]:
        return f"; one-hot labels need a column for each of {classes[0]} classes"
    return ""


def by_rows(loss: str, logits: Any, labels: Any) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Logits (n, classes) and labels (n,) of any batch shape, and that shape."""
    values = _labels_of(loss, logits, labels)
    x, y = floats(loss, logits), as_tensor(loss, values)
    if x.ndim > 2:
        x = moveaxis(x, 1, -1)
    return x.reshape(-1, x.shape[-1]), y.reshape(-1), y.shape


def averaged(values: Tensor, shares: Tensor | None, shape: tuple[int, ...], reduction: str) -> Tensor:
    """Losses of rows, in a batch's shape, or their sum or their mean by shares."""
    if reduction == "mean" and shares is not None:
        return values.sum() / shares.sum()
    return reduced(values.reshape(shape) if reduction == "none" else values, reduction)


def shares_of(loss: str, x: Tensor, labels: Tensor, weight: Any, ignore_index: Any) -> tuple[Any, Any]:
    """Labels that are classes, and the share of each row: its class's weight, 0 if it is ignored."""
    kept, classes = None, x.shape[1]
    if ignore_index is not None:
        kept = labels != ignore_index
        labels = where(kept, labels, 0)
    labels = _checked(loss, labels, classes)
    shares = None if kept is None else as_tensor(loss, kept).astype(x.dtype)
    if weight is not None:
        chosen = class_weights(loss, weight, classes, x)[labels]
        shares = chosen if shares is None else chosen * shares
    return labels, shares


@explaining
def cross_entropy(
    logits: Any, labels: Any, weight: Any = None, ignore_index: int | None = None,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:
    """``-log softmax(logits)[label]``, averaged; stable for logits of any size.

    Parameters
    ----------
    logits : (n, classes), unnormalised log probabilities; (classes,) and (n, classes, ...) do, too.
    labels : (n,) or (n, ...) integers in [0, classes); or floats of the logits' shape, the probability
        of each class.
    weight : (classes,); the mean is then the one weighted by the labels' classes.
    ignore_index : a label whose rows do not count; PyTorch's -100 has to be given here.
    reduction : "mean", "sum" or "none"; it may also come third, as in other losses.
    label_smoothing : the part of each label that is spread over all classes, from 0 to 1.

    >>> import tinygrad_gd as tg
    >>> round(tg.nn.cross_entropy(tg.Tensor([[0.0, 0.0]]), tg.Tensor([1])).item(), 4)
    0.6931
    """
    if type(weight) is str:
        weight, reduction = None, weight
    _check_reduction("cross_entropy", reduction)
    if weight is not None or ignore_index is not None or label_smoothing != 0.0 or not _are_classified(
            logits, labels):
        return _general(logits, labels, weight, ignore_index, reduction, label_smoothing)
    mode = current_mode()
    if mode.observer is not None or mode.lockstep is not None:
        labels = apply(check_labels, (labels,), {"classes": logits.shape[1]})
    else:
        if check_once(labels, logits.shape[1]) and logits.shape not in _looked_at:
            _look(logits)
    return apply(nll_of_softmax, (logits, labels), {"reduction": reduction})


#: Shapes of logits of which one batch has been looked at.
_looked_at: set[tuple[int, ...]] = set()


def _look(logits: Tensor) -> None:
    """Warn of probabilities where logits are meant: softmax of them is nearly uniform."""
    if len(_looked_at) > 1000:  # batches of many lengths, of which enough have been seen
        _looked_at.clear()
    _looked_at.add(logits.shape)
    x = np.asarray(logits._value)
    if x.size and x.min() >= 0 and ((x > 0) & (x < 1)).any() and np.abs(x.sum(1) - 1).max() < 1e-3:
        warn_of_chances("cross_entropy", logits, "the softmax", "nll_loss the log of the probabilities")


def warn_of_chances(loss: str, x: Tensor, function: str, other: str) -> None:
    """Say that a loss was given probabilities, of which it will compute probabilities."""
    warnings.warn(
        f"{loss}: {describe(x)} holds probabilities, but logits are meant, of which it takes "
        f"{function} itself ({user_line()}); leave {function} out, or give {other}",
        LossWarning, stacklevel=user_stacklevel())


def _general(logits: Any, labels: Any, weight: Any, ignore: Any, reduction: str,
             smoothing: Any) -> Tensor:
    """Cross-entropy with labels of any batch shape or probabilities, with all options."""
    check_options("cross_entropy", reduction, ignore_index=ignore, label_smoothing=smoothing)
    if not 0 <= smoothing <= 1:
        raise OptionError(f"cross_entropy: label_smoothing is between 0 and 1, got {smoothing!r}")
    logits, given = stacked(logits), stacked(labels)
    given = given if isinstance(given, Tensor) else array_of(given)
    if given.dtype.kind == "f" and given.ndim and given.shape == shape_of(logits):
        x = floats("cross_entropy", logits)
        return _of_chances(x, given, weight, ignore, reduction, smoothing)
    x, y, shape = by_rows("cross_entropy", logits, labels)
    y, shares = shares_of("cross_entropy", x, y, weight, ignore)
    mode = current_mode()
    if mode.observer is None and mode.lockstep is None and x.shape not in _looked_at:
        _look(x)
    if shares is None and not smoothing:
        values = apply(nll_of_softmax, (x, y), {"reduction": reduction})
        return values.reshape(shape) if reduction == "none" else values
    values = apply(nll_of_softmax, (x, y), {"reduction": "none"})
    values = values if shares is None else values * shares
    if smoothing:
        each = -log_softmax(x, axis=1)
        if weight is not None:
            each = each * class_weights("cross_entropy", weight, x.shape[1], x)
        spread = each.sum(axis=1)
        if ignore is not None:
            spread = spread * (shares if weight is None else _is_kept(labels, ignore, x))
        values = values * (1 - smoothing) + spread * (smoothing / x.shape[1])
    return averaged(values, shares, shape, reduction)


def _is_kept(labels: Any, ignore: int, x: Tensor) -> Tensor:
    kept = as_tensor("cross_entropy", labels).reshape(-1) != ignore
    return as_tensor("cross_entropy", kept).astype(x.dtype)


def _of_chances(x: Tensor, chances: Any, weight: Any, ignore: Any, reduction: str,
                smoothing: Any) -> Tensor:
    """Cross-entropy where the labels are the probability of each class."""
    if ignore is not None:
        raise OptionError("cross_entropy: ignore_index= is a class number, but the labels are "
                          f"probabilities, {describe(chances)}; leave it out")
    axis, y = min(x.ndim - 1, 1), as_tensor("cross_entropy", chances)
    classes = x.shape[axis]
    if smoothing:
        y = y * (1 - smoothing) + smoothing / classes
    each = log_softmax(x, axis=axis) * y
    if weight is not None:
        w = class_weights("cross_entropy", weight, classes, x)
        each = each * w.reshape(-1, *(1,) * (x.ndim - axis - 1))
    return reduced(-each.sum(axis=axis), reduction)


class MSELoss(Loss):
    """`mse_loss` as a module."""

    reduction: str

    @answering
    def __init__(self, reduction: str = "mean") -> None:
        self._keep(reduction=reduction)

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """The loss."""
        return mse_loss(prediction, target, self.reduction)


class CrossEntropyLoss(Loss):
    """`cross_entropy` as a module; ``weight`` is a buffer."""

    weight: Tensor | None
    ignore_index: int | None
    reduction: str
    label_smoothing: float

    @answering
    def __init__(self, weight: Any = None, ignore_index: int | None = None, reduction: str = "mean",
                 label_smoothing: float = 0.0) -> None:
        if type(weight) is str:
            weight, reduction = None, weight
        self._keep(weight=weight, ignore_index=ignore_index, reduction=reduction,
                   label_smoothing=label_smoothing)

    def forward(self, logits: Any, labels: Any) -> Tensor:
        """The loss."""
        return cross_entropy(logits, labels, self.weight, self.ignore_index, self.reduction,
                             self.label_smoothing)
