"""Passes: each takes a `Program` and returns one with the same results, bit for bit.

A pass never reorders arithmetic and never replaces an operation by another whose last bit could
differ. Draws of random numbers and checks are effects: they stay, once each and in order.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..ops.shape import reshape
from .factors import Factors
from .fused import sum_together, update_together
from .ir import EFFECTS, EXACT, REDUCTIONS, Instruction, Program, State, Value, identity
from .tidy import drop_neutral
from .turned import drop_turns, turn_products

#: Bytes from which on an array is worth another order of instructions.
LARGE_BYTES = 1 << 18

Pass = Callable[[Program], Program]


def drop_dead_code(program: Program) -> Program:
    """Leave out what no result depends on, and inputs that are not used then."""
    needed = set(program.results)
    kept: list[Instruction] = []
    for i in reversed(program.instructions):
        if i.output in needed or i.has_effect:
            kept.append(i)
            needed.update(i.values)
    written = {id(state) for state, _ in program.writes}
    inputs = tuple(i for i in program.inputs if i.value in needed or id(i) in written)
    return program.with_(instructions=tuple(reversed(kept)), inputs=inputs)


def fold_constants(program: Program, stay: Container[str] = ()) -> Program:
    """Compute now what depends on constants only, except by the primitives that ``stay``."""
    table: dict[Value, Any] = {}
    results = set(program.results)
    for i in program.instructions:
        i = i.rewired(table)
        if not (i.has_effect or i.output in results or i.primitive.name in stay or any(i.values)):
            result = i.primitive.run(*i.inputs, **i.params)
            own = np.array(result) if np.ndim(result) else result
            # BLAS takes views another way than their copies
            shows = any(np.may_share_memory(result, x) for x in i.inputs if isinstance(x, np.ndarray))
            table[i.output] = own if i.output.has_form_of(own) and not shows else result
    return program.replaced(table)


def numbers_for_full_arrays(program: Program) -> Program:
    """Let a number stand for a constant array full of it, beside an array of the result's form."""
    def number(i: Instruction, x: Any) -> Any:
        full = isinstance(x, np.ndarray) and x.size and x.tobytes() == x.flat[0].tobytes() * x.size
        return x.flat[0] if full and _broadcasts(i, x, {}) else x

    return program.with_(instructions=tuple(
        replace(i, inputs=tuple(number(i, x) for x in i.inputs)) if i.primitive.function in EXACT else i
        for i in program.instructions))


def merge_common(program: Program) -> Program:
    """Compute once what is computed twice from the same inputs (common sub-expressions)."""
    known: dict[Any, Value] = {}
    factors = Factors(program)
    for i in program.instructions:
        out, inputs = i.output, i.rewired(factors.table).inputs
        key = i.primitive, tuple(map(identity, inputs)), repr(i.params), out.dtype, out.axes
        if not i.has_effect and out not in program.owned:
            factors.put(known.setdefault(key, out), out)
    return program.replaced(factors.table)


def share_reductions(program: Program) -> Program:
    """Reduce once what is reduced twice, with ``keepdims`` and without; the other is a view of it."""
    known: dict[Any, Value] = {}
    kept, factors = [], Factors(program)
    for i in program.instructions:
        plain = not i.output.scalar and i.output.long_axes == sorted(i.output.long_axes)
        if "keepdims" in i.params and plain and i.output not in program.owned:
            options = {k: v for k, v in i.params.items() if k != "keepdims"}
            key = i.primitive, tuple(map(identity, i.inputs)), repr(options), i.output.dtype
            first = known.setdefault(key, i.output)
            if first is not i.output and factors.become_one(i.output, first):
                i = replace(i, primitive=reshape, inputs=(first,), params={"shape": i.output.shape})
        kept.append(i)
    return program.with_(instructions=tuple(kept))


def drop_broadcasts(program: Program) -> Program:
    """Let elementwise operations broadcast by themselves what was broadcast just for them."""
    results = set(program.results)
    table: dict[Value, Any] = {}
    for i in program.instructions:
        users = program.users[i.output]
        if (i.primitive.name == "broadcast_to" and users and i.output not in results
                and all(_broadcasts(user, i.output, table) for user in users)):
            table[i.output] = i.inputs[0]
    return program.replaced(table)


def _broadcasts(user: Instruction, value: Any, dropped: Mapping[Value, Any]) -> bool:
    """Whether another input, not ``dropped`` itself, gives ``user`` its shape and memory order."""
    others = [x for x in user.inputs if isinstance(x, Value) and x is not value and x not in dropped]
    return user.primitive.elementwise and any(
        x.shape == user.output.shape and x.axes == user.output.axes for x in others)


def drop_copies(program: Program) -> Program:
    """Leave out copies of arrays that were made for them alone."""
    results, factors = set(program.results), Factors(program)
    fresh = {i.output for i in program.instructions if i.target is None and (
        isinstance(i.primitive.function, np.ufunc) or i.primitive.name in REDUCTIONS)}
    for i in program.instructions:
        free = i.primitive.name == "copy" and i.target is None and i.output not in results
        for x in i.values if free else ():
            if x in fresh and program.uses[x] == 1 and x.form == i.output.form:
                factors.put(x, i.output)
    return program.replaced(factors.table)


def hoist(program: Program) -> Program:
    """Move to the phase ``once`` what depends only on data that the program does not change."""
    fixed = {i.value for i in program.inputs if isinstance(i, State) and not i.changes}
    kept = []
    for i in program.instructions:
        stays = i.target or i.output in program.owned or i.primitive.kind in ("draw", "guard")
        if not stays and all(v in fixed for v in i.values):
            fixed.add(i.output)
            i = replace(i, phase="once")
        kept.append(i)
    return program.with_(instructions=tuple(kept))


def update_early(program: Program) -> Program:
    """Update large parameters once nobody needs their old values, so that gradients share memory.

    Not before what may raise: of a step that fails, nothing is done that comes after.
    """
    done: list[Instruction] = []
    for i in program.instructions:
        at = len(done)
        if i.phase == "update" and i.output.nbytes >= LARGE_BYTES and i.primitive.kind not in EFFECTS:
            old, inputs = _versions(i.target, done), set(i.values)
            while at and old.isdisjoint(program.results) and not (
                    (before := done[at - 1]).output in inputs or before.primitive.kind in EFFECTS
                    or before.may_raise or (i.target is not None and before.target is i.target)
                    or old.intersection(before.values)):
                at -= 1
        done.insert(at, i)
    return program.with_(instructions=tuple(done))


def _versions(state: Any, done: list[Instruction]) -> set[Value]:
    """The values that a state has had so far, and views of them: what the next write destroys."""
    found = {state.value} if state is not None else set()
    for i in done:
        if (i.target is not None and i.target is state) or (
                i.primitive.kind == "view" and found.intersection(i.values)):
            found.add(i.output)
    return found


#: In the order in which they are run.
PASSES: dict[str, Pass] = {run.__name__: run for run in (
    drop_broadcasts, fold_constants, numbers_for_full_arrays, drop_turns, drop_dead_code, drop_copies,
    drop_neutral, merge_common, share_reductions, turn_products, hoist, update_early, sum_together,
    update_together)}

#: What only readers gain from, and only a machine.
FOR_READERS = {"numbers_for_full_arrays", "drop_neutral"}
FOR_MACHINES = {"fold_constants", "share_reductions", "turn_products", "hoist", "update_early",
                "sum_together", "update_together"}


def optimized(program: Program, without: Container[str] = ()) -> Program:
    """The program after all passes for a machine except those named in ``without``."""
    for name, run in PASSES.items():
        if name not in FOR_READERS and name not in without:
            program = run(program)
    return program


def _read_in_order(program: Program) -> set[Value]:
    """Values where bits depend on where they lie; reshaping copies what lies apart by itself."""
    found: set[Value] = set()
    for i in reversed(program.instructions):
        follows = i.primitive.elementwise and i.target is None and i.output in found
        if follows or not (i.primitive.elementwise or i.primitive is reshape):
            found.update(i.values)
    return found


def readable(program: Program) -> Program:
    """The program as it is best read: as it was written, without what only a machine needs."""
    made, in_order = program.made, _read_in_order(program)
    checks = {i.output: i.inputs[0] for i in program.instructions
              if i.primitive.kind in ("check", "guard") or (
                  i.primitive.name == "copy" and i.phase == "backward" and i.output not in in_order
                  and any(x in made for x in i.values))}
    for copied, x in checks.items():
        if isinstance(x, Value) and x in made:
            x.stands_for(copied)
    # an old value that is returned must not be the argument that is updated
    program = program.with_(lent=not program.writes).replaced(checks)
    program = fold_constants(drop_broadcasts(program), stay=("scatter",))  # not one large array
    for name, run in PASSES.items():
        if name not in FOR_MACHINES:
            program = run(program)
    return program
