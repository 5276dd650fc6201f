"""The tutorial's run, number by number, and the demo as a command."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.__main__ import main
from tinygrad_gd.commands.demo import X, Y, draw_line, fit_line, line_advice
from tinygrad_gd.pictures import render

HOUSE = Path(__file__).parents[1]


def by_hand(lr: float, epochs: int) -> list[tuple[float, float, float]]:
    """The same descent with gradients derived on paper."""
    w = b = 0.0
    rows = []
    for _ in range(epochs):
        error = w * X + b - Y
        w, b = w - lr * np.mean(2 * error * X), b - lr * np.mean(2 * error)
        rows.append((np.mean(error**2), w, b))
    return rows


def test_all_twenty_epochs_equal_the_hand_derived_gradients() -> None:
    np.testing.assert_allclose(list(fit_line(0.1, 20)), by_hand(0.1, 20), rtol=1e-12)


def test_the_advised_rate_converges() -> None:
    advice = line_advice()
    np.testing.assert_allclose(advice.eigenvalues, [0.3381, 23.6619], atol=5e-5)
    assert round(advice.limit, 4) == 0.0845
    *_, (_, weight, bias) = fit_line(advice.lr, 1000)
    np.testing.assert_allclose([weight, bias], [2, 1], rtol=1e-9)


def test_the_demo_goes_on_without_a_picture(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(render, "engines", lambda engine: iter(()))
    assert draw_line().startswith("not saved: no layout engine") and not list(tmp_path.iterdir())
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit_line.svg").mkdir()
    assert "not saved" in draw_line() and "fit_line.svg" in draw_line()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_the_bar_leaves_nothing_behind() -> None:
    import fcntl
    import pty
    import struct
    import termios

    code = "from tinygrad_gd.commands.demo import demo_digits; demo_digits(10)"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    run = subprocess.Popen([sys.executable, "-c", code], stdout=theirs)
    os.close(theirs)
    raw = b""
    with contextlib.suppress(OSError):  # at the end of its output
        while part := os.read(ours, 4096):
            raw += part
    assert run.wait() == 0 and b"0/10 [" in raw
    screen = [line.split("\r")[-1] for line in raw.decode().replace("\r\n", "\n").split("\n")]
    assert [line.split(":")[0] for line in screen if line] == [
        "4. Train a network (64-64-10) on 1,438 handwritten digits, test on 359 others", "Epoch 10", "Test accuracy",
        "One training step"]


def test_demo_prints_the_tutorial(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-m", "tinygrad_gd", "demo"], capture_output=True, cwd=tmp_path,
                         text=True, check=True, env={**os.environ, "PYTHONPATH": str(HOUSE)}, timeout=30)
    assert (tmp_path / "fit_line.svg").read_text().count('class="node') == 5 and "\r" not in run.stdout
    assert "Epoch 1: loss=57.0000, weight=5.0000, bias=1.4000\n" in run.stdout
    assert "Epoch 20: loss=8036431.8320, weight=-1083.0719, bias=-299.7717\n" in run.stdout
    assert "0.3381, 23.6619" in run.stdout and "2/23.6619 = 0.0845" in run.stdout
    assert all(len(line) <= 80 for line in run.stdout.replace(str(tmp_path), "").split("\n"))
    accuracy = re.search(r"Test accuracy: ([\d.]+)%", run.stdout)
    assert accuracy and float(accuracy[1]) >= 97
    (shown,) = re.findall(r"```text\n(.*?)```", (HOUSE / "README.md").read_text(), re.S)
    for part in re.split(r"^\.\.\.\n", shown, flags=re.M):
        assert without_measurements(part) in without_measurements(run.stdout)


def test_the_command_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"tinygrad_gd {tg.__version__}\n"


def test_the_command_alone_and_its_help_say_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    alone = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out == alone and "`" not in alone
    assert re.search(r"demo +fit a line, see it diverge", alone)


def without_measurements(text: str) -> str:
    return re.sub(r"[\d.]+% after [\d.]+ s", "N% after N s", text)
