"""The command line: what each verb says of a script that runs unchanged, and with which exit code."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import tinygrad_gd as tg
from tinygrad_gd.__main__ import main, parser
from tinygrad_gd.commands import VERBS

HOUSE = Path(__file__).parents[2]
TRAIN = """
import sys
import numpy as np, tinygrad_gd as tg
import beside
x = np.array([1., 2, 3, 4, 5]); y = 2 * x + 1
w, b = tg.Tensor(0.0, requires_grad=True), tg.Tensor(0.0, requires_grad=True)
optimizer = tg.optim.SGD([w, b], lr=0.05)
losses = []
for epoch in range(3):
    error = w * x + b - y
    loss = (error ** 2).mean()
    losses.append(loss)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    print("epoch", epoch, round(loss.item(), 4), __name__, __file__, *sys.argv)
"""
INSIDE = """
import numpy as np, tinygrad_gd as tg
def main():
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    cost = (w * w).sum()
    cost.backward()
if __name__ == "__main__":
    main()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "inside.py").write_text(INSIDE)
    (tmp_path / "beside.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "beside", raising=False)
    return tmp_path


Said = pytest.CaptureFixture[str]


def said(capsys: Said, code: int, *arguments: str) -> tuple[str, str]:
    assert main(list(arguments)) == code, capsys.readouterr()
    out, err = capsys.readouterr()
    return " ".join(out.split()), " ".join(err.split())


# -- the script --------------------------------------------------------------------------------------


def test_a_script_stops_after_its_first_pass_before_anything_moves(folder: Path, capsys: Said) -> None:
    out, err = said(capsys, 0, "draw", "train.py")
    assert "epoch" not in out and not err
    assert "w parameter 0.0000 grad -50.0000" in out and "57.0000 grad 1.0000" in out
    out, _ = said(capsys, 0, "draw", "train.py", "--pass", "2")
    assert "epoch 0 57.0 " in out and "epoch 1 " not in out.partition("x constant")[0] and "w parameter 2.5000 grad 9.2000" in out


def test_a_script_runs_as_python_runs_it(folder: Path, capsys: Said) -> None:
    before = sys.modules["__main__"], sys.argv, list(sys.path)
    out, _ = said(capsys, 0, "draw", "train.py", "--pass", "all", "-t", "w", "--", "--lr", "3", "-o")
    plain = subprocess.run([sys.executable, "train.py", "--lr", "3", "-o"], capture_output=True, text=True,
                           env={**os.environ, "PYTHONPATH": str(HOUSE)}, check=True).stdout
    assert " ".join(plain.replace(str(folder) + "/", "").split()) in out and plain.count("epoch") == 3
    assert (sys.modules["__main__"], sys.argv, sys.path) == before


def test_names_come_from_the_script_also_from_inside_functions(folder: Path, capsys: Said) -> None:
    assert "error w*x + b - y" in said(capsys, 0, "draw", "train.py", "-t", "error")[0]
    assert said(capsys, 0, "draw", "inside.py", "-t", "cost") == said(capsys, 0, "draw", "inside.py")
    out, _ = said(capsys, 0, "draw", "train.py", "--pass", "all", "-t", "losses[1]")
    assert "mean(error**2) scalar 1.9400" in out


def test_a_wrong_name_lists_the_tensors(folder: Path, capsys: Said) -> None:
    _, err = said(capsys, 2, "draw", "train.py", "-t", "lss")
    assert "Is 'loss' meant?" in err and "w scalar, a leaf that requires a gradient" in err
    assert "error (5,), made by subtract" in err
    _, err = said(capsys, 2, "draw", "inside.py", "-t", "loss")
    assert "cost scalar, made by sum" in err
    _, err = said(capsys, 2, "draw", "train.py", "-t", "x")
    assert "x is no Tensor but of type ndarray" in err
    (folder / "nothing.py").write_text("print('hello')")
    out, err = said(capsys, 2, "explain", "nothing.py")
    assert out == "hello" and "nothing called backward()" in err


def test_a_script_that_fails_is_told_and_answered(folder: Path, capsys: Said) -> None:
    (folder / "fails.py").write_text(INSIDE + "\nraise ValueError('too late')\n")
    out, err = said(capsys, 2, "draw", "fails.py", "--pass", "all")
    assert "ValueError: too late" in err and "fails.py" in err and "subject.py" not in err and "parameter" in out
    (folder / "ends.py").write_text(INSIDE + "\nraise SystemExit(0)\n")
    assert said(capsys, 0, "draw", "ends.py", "--pass", "all")[1] == ""
    (folder / "typo.py").write_text("x = (")
    assert "SyntaxError" in said(capsys, 2, "draw", "typo.py")[1]
    assert "none.py: No such file" in said(capsys, 2, "draw", "none.py")[1]


def test_what_makes_no_sense_is_told_with_what_does(folder: Path, capsys: Said) -> None:
    assert "name a script" in said(capsys, 2, "draw")[1]
    assert "name a script" in said(capsys, 2, "draw", "train.py", "-e", "w")[1]
    assert "belong to an expression" in said(capsys, 2, "draw", "train.py", "--set", "w=1")[1]
    for text in ("w", "w=", "1=2", "w=x", "w=[[1], [1, 2]]"):
        assert "expected NAME=VALUE" in said(capsys, 2, "draw", "-e", "w", "--set", text)[1]
    for count in ("0", "-1", "many"):
        with pytest.raises(SystemExit) as end:
            main(["draw", "train.py", "--pass", count])
        assert end.value.code == 2 and "expected a number from 1 on, or all, got" in capsys.readouterr().err


def test_what_a_pass_went_through_inside_a_function_has_its_name(folder: Path, capsys: Said) -> None:
    assert "w.grad is there." in said(capsys, 0, "why", "inside.py", "-t", "w")[0]
    (folder / "deep.py").write_text(
        "import numpy as np, tinygrad_gd as tg\n"
        "def main():\n"
        "    net = tg.nn.Sequential(tg.nn.Linear(2, 3))\n"
        "    hidden = net(np.ones((4, 2)))\n"
        "    cost = (hidden * hidden).mean()\n"
        "    cost.backward()\n"
        "main()\n")
    assert "hidden = " in said(capsys, 0, "explain", "deep.py", "-t", "hidden")[0]
    _, err = said(capsys, 2, "explain", "deep.py", "-t", "hiden")
    assert "Is 'hidden' meant?" in err and "0.weight (3, 2), a leaf" in err and "cost scalar" in err


def test_a_script_of_functions_is_asked_what_they_return(folder: Path, capsys: Said) -> None:
    (folder / "functions.py").write_text(
        "import numpy as np, tinygrad_gd as tg\n"
        "def make(n=2): return tg.Tensor(np.ones(n), requires_grad=True, name='w')\n"
        "def forward(): return (make() ** 2).sum()\n"
        "def of(loss): return loss\n")
    _, err = said(capsys, 2, "explain", "functions.py")
    assert "--tensor takes what a function returns, too: make(), forward()." in err and "--pass all" not in err
    assert "result = sum(t1)" in said(capsys, 0, "explain", "functions.py", "-t", "forward()")[0]
    (folder / "many.py").write_text("\n".join(f"def f{k}(): pass" for k in range(9)))
    assert "f5() and 3 more." in said(capsys, 2, "explain", "many.py")[1]


def test_a_pass_that_a_script_does_not_make_is_no_answer(folder: Path, capsys: Said) -> None:
    assert "--pass 4: the script made 3 backward passes" in said(capsys, 2, "explain", "train.py", "--pass", "4")[1]
    assert "--pass 2: the script made one backward pass" in said(capsys, 2, "draw", "inside.py", "--pass", "2")[1]
    (folder / "nothing.py").write_text("import tinygrad_gd as tg\nloss = tg.Tensor(1.0, requires_grad=True) * 2\n")
    assert "loss" in said(capsys, 0, "draw", "nothing.py")[0]
    assert "made no backward pass" in said(capsys, 2, "draw", "nothing.py", "--pass", "2")[1]


def test_what_is_told_of_a_mistake_fits_a_terminal(folder: Path, capsys: Said) -> None:
    for words in (["draw"], ["check", "train.py"], ["draw", "train.py", "-t", "lss"], ["draw", "train.py", "--check"],
                  ["draw", "train.py", "-o", "no/such.svg"], ["replay", "nothing.npz"]):
        assert main(words) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"tinygrad_gd {words[0]}: ") and max(map(len, err.splitlines())) <= 100, err
    assert "name it with -o" in said(capsys, 2, "draw", "train.py", "--check")[1]
    assert said(capsys, 2, "draw", "train.py", "-o", "no/such.svg")[1].endswith("no/such.svg: No such file or directory")


# -- expressions -------------------------------------------------------------------------------------


def test_expressions_know_the_functions_of_numpy(folder: Path, capsys: Said) -> None:
    out, _ = said(capsys, 0, "draw", "-e", "tanh(w * x + b)", "--set", "w=-3", "b=6.88", "--data", "x=2")
    assert "w parameter -3.0000 grad 1.0019" in out and "x constant 2.0000" in out
    out, _ = said(capsys, 0, "draw", "-e", "np.sum(np.square(w))", "--set", "w=[1, 2]")
    assert "sum(" in out and "w parameter [1 2] grad 4.4721" in out
    assert "q has no value" in said(capsys, 2, "draw", "-e", "q * 2")[1]
    assert "no tensor in it" in said(capsys, 2, "draw", "-e", "1 + 2")[1]
    assert "-e 'w *'" in said(capsys, 2, "draw", "-e", "w *")[1]
    assert "open has no value" in said(capsys, 2, "draw", "-e", "open('x')")[1]


# -- verbs -------------------------------------------------------------------------------------------


def test_draw_writes_pictures_and_says_whether_they_are_up_to_date(folder: Path, capsys: Said) -> None:
    picture = folder / "loss.svg"
    assert "loss.svg is not what" in said(capsys, 1, "draw", "train.py", "-o", "loss.svg", "--check")[1]
    assert not picture.exists()
    assert said(capsys, 0, "draw", "train.py", "-o", "loss.svg")[0] == "loss.svg"
    assert picture.read_bytes().startswith(b"<?xml")
    assert "up to date" in said(capsys, 0, "draw", "train.py", "-o", "loss.svg", "--check")[0]
    assert "not what" in said(capsys, 1, "draw", "train.py", "-o", "loss.svg", "--check", "--pass", "2")[1]


def test_draw_writes_a_page(folder: Path, capsys: Said) -> None:
    said(capsys, 0, "draw", "train.py", "-o", "loss.html")
    assert "Content-Security-Policy" in (folder / "loss.html").read_text()
    assert "up to date" in said(capsys, 0, "draw", "train.py", "-o", "loss.html", "--check")[0]


def test_explain_tells_the_pass(folder: Path, capsys: Said) -> None:
    out, _ = said(capsys, 0, "explain", "train.py")
    assert "at train.py:10" in out and "d_w = sum(d_t1 * x) -50" in out and "the gradient says -0.05000" in out
    out, _ = said(capsys, 0, "explain", "train.py", "--at", "b")
    assert "d_b = " in out and "d_w = " not in out
    assert "explain: " not in said(capsys, 2, "explain", "train.py", "--at", "c")[1].removeprefix("tinygrad_gd explain: ")


def test_source_is_a_text_that_was_run(folder: Path, capsys: Said) -> None:
    main(["source", "train.py"])
    text = capsys.readouterr().out
    space: dict[str, object] = {}
    exec(text, space)
    x = np.array([1.0, 2, 3, 4, 5])
    assert np.allclose(space["gradient"](0.0, 0.0, x, 2 * x + 1), [57.0, -50.0, -14.0])  # type: ignore[operator]
    assert "\\" in said(capsys, 0, "source", "train.py", "--latex")[0]


def test_advise_says_what_a_pair_does_at_any_time_of_a_run(folder: Path, capsys: Said) -> None:
    out, _ = said(capsys, 0, "advise", "train.py", "--lr", "0.1", "--momentum", "0.9")
    assert "0.3381, 23.6619" in out and "With lr = 0.1 and momentum = 0.9" in out
    assert "0.3381, 23.6619" in said(capsys, 0, "advise", "train.py", "--pass", "all")[0]
    assert "no lr leads to a minimum" in said(capsys, 0, "advise", "-e", "u**2 - v**2", "--set", "u=1", "v=1")[0]
    assert "lr must be >= 0" in said(capsys, 2, "advise", "train.py", "--lr", "-1")[1]


def test_replay_says_where_a_run_went_wrong(folder: Path, capsys: Said) -> None:
    for lr, code in ((0.1, 1), (0.04, 0)):
        w = tg.Tensor(0.0, requires_grad=True, name="w")
        optimizer = tg.optim.SGD([w], lr=lr)
        with tg.record("run.npz"):
            for _ in range(9):
                optimizer.zero_grad()
                ((w * 4.7 - 1) ** 2).backward()
                optimizer.step()
        out, _ = said(capsys, code, "replay", "run.npz")
        assert f"{'4.42' if code else '1.77'} at every step" in out
    assert "there is no file" in said(capsys, 2, "replay", "none.npz")[1]


def test_env_says_what_is_there_and_whether_a_picture_can_be_drawn(
        capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = said(capsys, 0, "env")
    assert f"numpy {np.__version__}" in out and "test picture drawn" in out and tg.__version__ in out
    monkeypatch.setattr(tg, "draw", lambda tensor: 1 / 0)
    assert "test picture failed: division by zero" in said(capsys, 1, "env")[0]


HAND = """
import numpy as np, tinygrad_gd as tg
x = np.array([1., 2, 3, 4, 5]); y = 2 * x + 1
w, b = (tg.Tensor(0.0, requires_grad=True) for _ in "wb")
error = w * x + b - y
loss = (error ** 2).mean()
d_error = 2 * error.numpy() / 5
dw = (d_error * x).sum()
b_grad = d_error.{}()
"""


def test_check_names_the_mistake_in_ones_own_gradients(folder: Path, capsys: Said) -> None:
    (folder / "hand.py").write_text(HAND.format("sum"))
    out, _ = said(capsys, 0, "check", "hand.py")
    assert out.count("right") == 4 and "3 gradients: 3 right" in out
    (folder / "hand.py").write_text(HAND.format("mean"))
    out, _ = said(capsys, 1, "check", "hand.py")
    assert "d_b () WRONG" in out and "1/5" in out and "d_w () right" in out
    assert "the script has no gradients of its own" in said(capsys, 2, "check", "inside.py")[1]


def test_why_names_the_line_that_cut_the_chain(folder: Path, capsys: Said) -> None:
    (folder / "cut.py").write_text("""
import tinygrad_gd as tg
w, b = tg.Tensor(2.0, requires_grad=True), tg.Tensor(1.0, requires_grad=True)
h = (w * 3).detach()
loss = (h + b) ** 2
loss.backward()
""")
    out, _ = said(capsys, 1, "why", "cut.py", "-t", "w")
    assert "detach" in out and "cut.py:4" in out
    assert "Nothing wrong was found" in said(capsys, 0, "why", "train.py", "-t", "w")[0]
    _, err = said(capsys, 2, "why", "train.py", "-t", "optimizer")
    assert "optimizer is of type SGD; ask about a Tensor or a model" in err


# -- compiled steps -----------------------------------------------------------------------------------

COMPILED = """
import numpy as np, tinygrad_gd as tg
x = np.array([1., 2, 3, 4, 5]); y = 2 * x + 1
w, b = tg.Tensor(0.0, requires_grad=True), tg.Tensor(0.0, requires_grad=True)
optimizer = tg.optim.SGD([w, b], lr=0.05, momentum=0.5)
{}
def step(x, y):
    loss = ((w * x + b - y) ** 2).mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    return loss
for epoch in range(3):
    print("epoch", epoch, step(x, y).item().hex(), w.item().hex())
print(step.source)
assert step.program.instructions and step.captured.instructions and "replay" in step.replay_source
print(step.memory())
tg.draw(step).save("step.svg")
error = w * x + b - y
loss = (error ** 2).mean()
dw = 2 * (error.numpy() * x).mean()
optimizer.zero_grad(); loss.backward()
print("done")
"""


@pytest.mark.parametrize("how", ["@tg.compile", "@tg.compile(frozen=True)"])
def test_a_script_with_a_compiled_step_runs_under_every_verb(folder: Path, capsys: Said, how: str) -> None:
    (folder / "fast.py").write_text(COMPILED.format(how))
    plain = subprocess.run([sys.executable, "fast.py"], capture_output=True, text=True, check=True,
                           env={**os.environ, "PYTHONPATH": str(HOUSE)}).stdout
    picture = (folder / "step.svg").read_bytes()
    for verb, answer in {"draw": "w parameter", "explain": "the gradient says", "why": "Nothing wrong",
                         "check": "1 gradient: 1 right", "source": "def gradient(", "advise": "advised lr"}.items():
        (folder / "step.svg").unlink()
        out, err = said(capsys, 0, verb, "fast.py", "--pass", "all", "--tensor", "loss")
        assert not err and answer in out.partition("done")[2], verb
        lines = "".join(plain.partition("states")[0].split())
        assert lines in "".join(out.split()) and "momentum" in lines and plain.count("epoch") == 3
        assert (folder / "step.svg").read_bytes() == picture, verb


# -- exit codes ---------------------------------------------------------------------------------------

FINE = "import tinygrad_gd as tg\nw = tg.Tensor(3.0, requires_grad=True)\nloss = w * w\ndw = 6.0\nloss.backward()\n"
WRONG = {"check": FINE.replace("6.0", "3.0"), "why": FINE.replace("w * w", "(w * w).detach() * tg.Tensor(1.0, requires_grad=True)")}


@pytest.mark.parametrize("verb", ["draw", "explain", "why", "check", "source", "advise"])
def test_the_exit_code_says_what_kind_of_answer_it_is(verb: str, folder: Path, capsys: Said) -> None:
    for name, text in {"fine": FINE, "wrong": WRONG.get(verb, WRONG["why"]), "fails": FINE + "1 / 0\n", "leaves": FINE + "raise SystemExit(3)\n",
                       "nothing": ""}.items():
        (folder / f"{name}.py").write_text(text)
    ask = ["--tensor", "w"] if verb == "why" else []
    assert "nothing called" not in said(capsys, 0, verb, "fine.py", *ask)[1]
    said(capsys, 1 if verb in ("why", "check") else 0, verb, "wrong.py", *ask)
    for script in ("fails.py", "leaves.py"):  # whatever can be said of it is
        out, err = said(capsys, 2, verb, script, "--pass", "all", *ask)
        assert out and ("ZeroDivisionError" in err) is (script == "fails.py")
    assert not said(capsys, 2, verb, "nothing.py", *ask)[0]
    assert not said(capsys, 2, verb, "fine.py", "--tensor", "q")[0]


def test_a_remark_is_no_finding(folder: Path, capsys: Said) -> None:
    (folder / "sums.py").write_text(FINE.replace("w * w", "((w * [1.0, 2.0] - 1) ** 2).sum()"))
    assert "Worth knowing" in said(capsys, 0, "why", "sums.py")[0]


def test_a_teacher_is_no_finding(folder: Path, capsys: Said) -> None:
    (folder / "teacher.py").write_text("""
import numpy as np, tinygrad_gd as tg
student, teacher = tg.nn.Linear(3, 2), tg.nn.Linear(3, 2)
with tg.no_grad(): target = teacher(np.ones((4, 3)))
loss = tg.nn.mse_loss(student(np.ones((4, 3))), target)
loss.backward()
""")
    assert "Nothing wrong" in said(capsys, 0, "why", "teacher.py")[0]
    assert "Nothing wrong" in said(capsys, 0, "why", "teacher.py", "-t", "student")[0]
    assert "no_grad" in said(capsys, 1, "why", "teacher.py", "-t", "teacher")[0]


def test_a_file_that_cannot_be_written_is_told_in_a_line(folder: Path, capsys: Said) -> None:
    _, err = said(capsys, 2, "draw", "train.py", "-o", "no/loss.svg")
    assert err.startswith("tinygrad_gd draw: ") and "no/loss.svg" in err


# -- help --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_examples_that_parse(verb: str, capsys: Said) -> None:
    module = import_module(f"tinygrad_gd.commands.{verb}")
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    shown = capsys.readouterr().out
    assert end.value.code == 0 and "examples:" in shown
    for command, words in module.EXAMPLES:
        assert f"  tinygrad_gd {command}\n      {words}\n" in shown
        options = parser().parse_args(shlex.split(command))
        assert options.verb == verb and options.run is module.run
    assert all(len(line) <= 100 for line in shown.splitlines())
    codes = shown.partition("exit codes:\n")[2].splitlines()
    finds = verb in ("draw", "why", "check", "replay", "env")
    assert [line.split()[0] for line in codes] == (["0", "1", "2"] if finds else ["0", "2"])
    assert (f"  1  {module.FINDING}" in codes) is finds and ("nothing wrong" in codes[0]) is finds


def test_every_file_of_the_room_is_a_verb_or_what_they_share() -> None:
    files = {path.stem for path in (HOUSE / "tinygrad_gd" / "commands").glob("*.py")}
    assert files == {*VERBS, "__init__", "subject"}


def test_the_exit_code_reaches_the_shell(folder: Path) -> None:
    for arguments, code in ((["draw", "train.py"], 0), (["draw", "train.py", "-t", "lss"], 2), (["replay", "no.npz"], 2)):
        done = subprocess.run([sys.executable, "-m", "tinygrad_gd", *arguments], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(HOUSE)})
        assert done.returncode == code, done.stderr


def test_models_and_own_gradients_are_found_inside_functions_too(folder: Path, capsys: Said) -> None:
    (folder / "nested.py").write_text(
        "import numpy as np, tinygrad_gd as tg\n"
        "def pass_through(net):\n"
        "    w = tg.Tensor([1.0, 2.0], requires_grad=True)\n"
        "    cost = (net(np.ones((4, 2))) ** 2).mean() + (w * w).sum()\n"
        "    cost.backward()\n"
        "    dw = 2 * w.numpy()\n"
        "def main():\n"
        "    model = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.Tanh(), tg.nn.Linear(3, 1))\n"
        "    pass_through(model)\n"
        "main()\n")
    assert "Sequential: all 4 gradients are there" in said(capsys, 0, "why", "nested.py", "-t", "model")[0]
    assert said(capsys, 0, "check", "nested.py")[0].startswith("d_w (2,) right")
    assert "cost" in said(capsys, 2, "why", "nested.py", "-t", "dv")[1]
