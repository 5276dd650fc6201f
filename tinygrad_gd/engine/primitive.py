"""Primitives, and the one door through which everything differentiable passes.

A *primitive* is a NumPy function plus one derivative rule per argument. A rule (a *vjp*, vector-
Jacobian product) is an ordinary NumPy expression::

    multiply = primitive(np.multiply, lambda g, out, x, y: g * y, lambda g, out, x, y: g * x)

``g`` is the *cotangent* of the result (the gradient of the loss with respect to ``out``), and the
rule returns the cotangent of its argument. Rules of elementwise primitives never think about
broadcasting: the backward pass sums a cotangent back to its argument's shape.

`apply` is the door. It runs the function on arrays and, if an argument requires a gradient,
notes on the new Tensor how it was made: (primitive, inputs, params, creation number). The graph
is nothing but these four fields, so the backward pass, pictures, explanations and captured programs
are all loops over the same data.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy import float64

from ..ground.explain import explain_failure, too_many, unknown_option
from ..ground.live import Live
from ..ground.modes import current_mode
from ..ground.registry import by_name, register
from ..ground.storage import NUMERIC_KINDS, kept, tick
from .documentation import OnDemand, call_of, doc_of, signature_of
from .operands import (
    DOUBLE,
    FOREIGN,
    INSERTED,
    SCALARS,
    SINGLE,
    check_expansion,
    check_widening,
    frozen,
    inserts_axis,
    operand,
)
from .rules import Every, Rule, check_function, check_rules, checked, reads
from .tensor import ALL, Tensor, constant

_NO_PARAMS: dict[str, Any] = {}
_PACKAGE = __name__.partition(".")[0] + "."
_CHANGEABLE = (list, np.ndarray, Tensor)
_new = Tensor.__new__


class Primitive:
    """A NumPy function with its derivative rules. Call it like the function it stands for."""

    __doc__ = OnDemand(doc_of, __doc__)
    __signature__ = OnDemand(signature_of)

    def __init__(
        self,
        function: Callable[..., Any],
        rules: tuple[Rule | None, ...] | Every,
        *,
        name: str,
        numpy: tuple[Any, ...],
        run: Callable[..., Any] | None,
        elementwise: bool,
        analytic: bool,
        atomic: bool,
        kind: str,
        internal: bool = False,
    ) -> None:
        self.name = name
        self.function = function
        self.run = run or function
        self.vjps = rules
        self.numpy = numpy
        self.elementwise = elementwise
        self.analytic = analytic
        self.atomic = atomic or isinstance(function, np.ufunc) or bool(numpy)
        self.kind = kind
        self.internal = internal
        self.variadic = isinstance(rules, Every)
        self.differentiable = any(rules)
        self.parameters: tuple[str, ...] = ()
        self.defaults: dict[str, Any] = {}
        if isinstance(function, np.ufunc):
            self.arguments = ("x", "y", "z")[: function.nin]
        else:
            code = function.__code__
            names = code.co_varnames[: code.co_argcount]
            defaults = function.__defaults__ or ()
            arity = code.co_posonlyargcount or len(names) - len(defaults)
            self.arguments, self.parameters = names[:arity], names[arity:]
            if defaults:
                self.defaults = dict(zip(names[-len(defaults):], defaults, strict=True))
            self.defaults |= function.__kwdefaults__ or {}
            self.parameters += code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
        self._keywords = frozenset((*self.arguments, *self.parameters))
        self.arity = -1 if self.variadic else len(self.arguments)
        self.joins = elementwise and len(self.arguments) > 1
        self.__name__ = self.__qualname__ = name
        self.__wrapped__ = function

    def __call__(self, *args: Any, **params: Any) -> Tensor:
        """Sort arguments into arrays and options, and `apply`."""
        if params and not self._keywords.issuperset(params):
            raise unknown_option(self.name, min(params.keys() - self._keywords), self.parameters)
        extra: tuple[Any, ...] = ()
        if len(args) == self.arity:
            inputs = args
            if not params:
                return apply(self, args, self.defaults)
        elif self.variadic:
            inputs, extra = tuple(args[0]), args[1:]
            if not (extra or params):
                return apply(self, inputs, self.defaults)
        else:
            arity = len(self.arguments)
            inputs, extra = args[:arity], args[arity:]
            for missing in self.arguments[len(inputs) :]:
                if missing in params:
                    inputs += (params.pop(missing),)
        if extra:
            if len(extra) > len(self.parameters):
                raise too_many(self.name, len(args), (*self.arguments, *self.parameters))
            params.update(zip(self.parameters, extra, strict=False))
        for key, value in params.items():
            if isinstance(value, _CHANGEABLE):
                params[key] = frozen(self.name, key, value)
        return apply(self, inputs, {**self.defaults, **params})

    def __repr__(self) -> str:
        return f"<primitive {call_of(self)}>"

    def __reduce__(self) -> Any:
        return by_name, (self.name,)

    @cached_property
    def reads(self) -> frozenset[int] | range:
        """Positions of the arguments whose *values* (not only shapes) some rule reads."""
        if self.variadic:  # views read shapes only; of others nothing is known
            return range(0 if self.kind == "view" else sys.maxsize)
        return frozenset(i for rule in self.vjps if rule for i in reads(rule, len(self.arguments)))


def primitive(
    function: Callable[..., Any],
    *rules: Rule | Every | None,
    name: str | None = None,
    numpy: Any = (),
    run: Callable[..., Any] | None = None,
    elementwise: bool | None = None,
    analytic: bool = True,
    atomic: bool = False,
    kind: str = "op",
    internal: bool = False,
) -> Primitive:
    """Make a primitive of a NumPy function and one derivative rule per array argument.

    Parameters
    ----------
    function : works on arrays. Its positional-only arguments (before ``/``; without a ``/`` those
        that have no default) are arrays, the others are options.
    rules : ``(g, out, *arrays, **options) -> cotangent`` for each array, or None where the
        function is not differentiable. No rule at all: the result never requires a gradient.
    name : public name; the function's own by default.
    numpy : the NumPy function(s) that run this primitive when called with a Tensor.
    run : a faster way to compute the same bits, used in place of ``function``.
    elementwise : the result broadcasts its arguments; true for ufuncs by default.
    analytic : whether ``function`` is complex-differentiable, so that complex step can check it.
    atomic : whether programs call ``function`` as it is; otherwise they show the NumPy calls that
        it makes, so it must also run on Tensors: no loops over elements, no writing in place.
        True for what stands for a NumPy function.
    kind : how pictures group it: ``op``, ``act``, ``red`` or ``view``.
    internal : whether it is only a part of other functions, without a place in ``tg``.

    >>> import numpy as np, tinygrad_gd as tg
    >>> cube = tg.primitive(lambda x: x * x * x, lambda g, out, x: g * 3 * x**2, name="cube")
    >>> x = tg.Tensor(2.0, requires_grad=True); cube(x).backward(); x.grad.item()
    12.0
    """
    check_function(function)
    is_ufunc = isinstance(function, np.ufunc)
    signature = getattr(function, "signature", None)
    numpy = numpy if isinstance(numpy, tuple) else (numpy,)
    if elementwise is None:
        elementwise = is_ufunc and signature is None
    if not (run or is_ufunc or numpy or (function.__module__ or "").startswith(_PACKAGE)):
        run = checked(name or function.__name__, function)
    made = Primitive(
        function,
        rules[0] if rules and isinstance(rules[0], Every) else rules,  # type: ignore[arg-type]
        name=name or function.__name__.strip("_"),
        numpy=(function, *numpy) if is_ufunc else numpy,
        run=run,
        elementwise=elementwise,
        analytic=analytic,
        atomic=atomic,
        kind=kind,
        internal=internal,
    )
    check_rules(made, rules)
    register(made)
    return made


def apply(
    primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any] = _NO_PARAMS
) -> Tensor:
    """Run a primitive on Tensors, arrays and Python scalars, and record it if need be."""
    mode = current_mode()
    lockstep = mode.lockstep
    if lockstep is not None and lockstep.active:  # a compiled step: see `program`
        return lockstep.apply(primitive, inputs, params, mode)  # type: ignore[no-any-return]
    made = tick()  # before values are read: what another thread writes meanwhile makes the graph stale
    values = []
    recording, arrays = None, False  # a Tensor that requires a gradient, if there is one
    for x in inputs:
        if isinstance(x, Tensor):
            values.append(x._value)
            if x._requires_grad:
                recording = x
        elif type(x) in SCALARS:
            values.append(x)
        elif type(x) is np.ndarray and x.dtype.kind in NUMERIC_KINDS and x.dtype.isnative:
            values.append(x)
            arrays = True
        elif type(x) is Live:
            values.append(x.value)
        else:
            if primitive.name in FOREIGN and (answer := FOREIGN[primitive.name](inputs)) is not None:
                return answer
            return apply(primitive, tuple(operand(primitive.name, x) for x in inputs), params)
    try:
        value = primitive.run(*values, **params) if params else primitive.run(*values)
    except (ValueError, TypeError, IndexError, ArithmeticError, AttributeError) as error:
        raise explain_failure(primitive, inputs, params, error) from error
    if primitive.joins and value.ndim > 1 and getattr(values[0], "size", 1) != value.size:
        check_expansion(primitive.name, inputs, values, value)
    seen = inputs
    if recording is not None and mode.grad and primitive.differentiable:
        if (type(value) is not float64 or type(recording._value) is not float64) and (  # sooner than
                value.dtype is DOUBLE and recording._value.dtype is SINGLE):  # the dtype of a number
            check_widening(primitive, inputs, params, recording, value)
        if arrays:  # a rule must not see what the user writes into an array later
            inputs = tuple(kept(x) if type(x) is np.ndarray and i in primitive.reads else x
                           for i, x in enumerate(inputs))
        out = _new(Tensor)  # a node of the graph
        out._value, out._requires_grad = value, True
        out._primitive, out._params = primitive, params
        out._first, out._second = inputs if len(inputs) == 2 else (inputs, ALL)
        out._grad = out._hooks = out._name = None
        out._seq = made
    else:
        if primitive.kind == "view" and value.base is not None:
            out = constant(value.copy("K"))  # a new leaf owns its values: writing elsewhere is not seen
            if inserts_axis(primitive.name, value):
                out._params = INSERTED
        else:
            out = constant(value)
    if mode.observer is not None:
        mode.observer.forward(out, primitive, seen, params)
    return out
