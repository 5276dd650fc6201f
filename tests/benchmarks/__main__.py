"""``python -m tests.benchmarks [workload ...] [--threads 2] [--quick] [--markdown] [--json FILE]``."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from typing import Any

RACES = ("line", "moons", "digits", "mnist", "adam", "cnn", "vae", "lstm", "gpt", "wide", "scalars", "chain")
ENGINE = ("deep", "overhead", "memory")
#: Those that are large enough to say something about memory.
LARGE = ("digits", "mnist", "adam", "cnn", "lstm", "gpt", "wide")


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(
        "Time one training step (loss, gradients, update, loss read back) against other libraries, "
        "after checking that all compute the same losses. Workloads: " + ", ".join(RACES)
        + "; about the engine alone: " + ", ".join(ENGINE) + ". Default: all."))
    parser.add_argument("workload", nargs="*", default=[], help="which to run")
    parser.add_argument("--threads", type=int, default=1, help="processors and threads for every library")
    parser.add_argument("--rounds", type=int, default=15, help="interleaved rounds per workload")
    parser.add_argument("--quick", action="store_true", help="tiny and inexact: does it run?")
    parser.add_argument("--markdown", action="store_true", help="print tables for the README")
    parser.add_argument("--json", metavar="FILE", help="write the medians in seconds to FILE")
    options = parser.parse_args(argv)
    unknown = set(options.workload) - {*RACES, *ENGINE}
    if unknown:
        parser.error(f"unknown workload {', '.join(sorted(unknown))}; "
                     f"choose from {', '.join(RACES + ENGINE)}")
    options.workload = options.workload or [*RACES, *ENGINE]
    return options


def limit_threads(threads: int) -> None:
    """Give every library that many processors and threads; before they are imported.

    XLA has no option that holds everywhere: it takes as many threads as it may use processors, so
    the whole process is kept to so many, which keeps everybody to the same.
    """
    for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    os.environ["JAX_PLATFORMS"], os.environ["NPROC"] = "cpu", str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    if "numpy" not in sys.modules:
        limit_threads(options.threads)
    from . import engine, measure, memory, report, workloads
    from .peers import PEERS

    peers, notes = measure.available(PEERS)
    for peer in peers:
        if peer.label == "PyTorch":
            peer.torch.set_num_threads(options.threads)
    medians: dict[str, Any] = {}
    about: dict[str, str] = {}
    for name in [n for n in RACES if n in options.workload]:
        work = workloads.WORKLOADS[name](options.quick)
        steps = measure.steps_of(peers, work)
        measure.check_agreement(steps)
        pace = (2, 0.001) if options.quick else (options.rounds, 0.03)
        medians[name], about[name] = measure.race(steps, *pace), work.about
        print(f"{name}: {len(steps)} libraries, equal losses", file=sys.stderr)
    tables = [report.race_table(medians, about, options.threads)] if medians else []
    if "deep" in options.workload:
        tables.append(report.Table("A chain of scalar operations", *engine.deep(options.quick, peers)))
    if "overhead" in options.workload:
        tables.append(report.Table("One call, forward, recorded", *engine.overhead(options.quick)))
    if "memory" in options.workload:
        named = [n for n in LARGE if n in options.workload] or list(LARGE)
        tables.append(report.Table("The most memory of a process that trains, import included",
                                   *memory.peaks(named, peers, options.quick)))
    facts = report.environment(peers)
    for table in tables:
        print(table.markdown() if options.markdown else table.plain(), end="\n\n")
    print(report.environment_line(facts), *notes, sep="\n")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"environment": facts, "threads": options.threads, "seconds": medians,
                       "tables": [table._asdict() for table in tables]}, file, indent=1)
    return 0


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # not every terminal has a micro sign
    raise SystemExit(main())
