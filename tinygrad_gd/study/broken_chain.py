"""Why there is no gradient: the link that is missing between a Tensor and the loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.graph import Node, event_of, walk
from ..engine.tensor import Tensor
from ..engine.watched import Event, Run
from ..nn.parameter import Parameter
from .case import Case, Cause

_ASK = "Give the loss, as in why(loss), or run it under `with tg.study.watch():`."


def causes_of_none(case: Case) -> Iterator[Cause]:
    """Why a Tensor has no gradient, or a loss requires none."""
    t = case.tensor
    if case.asks_about_all:
        yield from _nothing_recorded(case)
    elif case.in_graph:
        yield from _not_there_yet(case)
    elif t.op is None and not t.requires_grad:
        yield _requires_none(case)
    elif case.root is None:
        yield from nothing_known(case)
    else:
        yield from _cut(case)


def _requires_none(case: Case) -> Cause:
    t, name = case.tensor, case.name(case.tensor)
    made = event_of(t)
    if made and made.kind == "leaf" and made.what == "detach":
        return Cause("detach", f"{name} is a copy that .detach() made, without history.",
                     cure="Ask about the Tensor it was made of, and leave .detach() out.",
                     line=case.line(t))
    if t.dtype.kind != "f":
        return Cause("integer", f"{name} holds {t.dtype}, and only floats have gradients.",
                     cure="Make it of floats, tg.Tensor([1.0, 2.0], requires_grad=True), or use "
                          f"{name}.astype(float).", line=case.line(t))
    if made and made.kind == "operation" and not made.recorded:
        return _link(case, made)
    cure = "Write tg.Tensor(values, requires_grad=True), before the loss is computed."
    if made and made.kind == "leaf":
        return Cause("requires_grad", f"{name} was made without requires_grad=True, or was frozen.",
                     line=case.line(t), cure=cure)
    return Cause("requires_grad", f"{name} was not made with requires_grad=True, or was frozen; or it "
                 "was computed under tg.no_grad(), or from Tensors that require no gradient.",
                 line=case.line(t), cure=f"{cure} What is computed from a gradient needs "
                 f"backward(create_graph=True).{case.cut_off}")


def _not_there_yet(case: Case) -> Iterator[Cause]:
    """A gradient would flow, but is not kept, or no longer, or not yet."""
    t, name, run = case.tensor, case.name(case.tensor), case.run
    if t.op is not None:
        yield replaced(case) or kept_of_leaves_only(case)
        return
    event, forgotten = event_of(t), list[Event]()
    if run is not None and event is not None:
        passes = [e for e in run.of("backward") if event.number in e.inputs[1:]]
        forgotten = [e for e in run.of("zero_grad") if event.number in e.inputs]
        if passes and forgotten and forgotten[-1].number > passes[-1].number:
            made = passes[-1].place
            yield Cause("zeroed", f"{forgotten[-1].via}() forgot the gradient after backward() had "
                        f"made it ({made}).", line=forgotten[-1].place,
                        cure="Read .grad, and call optimizer.step(), after backward() and "
                             "before zero_grad().")
            return
    seen = run is not None and event is not None and event.run is run and case.root is not None
    since = "" if seen and not forgotten else ", or not since the last zero_grad()"
    root = case.loss if case.root is not None and case.root in case.names.known else "loss"
    yield Cause("no backward", f"A gradient of {case.loss} would flow to {name}, but backward() has "
                f"not been called{since}.", cure=f"Call {root}.backward().")


def kept_of_leaves_only(case: Case) -> Cause:
    """Why a result has no gradient of its own."""
    t, name = case.tensor, case.name(case.tensor)
    made = t.op.name if t.op else "an operation"
    return Cause("non-leaf", f"{name} was computed, by {made}: backward() keeps the gradients of "
                 "leaves only, those you made yourself.",
                 cure=f"Call {name}.retain_grad() before backward().", line=case.line(t))


def replaced(case: Case) -> Cause | None:
    """A leaf was updated to a new Tensor of its name, as ``w = w - lr * w.grad`` makes one."""
    t, meant = case.tensor, case.names.meant(case.tensor)
    op: Any = t.op
    if op is None or op.name not in ("add", "subtract") or not meant:
        return None
    old = t.inputs[0]
    if not isinstance(old, Tensor) or old.op is not None or case.names.meant(old) != meant:
        return None
    step = {"add": "+", "subtract": "-"}[op.name]
    return Cause("replaced", f"{meant} = {meant} {step} ... made a new Tensor, which is no leaf: "
                 "backward() keeps the gradients of leaves only, those you made yourself.",
                 cure=f"Change it in place: with tg.no_grad(): {meant} {step}= ...",
                 line=case.line(t))


def nothing_known(case: Case) -> Iterator[Cause]:
    """That there is a gradient, or none, of a loss that nobody knows."""
    name = case.name(case.tensor)
    if Node(case.tensor).grad is not None:
        yield Cause("unknown", f"{name} is a leaf, and a leaf does not know which loss its gradient is "
                    f"of. {_ASK}", weight=2, at="unknown")
        return
    yield Cause("unknown", f"No loss is known: backward() was not called, or {name} took no part in "
                f"what it was called on. {_ASK}")


# -- the chain ---------------------------------------------------------------------------------------


def _cut(case: Case) -> Iterator[Cause]:
    """The loss is known, and no gradient of it flows to the Tensor."""
    run, event, root = case.run, event_of(case.tensor), case.root
    end = None if root is None else event_of(root)
    if root is not None and not root.requires_grad and (run is None or end is None):
        yield Cause("nothing recorded", f"{case.loss} requires no gradient: no Tensor that it was "
                    "computed from does, or it was computed under no_grad().",
                    cure="Run it under tg.study.watch() to be told where the chain is cut.")
        return
    watched = run is not None and end is not None and end.run is run
    way = _way(run, event, end) if run and end and event and watched and event.run is run else []
    another_model = way and isinstance(case.tensor, Parameter)  # whose parameters are called the same
    if not another_model and (twin := _namesake(case)):
        yield twin
        return
    if run is None or end is None or not watched:
        yield from _by_values(case)
        return
    if event is None or event.run is not run:
        yield _unused(case)
        return
    if way:
        yield _link(case, next((e for e in way if _breaks(e)), way[-1]), case.name(case.tensor))
    else:
        yield from _left(case, run, event)


def _breaks(e: Event) -> bool:
    return e.kind == "leaf" or not e.flows


def _way(run: Run, start: Event, end: Event) -> list[Event]:
    """What happened on the way from one event to another, by Tensors; nothing if there is no way."""
    came_from: dict[int, int] = {start.number: -1}
    for e in run.events:
        if e.kind in ("operation", "leaf") and e.number not in came_from:
            source = next((i for i in e.inputs if i in came_from), None)
            if source is not None:
                came_from[e.number] = source
    if end.number not in came_from:
        return []
    way = [end.number]
    while came_from[way[-1]] != -1:
        way.append(came_from[way[-1]])
    return [found for number in reversed(way[:-1]) if (found := run.at(number)) is not None]


def _link(case: Case, e: Event, of: str = "") -> Cause:
    """What is wrong with the event that cuts a chain."""
    line, what = e.place, case.called(e)
    source = next((x for x in (case.run.inputs_of(e) if case.run else ()) if x is not None), None)
    given = case.called(source) if source else of or "a Tensor"
    if e.what == "grad":
        return Cause("create_graph", f"{what} is a gradient, and was computed without being recorded.",
                     cure="Call the first backward(create_graph=True), or use tg.grad, which can be "
                          "nested.", line=_first_pass(case.run, e))
    if e.kind == "leaf":
        how = "detach()" if e.what == "detach" else "tg.Tensor(...)"
        return Cause("detach" if e.what == "detach" else "copy",
                     f"{how} made a copy of {given} without history: no gradient goes back through it.",
                     cure=f"Compute with {given} itself.", line=line)
    whole = e.tensor is None or e.tensor.dtype.kind != "f"
    if e.what == "astype" and whole:
        return Cause("integer", f"{given} became integers by astype: only floats have gradients.",
                     cure="Stay with floats, astype(np.float32).", line=line)
    if not e.recorded:
        made = f"{what} was computed by {e.what}" if e.name else f"{e.what} was computed"
        return Cause("no_grad", f"{made} under tg.no_grad(), which records nothing.",
                     cure="Move it out of the no_grad block.", line=line)
    if e.op is None or not e.op.differentiable:
        return Cause("comparison", f"{e.what} gives {_kind_of(e.what)}, and has no derivative: a "
                     f"little more of {given} changes nothing.", line=line,
                     cure="Use something smooth instead: a sigmoid for a step, the values themselves "
                          "for a comparison, softmax for argmax.")
    return Cause("no rule", f"{given} only chooses in {e.what}: no gradient flows to that argument.",
                 cure="Compute with its values, as in a product.", line=line)


def _kind_of(operation: str) -> str:
    comparisons = ("greater", "less", "equal", "not_equal", "greater_equal", "less_equal")
    return "True or False" if operation in comparisons else "a result that moves in steps"


def _left(case: Case, run: Run, start: Event) -> Iterator[Cause]:
    """No way by Tensors: values were taken out, or it was not used."""
    name = case.name(case.tensor)
    reached, users = {start.number}, []
    for e in run.events:
        if e.kind in ("operation", "leaf") and any(i in reached for i in e.inputs):
            reached.add(e.number)
            users.append(e)
    end = event_of(case.root) if case.root is not None else None
    last = end.number if end else len(run.events)
    reads = [e for e in run.of("read")
             if e.inputs[0] in reached and e.number < last and not e.within]
    for e in reads[-1:]:
        plain = "a NumPy array" if e.what in ("numpy()", "data", "tolist()") else "a Python number"
        found = run.at(e.inputs[0])
        yield Cause("number" if "number" in plain else "array",
                    f"{e.what} made {plain} of {case.called(found) if found else name}: from there on "
                    "nothing is recorded.", line=e.place,
                    cure=f"Leave out .{e.what}: NumPy's functions take Tensors, too, as np.exp(t)."
                    if "array" in plain else
                    "Compute with the Tensor: np.exp(t) for math.exp(t), t * 2 for t.item() * 2.")
    if reads:
        return
    if users:
        used = users[-1]
        yield Cause("unused", f"{name} was used last in {used.what}, the result of which is not in "
                    f"{case.loss}.", line=used.place,
                    cure="Is it another variable that was meant, or a result that is not returned?")
        return
    yield _unused(case)


def _unused(case: Case) -> Cause:
    name, loss = case.name(case.tensor), case.loss
    return Cause("unused", f"{name} was not used in {loss}.",
                 cure=f"Compute {loss} with it; of a model, look whether forward() calls the layer.")


def _namesake(case: Case) -> Cause | None:
    """Another leaf that is called the same: the variable was given a new Tensor."""
    name = case.name(case.tensor)
    assert case.root is not None
    called = {name, f"{name}_2"}
    twins = (t for t in walk([case.root]) if t is not case.tensor and t.op is None and t.requires_grad
             and t.shape == case.tensor.shape and (t.name == name or case.name(t) in called))
    other = next(twins, None)
    if other is None or name == "this Tensor":
        return None
    return Cause("replaced", f"The loss was computed with another Tensor that is called {name}, too: "
                 "this one was replaced, as by w = w - lr * w.grad or w = tg.Tensor(...).",
                 cure="Change it in place, under no_grad: w -= lr * w.grad; or give the new one to the "
                      "optimizer.", line=case.line(other))


def _by_values(case: Case) -> Iterator[Cause]:
    """Without a watch: whether the values are in the graph as a constant."""
    name, values = case.name(case.tensor), Node(case.tensor).value
    assert case.root is not None
    graph = list(walk([case.root]))
    held = [Node(t).value for t in graph if not t.requires_grad]
    held += [np.asarray(x) for t in graph for x in t.inputs if not isinstance(x, Tensor)]
    if any(x.shape == values.shape and np.array_equal(x, values) for x in held):
        yield Cause("copy", f"The values of {name} are in the loss, but as a copy without history.",
                    cure="Leave out .detach(), .numpy() or Tensor(...), and compute with "
                         f"{name} itself.{case.cut_off}")
        return
    unused = _unused(case)
    yield unused._replace(says=f"{unused.says[:-1]}, or the chain to it is cut: by no_grad(), "
                          ".detach(), .numpy(), .item() or a comparison.",
                          cure=f"{unused.cure}{case.cut_off}")


def _nothing_recorded(case: Case) -> Iterator[Cause]:
    """A loss that requires no gradient: every place where a chain was cut on the way to it."""
    run, end = case.run, event_of(case.tensor)
    if run is None or end is None or end.run is not run:
        yield Cause("nothing recorded", "No Tensor that it was computed from requires a gradient, or "
                    "it was computed under no_grad().", cure="Make one with requires_grad=True. "
                    "Run it under tg.study.watch() to be told where a chain is cut.")
        return
    pending, seen = [end], {end.number}
    cuts: dict[Any, Cause] = {}  # of layers behind one another under no_grad the last will do
    while pending:
        e = pending.pop()
        sources = [x for x in run.inputs_of(e) if x is not None]
        if any(x.flows for x in sources) and _breaks(e):
            cause = _link(case, e)
            cuts.setdefault((cause.kind, cause.line or e.number), cause)
        pending += [x for x in sources if x.number not in seen]
        seen.update(x.number for x in sources)
    yield from cuts.values()
    first = min(seen)
    reads = [e for e in run.of("read") if not e.within and (x := run.at(e.inputs[0])) and x.flows
             and e.number < end.number]
    if not cuts and reads:
        e = reads[-1]
        source = run.at(e.inputs[0])
        name = case.called(source) if source else "a Tensor"
        yield Cause("array", f"{e.what} took the values of {name} out: from there on nothing is "
                    "recorded.", line=e.place,
                    cure="Compute with the Tensor itself.")
    elif not cuts:
        made = run.at(first)
        yield Cause("requires_grad", "None of the Tensors that it was computed from was made with "
                    "requires_grad=True.", line=made.place if made else "",
                    cure="Write tg.Tensor(values, requires_grad=True) for what is to be learned.")


def _first_pass(run: Run | None, e: Event) -> str:
    """Where the pass was that made a gradient."""
    passes = [p for p in (run.of("backward") if run else ()) if p.number < e.number]
    return passes[-1].place if passes else ""
