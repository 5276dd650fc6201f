"""What the page shows, as JSON: nodes, edges, and the steps forward, backward and of an update."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from typing import Any

import numpy as np

from ...engine.graph import Node, leaves_of, walk
from ...engine.tensor import Tensor
from ...pictures.figures import FEW, gradient_summary, value_summary
from ...pictures.words import word_of
from ..explaining import Explanation, Sent
from ..naming import Names
from .javascript import NotWritten, Script, script_of
from .picture import Picture, as_drawn

Array = np.ndarray[Any, Any]
SCHEMA = 1
#: Of an array so many rows and columns are coloured; fewer in graphs of many nodes.
SIDE, SIDE_OF_MANY, MANY = 16, 8, 30


def data_of(
    root: Tensor, picture: Picture, names: Names, lr: float
) -> tuple[dict[str, Any], Script | None]:
    """The data of a page, and its program if it has one."""
    explained = Explanation(root, "", False, names)
    totals = {step.name: step.total for step in explained.backward}
    totals[names(root)] = np.asarray(explained.seed)
    ids = {names(t): i for t, i in picture.ids.items()}
    script, reason = _script(root)
    learned = [picture.ids[t] for t in leaves_of(root)]
    return {
        "schema": SCHEMA, "name": names(root), "root": picture.ids[root], "lr": lr,
        "nodes": _nodes(root, picture, names, totals, Counter(s.name for s in explained.backward)),
        "edges": picture.edges, "steps": _steps(explained, ids, [names(t) for t in leaves_of(root)]),
        "program": _program(script, picture, learned), "why_not": reason}, script


def _script(root: Tensor) -> tuple[Script | None, str]:
    try:
        return script_of(root), ""
    except NotWritten as reason:
        return None, str(reason)


def _program(script: Script | None, picture: Picture, learned: list[str]) -> dict[str, Any] | None:
    if script is None:
        return None
    return {"leaves": [picture.ids[t] for t in script.leaves],
            "start": [_flat(Node(t).value) for t in script.leaves],
            "nodes": [picture.ids[t] for t in script.nodes], "learned": learned,
            "grads": [picture.ids[t] for t in script.grads]}


def _flat(values: Array) -> Any:
    return values.ravel().tolist() if values.shape else float(values)


def _nodes(root: Tensor, picture: Picture, names: Names, totals: dict[str, Array], uses: Counter[str]
           ) -> list[dict[str, Any]]:
    held: dict[str, Any] = {i: t for t, i in picture.ids.items()}
    arrays = {id(x): x for t in walk([root]) for x in t.inputs if isinstance(x, np.ndarray)}
    held |= {i: arrays[key] for key, i in picture.arrays.items()}
    side = SIDE if len(held) <= MANY else SIDE_OF_MANY
    return [_node(i, held[i], picture, names, totals, uses, side) for i in picture.kinds]


def _node(i: str, x: Any, picture: Picture, names: Names, totals: dict[str, Array], uses: Counter[str],
          side: int) -> dict[str, Any]:
    title = names(x)
    tensor = x if isinstance(x, Tensor) else None
    value = np.asarray(x if tensor is None else Node(tensor).value)
    op: Any = tensor.op if tensor is not None else None
    given = () if tensor is None else tensor.inputs
    inputs = [picture.ids[a] if isinstance(a, Tensor) else picture.arrays[id(a)]
              for a in given if isinstance(a, Tensor | np.ndarray)]
    found: dict[str, Any] = {
        "id": i, "kind": picture.kinds[i], "title": title, "spots": picture.spots[i],
        "op": word_of(op) if op else "", "formula": f"{title} = {names.call(x)}" if op else "",
        "shape": list(value.shape),
        "value": as_drawn(value_summary(value, picture.kinds[i] == "act")), "uses": uses[title],
        "inputs": list(dict.fromkeys(inputs))}
    for key, array in (("heat", value), ("slope", totals.get(title))):
        if array is not None and array.size > 1 and array.dtype.kind in "fiub":
            found[key] = _heat(np.asarray(array, float), side)
    return found


def _heat(array: Array, side: int) -> dict[str, Any]:
    """Signs and sizes beside the largest, in one byte each; a vector is a row."""
    matrix = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    shown = matrix[:side, : side if array.ndim > 1 else 4 * side]
    finite = np.isfinite(shown)
    most = float(np.abs(shown[finite]).max(initial=0.0)) or float(not finite.all())
    sides = "the first {} x {} of {} x {}, ".format(*shown.shape, *matrix.shape)
    cut = "" if shown.shape == matrix.shape else sides
    lost = "" if finite.all() else "infinite ones in full colour, no colour for NaN, "
    data = np.rint(np.nan_to_num(shown / (most or 1.0), posinf=1, neginf=-1) * 127).astype(np.int8)
    return {"rows": shown.shape[0], "columns": shown.shape[1], "most": float(f"{most:.5g}"),
            "cut": cut + lost, "data": b64encode(data.tobytes()).decode()}


def _steps(explained: Explanation, ids: dict[str, str], learned: list[str]) -> list[dict[str, Any]]:
    """Each value, the seed, each contribution, and what gradient descent would do then."""
    name = explained.name
    steps: list[dict[str, Any]] = [
        {"phase": "forward", "node": ids[m.name], "text": f"{m.name} = {m.formula}",
         **({"notes": [m.place]} if m.place else {})} for m in explained.forward]
    told = f"every pass starts with 1; d_x is short for d {name} / d x, how fast {name} grows with x"
    steps.append({"phase": "seed", "node": ids[name], "text": f"d_{name} = 1",
                  "total": _said(explained.seed), "notes": [told]})
    steps += [_sent(s, ids) for s in explained.backward]
    steps += [{"phase": "update", "node": ids[x], "text": f"{x} -= lr * d_{x}",
               "notes": ["downhill: against the gradient"]} for x in learned]
    return steps


def _sent(s: Sent, ids: dict[str, str]) -> dict[str, Any]:
    counted = {"received": s.received, "uses": s.uses} if s.uses > 1 else {}
    noted = {"notes": list(s.notes)} if s.notes else {}
    return {"phase": "backward", "from": ids[s.source], "node": ids[s.name],
            "text": f"d_{s.name} {'+=' if s.received > 1 else '='} {s.formula}",
            **({"sent": _said(s.value)} if s.uses > 1 else {}), **_total(s.total), **counted, **noted}


def _said(gradient: Array) -> str:
    """A gradient in words: few numbers as they are, of many the norm."""
    if gradient.size <= FEW:
        return value_summary(gradient)
    return f"{'norm ' if np.isfinite(gradient).all() else ''}{gradient_summary(gradient)}"


def _total(gradient: Array) -> dict[str, str]:
    """What has arrived: in words, and as the picture has it where that is something else."""
    few = 1 < gradient.size <= FEW
    return {"total": _said(gradient), **({"norm": gradient_summary(gradient)} if few else {})}
