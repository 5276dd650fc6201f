"""The most memory that a whole process takes which trains, each library in one of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

#: Whose processes are compared; the first one's figures are the others' measure.
LABELS = ("tinygrad_gd", "compiled", "frozen", "PyTorch")

_CHILD = """
import resource, sys
from tests.benchmarks.__main__ import limit_threads
name, number, steps, quick = sys.argv[1], *map(int, sys.argv[2:])
limit_threads(1)
from tests.benchmarks import peers, workloads
peer, work = peers.PEERS[number](), workloads.WORKLOADS[name](bool(quick))
step = getattr(peer, work.build)(work)
for _ in range(steps):
    step()
try:  # getrusage goes on counting from what the parent had
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1))
"""


def peak(name: str, number: int, quick: bool = False) -> float:
    """Megabytes of resident memory at the fullest moment of a process."""
    child = subprocess.run([sys.executable, "-c", _CHILD, name, str(number), "5" if quick else "30",
                            str(int(quick))], capture_output=True, text=True, check=True)
    return int(child.stdout) / 1024


def peaks(names: list[str], peers: list[Any], quick: bool) -> tuple[list[str], list[list[str]]]:
    """A row for each workload: megabytes, and how many times the first library's."""
    from .peers import PEERS

    numbers = {p.label: PEERS.index(type(p)) for p in peers if p.label in LABELS}
    rows = []
    for name in names:
        taken = [peak(name, number, quick) for number in numbers.values()]
        rows.append([name, *(f"{mb:.0f} MB ({mb / taken[0]:.2f}x)" if n else f"{mb:.0f} MB"
                             for n, mb in enumerate(taken))])
    return ["workload", *numbers], rows
