"""The reverse pass with all choices: to any targets, on arrays or Tensors, with somebody watching.

`backward.gradients_of` is the same walk without them, as a training step needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from ..ground.fast import HALF
from ..ground.live import Live
from ..ground.modes import current_mode
from ..ground.observer import reverse_pass
from ..ground.threads import taking_turns
from .backward import check_overwritten, fit, in_single, seed_of
from .hooks import accumulate, owned, run_hooks, unwrap, wrap
from .kept import is_due, note
from .tensor import ALL, Tensor


def backward_in_full(root: Tensor, gradient: Any, create_graph: bool) -> None:
    """`backward.backward` recorded with ``create_graph``, and with observers told of each step."""
    seed = seed_of(root, gradient)
    with reverse_pass(root, seed, create_graph):
        cotangents = cotangents_of([root], [seed], create_graph)
        observer = current_mode().observer
        with taking_turns:
            for leaf, g in cotangents.items():
                if observer is not None:
                    observer.accumulates(leaf)
                accumulate(leaf, g)
    if is_due():
        note(root)


def cotangents_of(
    roots: Sequence[Tensor],
    seeds: Sequence[Any],
    create_graph: bool = False,
    targets: Sequence[Tensor] | None = None,
    since: int = 0,
    complete: bool = True,
) -> dict[Tensor, Any]:
    """Walk the graph backwards and return the cotangents of ``targets`` (default: all leaves).

    The values are arrays, or Tensors with ``create_graph``. What was made before the clock showed
    ``since`` is not visited: no path to the targets goes through it. Hooks of the targets see
    cotangents that are ``complete``, and not those that are a part of another pass.
    """
    observer = current_mode().observer
    as_tensors = create_graph or (observer is not None and observer.wants_tensors)
    wanted = None if targets is None else set(targets)
    cotangents: dict[Tensor, Any] = {}
    result: dict[Tensor, Any] = {}
    pending: list[tuple[int, Tensor]] = []  # a heap: the youngest tensor first
    for root, seed in zip(roots, seeds, strict=True):
        seed = wrap(seed) if as_tensors else unwrap(seed)
        ends = root._primitive is None if wanted is None else root in wanted
        table = result if ends else cotangents
        if root in table:
            table[root] = table[root] + seed
            continue
        table[root] = seed
        if not ends:
            heappush(pending, (-root._seq, root))
    while pending:
        tensor = heappop(pending)[1]
        g = cotangents.pop(tensor)
        if tensor._hooks is not None:
            g = run_hooks(tensor, g, as_tensors)
        primitive, params, made = tensor._primitive, tensor._params, tensor._seq
        inputs = tensor._first if tensor._second is ALL else (tensor._first, tensor._second)
        if primitive is None:  # a leaf that is no target
            continue
        shown = inputs if observer is None or not as_tensors else observer.shows(inputs)
        if as_tensors:
            arguments = [g, tensor, *shown]
        else:  # operands.values_of, written out as in `backward`
            arguments = [g, tensor._value]
            for x in inputs:
                arguments.append(x._value if isinstance(x, Tensor)
                                 else x.value if type(x) is Live else x)
        rules = primitive.vjps
        if g.dtype is HALF:
            arguments = in_single(primitive, arguments)
        if len(inputs) > 2 and primitive.variadic:
            rules, arguments, params = rules.of_all(arguments, params), [], {}
        for i, x in enumerate(inputs):
            if not isinstance(x, Tensor):
                continue
            seq = x._seq
            if seq > made:
                check_overwritten(tensor, x, i)
            if not x._requires_grad or seq < since or (rule := rules[i]) is None:
                continue
            gx = rule(*arguments, **params) if params else rule(*arguments)
            value = x._value
            try:
                fits = gx.dtype is value.dtype and gx.shape == value.shape
            except AttributeError:  # None, or a number of Python
                fits = False
            if not fits:
                gx = fit(gx, x, tensor, i)
            if observer is not None:
                observer.backward(tensor, i, g, gx)
            if x._primitive is None if wanted is None else x in wanted:
                if x in result:
                    gx = result[x] + gx
                elif gx is g or gx is x or (not as_tensors and (gx is value or gx.base is not None)):
                    gx = owned(gx) if as_tensors else gx.copy()  # a leaf's gradient owns its memory
                result[x] = gx
            elif x in cotangents:
                cotangents[x] = cotangents[x] + gx
            else:
                cotangents[x] = gx
                heappush(pending, (-seq, x))
    handed_out: set[Any] = set()
    for tensor, g in result.items():
        if complete and tensor._hooks is not None:
            g = run_hooks(tensor, g, as_tensors)
        if as_tensors:  # each has one owner, who may change it in place
            g = owned(g) if g in handed_out else g
            handed_out.add(g)
        result[tensor] = g
    return result
