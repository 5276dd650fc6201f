"""The tables: plain for the terminal, Markdown for the README, and what they were measured on."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from typing import Any, NamedTuple


class Table(NamedTuple):
    title: str
    header: list[str]
    rows: list[list[str]]

    def plain(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        lines = [self.title, ""]
        for row in (self.header, ["-" * w for w in widths], *self.rows):
            cells = [c.ljust(w) if i == 0 else c.rjust(w)
                     for i, (c, w) in enumerate(zip(row, widths, strict=True))]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        rows = [f"| {' | '.join(row)} |" for row in (self.header, rule, *self.rows)]
        return "\n".join([f"**{self.title}**", "", *rows])


def duration(seconds: float) -> str:
    """Three significant digits, in the unit that reads best.

    >>> duration(0.0001234)
    '123 µs'
    """
    value, unit = (seconds * 1e6, "µs") if seconds < 1e-3 else (seconds * 1e3, "ms")
    return f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f} {unit}"


def race_table(medians: dict[str, dict[str, float]], about: dict[str, str], threads: int) -> Table:
    """One row per workload: our time, then each library's time and how many times ours it is."""
    labels = list(dict.fromkeys(label for times in medians.values() for label in times))
    rows = []
    for name, times in medians.items():
        ours = next(iter(times.values()))
        cells = [f"{duration(t)} ({t / ours:.2f}x)" if t is not ours else duration(t)
                 for t in (times.get(label) for label in labels) if t is not None]
        missing = iter(cells)
        rows.append([f"{name}: {about[name]}",
                     *(next(missing) if label in times else "-" for label in labels)])
    title = (f"One training step, {threads} processor{'s' * (threads > 1)} for everyone; "
             f"in brackets: times the time of {labels[0]}")
    return Table(title, ["workload", *labels], rows)


def environment(peers: list[Any]) -> dict[str, str]:
    """Processor, system, date, and the versions of everything that took part."""
    return {
        "processor": _processor(), "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "Python": platform.python_version(),
        **{"NumPy" if p.label.startswith("NumPy") else p.label: p.version
           for p in peers if p.label not in ("compiled", "frozen")},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as info:
            names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or sys.platform


def environment_line(facts: dict[str, str]) -> str:
    """The same as one sentence under a table."""
    versions = ", ".join(f"{k} {v}" for k, v in list(facts.items())[4:])
    return (f"Measured on {facts['date']}: {facts['processor']}, {facts['cores']} cores, "
            f"{facts['system']}; {versions}.")
