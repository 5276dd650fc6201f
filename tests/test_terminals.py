"""What is printed can be printed anywhere: in any encoding, into a pipe that closes, without colours."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HOUSE = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "tinygrad_gd"]
FOLDER = "zażółć-日本"  # which none of ASCII, cp932 and GBK has all letters of


def surroundings(**variables: str) -> dict[str, str]:
    """The environment, without what would change how Python prints."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "LC_", "LANG", "NO_COLOR", "FORCE_COLOR"))}
    return kept | {"PYTHONPATH": str(HOUSE)} | variables


def run(arguments: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(arguments, cwd=folder, env=surroundings(**variables), capture_output=True)


@pytest.mark.parametrize("variables", [
    {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp932"}, {"PYTHONIOENCODING": "gbk"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}], ids=lambda v: "".join(v.values()))
def test_the_demo_prints_in_any_encoding(variables: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    done = run([*COMMAND, "demo"], folder, **variables)
    assert done.returncode == 0 and done.stderr == b"", done.stderr.decode()
    (said,) = re.findall(rb"with values and gradients:\s+(.*)\n", done.stdout)
    assert said.endswith(b"fit_line.svg") and len(said) > len(FOLDER)
    rest = done.stdout.replace(said, b"").decode("ascii")
    assert re.search(r"One training step: \d+ microseconds eager, \d+ compiled \(", rest)


PRINTS = """
import numpy as np
import tinygrad_gd as tg
from tinygrad_gd.study import advise

w = tg.Tensor(np.ones(3), requires_grad=True, name="w")
optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)

@tg.compile
def step(x):
    loss = tg.nn.mse_loss(x @ w, np.ones(4))
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    return loss

@tg.compile(frozen=True)
def early(x):
    return x.sum().item()

for _ in range(3):
    step(np.ones((4, 3)))
loss = ((w * 2) ** 3).sum()
loss.backward()
for thing in (w, loss, loss.draw(), loss.draw(values=False), tg.source(loss), tg.latex(loss), optimizer,
              step, step.source, step.replay_source, step.program, step.memory(), tg.nn.Linear(3, 2), tg.add,
              advise(lambda: (w * w).sum(), [w]), loss.draw().render("svg").decode(), tg.__doc__):
    print(thing, repr(thing))
early(w), early(w)
w * np.ones((4, 1))
for wrong in (lambda: w @ np.ones(4), lambda: w.view(2), lambda: loss.backward(np.ones(2)), lambda: tg.exp(w, axs=1),
              lambda: tg.detect_anomaly().__enter__() and np.log(w - 1e9)):
    try:
        wrong()
    except Exception as error:
        print(type(error), error)
"""


def test_what_we_print_ourselves_has_only_letters_that_every_terminal_has(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(PRINTS)
    done = run([sys.executable, "user.py"], tmp_path, PYTHONIOENCODING="ascii:strict")
    assert done.returncode == 0, done.stderr.decode()
    said = done.stdout.decode("ascii") + done.stderr.decode("ascii")
    for part in ("nodes, ", "buffer0", "def gradient(", "CaptureWarning", "BroadcastWarning", "axis 0 of"):
        assert part in said, part


def test_the_benchmarks_print_their_table_in_ascii() -> None:
    done = run([sys.executable, "-m", "tests.benchmarks", "line", "--quick"], HOUSE, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr.decode()
    assert b"line: 5 points" in done.stdout and b"\\xb5s" in done.stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["demo", "--help", ""])
def test_a_reader_that_has_seen_enough_ends_it_quietly(arguments: str, unbuffered: str, tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([*COMMAND, *arguments.split()], stdout=theirs, stderr=subprocess.PIPE, cwd=tmp_path,
                          env=surroundings(PYTHONUNBUFFERED=unbuffered))
    os.close(theirs)
    assert done.stderr == b"", done.stderr.decode()
    assert done.returncode == 141 or (unbuffered and arguments != "demo")  # argparse writes in vain


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_it_runs_with_its_output_closed(tmp_path: Path) -> None:
    done = run(["sh", "-c", 'exec "$0" "$@" >&-', *COMMAND, "demo"], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "fit_line.svg").read_bytes().count(b'class="node') == 5


def on_a_terminal(arguments: list[str], folder: Path, **variables: str) -> bytes:
    """All that a command writes to a terminal."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shown: dict[str, Any] = {"stdout": theirs, "stderr": theirs}
    process = subprocess.Popen(arguments, cwd=folder, env=surroundings(TERM="xterm-256color", **variables), **shown)
    os.close(theirs)
    raw = b""
    with contextlib.suppress(OSError):  # at the end of its output
        while part := os.read(ours, 4096):
            raw += part
    os.close(ours)
    assert process.wait() == 0, raw.decode(errors="replace")
    return raw


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("encoding", ["ascii", "cp932", "gbk", "utf-8"])
def test_a_terminal_shows_the_bar_in_its_encoding_and_no_colour(encoding: str, tmp_path: Path) -> None:
    """The parts of the demo that a terminal changes: the bar; and the help, which new Pythons colour."""
    bar = "from tinygrad_gd.commands.demo import demo_digits; demo_digits(10)"
    for arguments, part in (([sys.executable, "-c", bar], "0/10 ["), ([*COMMAND, "--help"], "usage:")):
        raw = on_a_terminal(arguments, tmp_path, PYTHONIOENCODING=encoding, NO_COLOR="1")
        assert part in raw.decode(encoding)
        assert not re.search(rb"\x1b\[[\d;]*m", raw), raw
