"""How long the instructions of a program take, run one by one."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from ..errors import CaptureError
from ..ground.modes import no_grad
from ..ground.rng import generator
from .ir import Array, Input, Instruction, Number, Program, Value

#: So often a program runs; what counts is the median, as the first runs are slow, and some others.
RUNS = 7


def times(program: Program, runs: int = RUNS) -> dict[Instruction, float]:
    """Seconds that each instruction takes: the median of several runs of the whole program.

    Each makes a new array, as in a step that is not compiled. A replay shares buffers, joins calls and
    computes some of them once, and so takes less in all: the times say where it goes.

    States and numbers are what they are now, arguments what they were in the call that was recorded. In
    the place of arrays that are gone, or have another shape now, come ones, and of integers zeros.
    Nothing outside changes: what is written in place is a new array here, and draws are taken back.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w = tg.Tensor(np.eye(3)); step = tg.compile(lambda x: (x @ w).sum())
    >>> for _ in range(2): total = step(np.eye(3))
    >>> [i.primitive.name for i in times(step.program)]
    ['matmul', 'sum']
    """
    given = {value: _now(i) for value, i in program.given.items()}
    last = {value: i for i in program.instructions for value in i.values}
    taken: dict[Instruction, list[float]] = {i: [] for i in program.instructions}
    bits = generator().bit_generator if any(i.primitive.kind == "draw" for i in taken) else None
    state: Any = bits.state if bits is not None else None
    with no_grad(), np.errstate(all="ignore"):
        for _ in range(runs):
            try:
                _run(program, dict(given), last, taken)
            finally:
                if bits is not None:
                    bits.state = state
    return {i: float(np.median(seconds)) for i, seconds in taken.items()}


def _run(program: Program, values: dict[Value, Any], last: dict[Value, Instruction],
         taken: dict[Instruction, list[float]]) -> None:
    """Run all instructions once, holding no array longer than it is needed."""
    for i in program.instructions:
        inputs = [values[x] if isinstance(x, Value) else x for x in i.inputs]
        run, params = i.primitive.run, i.params
        start = perf_counter()
        try:
            made = run(*inputs, **params)
        except Exception as error:
            raise CaptureError(f"{program.name}: {i!r} fails with what its parameters are now; call it "
                               "once more") from error
        taken[i].append(perf_counter() - start)
        values[i.output] = made
        for value in i.values:
            if last[value] is i:
                values.pop(value, None)


def _now(given: Input) -> Any:
    """The array or number that an input is at present."""
    if isinstance(given, Number):
        held = {name: container[key] for name, (container, key) in given.origins.items()}
        return eval(given.text, {"float": float}, held)
    if isinstance(given, Array):
        array: Any = given.array
    else:
        array = given.tensor._value
    form = given.value
    if (array.shape, array.dtype) == (form.shape, form.dtype):
        return array
    made = np.full(form.shape, 1 if form.dtype.kind in "fc" else 0, form.dtype)
    return made[()] if form.scalar else made
