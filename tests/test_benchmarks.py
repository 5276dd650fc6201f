"""The benchmarks run, every library computes the same losses, and the tables are tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tests.benchmarks import measure, memory, report, workloads
from tests.benchmarks.__main__ import main
from tests.benchmarks.peers import PEERS


@pytest.mark.filterwarnings("default")  # what other libraries warn of is theirs
@pytest.mark.parametrize("name", workloads.WORKLOADS)
def test_every_available_library_computes_the_same_losses(name: str) -> None:
    peers, _ = measure.available(PEERS)
    losses = measure.check_agreement(measure.steps_of(peers, workloads.WORKLOADS[name](quick=True)))
    assert abs(losses[-1] / losses[0] - 1) > 1e-3  # the gradients matter for the comparison


def test_a_library_with_another_loss_is_refused() -> None:
    with pytest.raises(AssertionError, match="wrong computes"):
        measure.check_agreement({"right": lambda: 1.0, "wrong": lambda: 1.001})


def test_a_missing_library_is_skipped_and_said() -> None:
    class Missing:
        label = "nowhere"

        def __init__(self) -> None:
            raise ImportError("No module named 'nowhere'")

    assert measure.available([Missing]) == ([], ["nowhere: skipped, No module named 'nowhere'"])


def test_tables_have_one_cell_per_column() -> None:
    medians = {"line": {"a": 1e-5, "b": 2e-5}, "deep": {"a": 0.25, "c": 0.5}}
    table = report.race_table(medians, {"line": "five points", "deep": "long"}, threads=1)
    assert table.rows == [["line: five points", "10.0 µs", "20.0 µs (2.00x)", "-"],
                          ["deep: long", "250 ms", "-", "500 ms (2.00x)"]]
    assert table.markdown().splitlines()[3] == "| --- | ---: | ---: | ---: |"
    assert "20.0 µs (2.00x)" in table.plain()


@pytest.mark.filterwarnings("default")
def test_the_command_prints_a_table_and_writes_json(tmp_path, capsys) -> None:
    file = tmp_path / "figures.json"
    assert main(["line", "overhead", "--quick", "--markdown", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "| workload | tinygrad_gd |" in printed and "Measured on" in printed
    assert json.loads(file.read_text())["seconds"]["line"]["tinygrad_gd"] > 0


def test_the_memory_of_a_process_is_its_own() -> None:
    held = np.ones(400 << 17)  # this process has 400 MB, of which its child has nothing
    header, rows = memory.peaks(["line"], [PEERS[0]()], quick=True)
    assert header == ["workload", "tinygrad_gd"] and held.nbytes == 400 << 20
    assert 20 < int(rows[0][1].removesuffix(" MB")) < 400


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no such call")
def test_no_library_gets_more_processors_than_it_says() -> None:
    code = ("import os; from tests.benchmarks.__main__ import limit_threads; limit_threads(1); "
            "print(len(os.sched_getaffinity(0)), os.environ['NPROC'], os.environ['OMP_NUM_THREADS'])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["1", "1", "1"]


def test_a_race_compares_within_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the clock changes between two speeds: B takes twice as long as A, but for one round."""
    times = {"A": iter([1.0, 3.0, 1.0, 3.0, 3.0]), "B": iter([2.0, 6.0, 2.0, 2.0, 6.0])}
    steps: dict[str, Any] = {name: (lambda name=name: name) for name in times}
    warm = iter("AB")
    monkeypatch.setattr(measure, "seconds_of",
                        lambda step, repeats: 1.0 if next(warm, None) else next(times[step()]))
    assert measure.race(steps, rounds=5) == {"A": 3.0, "B": 6.0}
