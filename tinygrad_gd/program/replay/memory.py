"""Memory: what the arrays of a program take, and what for."""

from __future__ import annotations

from typing import NamedTuple

from ..ir import State
from .statements import Statements


class Memory(NamedTuple):
    """Bytes of a program by purpose; printing it lists the buffers and whose values they hold.

    Attributes
    ----------
    states : parameters, momentum and data, which belong to the caller.
    constants : what was computed ahead from data that does not change.
    buffers : arrays that live as long as the program.
    temporaries : at most, of arrays that one call makes and gives up or hands out.
    uses : name, bytes and values of each buffer, in the order in which they hold them.
    """

    states: int
    constants: int
    buffers: int
    temporaries: int
    uses: tuple[tuple[str, int, tuple[str, ...]], ...]

    @property
    def peak(self) -> int:
        """All bytes at the fullest moment of a call."""
        return self.states + self.constants + self.buffers + self.temporaries

    def __str__(self) -> str:
        lines = [f"{kind:<12}{getattr(self, kind):>12,} bytes" for kind in (
            "states", "constants", "buffers", "temporaries", "peak")]
        lines += [f"  {name:<10}{size:>12,} bytes  {', '.join(v)}" for name, size, v in self.uses]
        return "\n".join(lines)


def memory_of(text: Statements) -> Memory:
    """The bytes of a replay."""
    plan, buffers = text.plan, text.buffers
    names: dict[int, list[str]] = {}
    for value, number in plan.buffers.items():
        names.setdefault(number, []).append(value.name or plan.program.made[value].primitive.name)
    states = {id(given.tensor): given.value.nbytes for given in plan.program.inputs
              if isinstance(given, State)}
    once = sum(i.output.nbytes for i in plan.once if i.output not in plan.root)
    return Memory(
        sum(states.values()), once + sum(x.nbytes for x in text.full), sum(b.nbytes for b in buffers),
        plan.temporaries(),
        tuple((f"buffer{n}", b.nbytes, tuple(names[n])) for n, b in enumerate(buffers)))
