"""What happens to threads, locks and random numbers in forked processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no processes")

START = """
import os, signal, sys, threading, time
import numpy as np
import tinygrad_gd as tg
from tinygrad_gd.ground.threads import taking_turns

def in_child(work):
    sys.stdout.flush()
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0, "the child failed, or hung until it was stopped"
    else:
        signal.alarm(20)
        try:
            print(work(), flush=True)
            os._exit(0)
        finally:
            os._exit(1)
"""


def run(code: str) -> list[str]:
    """What a program prints, line by line; it forks, which a process with threads had better not."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", START + code], capture_output=True, text=True,
                          cwd=ROOT)
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


DRAWS = """
held = tg.generator()
def numbers():
    loader = tg.DataLoader(np.arange(6.0), batch_size=6, shuffle=True)
    return [tg.nn.Linear(1, 1).weight.item(), *next(iter(loader))[0].tolist(), held.random()]
"""


def test_forked_processes_draw_numbers_of_their_own_and_repeat_them() -> None:
    once = f"""
{DRAWS}
def nested():
    in_child(numbers)
    return numbers()
tg.manual_seed(1)
for _ in range(3): in_child(numbers)
in_child(nested)
tg.normal()
for _ in range(2): in_child(numbers)
print(numbers())
"""
    lines = run(once)
    assert len(lines) == 8 == len(set(lines))
    assert run(once) == lines
    again = run(f"{DRAWS}\ntg.manual_seed(1); in_child(numbers)\ntg.manual_seed(1); in_child(numbers)\n"
                "tg.manual_seed(2); in_child(numbers)\n")
    assert again[0] == again[1] == lines[0] != again[2]


def test_a_parent_draws_on_as_if_it_had_not_forked_and_a_child_may_be_seeded() -> None:
    lines = run(f"""
{DRAWS}
def seeded():
    tg.manual_seed(5)
    return numbers()
tg.manual_seed(5); print(numbers()); after = held.random()
tg.manual_seed(5); in_child(numbers); in_child(seeded); print(numbers()); assert after == held.random()
""")
    own, first, seeded, again = lines
    assert own == again == seeded != first


def test_processes_forked_before_any_draw_are_not_seeded_at_import() -> None:
    lines = run("""
assert "numpy.random" not in sys.modules
for _ in range(2): in_child(lambda: tg.normal().item())
assert "numpy.random" not in sys.modules
""")
    assert len(set(lines)) == 2


@pytest.mark.parametrize(("lock", "work"), [
    ("taking_turns", "lambda: tg.Tensor(1.0, requires_grad=True).backward()"),
    ("tg.generator().bit_generator.lock", "lambda: tg.normal().shape"),
])
def test_a_lock_that_another_thread_holds_is_open_in_a_forked_process(lock: str, work: str) -> None:
    assert run(f"""
lock, held = {lock}, threading.Event()
def hold():
    with lock:
        held.set()
        time.sleep(0.2)
thread = threading.Thread(target=hold); thread.start(); held.wait()
in_child({work})
thread.join()
with lock: print("open")
""")[-1] == "open"
