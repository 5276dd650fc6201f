"""Files of checkpoints: what goes in comes out, other libraries read them, and nothing else is read."""

from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_gd as tg
from tests.misuse import Table, refused, w

FORMS = [".npz", pytest.param(".safetensors", marks=pytest.mark.skipif(
    "not __import__('importlib').util.find_spec('safetensors')", reason="safetensors is not installed"))]
each_form = pytest.mark.parametrize("form", FORMS)


def network() -> tg.nn.Sequential:
    return tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 2))


def trained(steps: int, start: Any = None) -> tuple[Any, dict[str, Any]]:
    """A network after some steps, from the beginning or from a checkpoint, and the checkpoint then."""
    tg.manual_seed(0)
    net = network()
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    loss = tg.nn.CrossEntropyLoss(weight=[1.0, 2.0])
    epoch = 0
    if start is not None:
        net.load_state_dict(start["model"])
        optimizer.load_state_dict(start["optimizer"])
        tg.generator().bit_generator.state = start["generator"]
        epoch = start["epoch"]
    for _ in range(steps):
        x = tg.generator().normal(size=(8, 3))
        optimizer.zero_grad()
        loss(net(tg.Tensor(x)), (x[:, 0] > 0).astype(int)).backward()
        optimizer.step()
    return net, {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + steps,
                 "generator": tg.generator().bit_generator.state}


@each_form
def test_training_goes_on_from_a_file_as_if_it_had_not_stopped(form: str, tmp_path: Path) -> None:
    whole, _ = trained(6)
    half, checkpoint = trained(3)
    tg.save(checkpoint, tmp_path / f"half{form}")
    again, last = trained(3, tg.load(tmp_path / f"half{form}"))
    assert last["epoch"] == 6
    for a, b, c in zip(whole.parameters(), again.parameters(), half.parameters(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy()) and not np.array_equal(a.numpy(), c.numpy())


TREE: dict[str, Any] = {
    "numbers": [1, -2.5, True, None, 2**127 + 1, 0.1, float("inf")], "text": "ü", "empty": [{}, [], ()],
    "pair": (np.float32(0.1), np.int8(-3)), 7: {0: np.arange(3), "0": np.array(2.0)}, "0.weight": np.ones((2, 0)),
    "a": {"b.c": np.array([True, False])}, "a.b": {"c": np.array([1.5], np.float16)}, "tensor": tg.Tensor([[1, 2]])}


def same(a: Any, b: Any) -> None:
    """Of one type and value; a Tensor comes back as an array."""
    a = np.array(a.numpy()) if isinstance(a, tg.Tensor) else a
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b) and [type(k) for k in a] == [type(k) for k in b]
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tolist() == b.tolist() and b.flags.writeable
    else:
        assert a == b


@each_form
@pytest.mark.parametrize("value", [TREE, [], {}, 3, np.array([1.0]), {"x": {}}, {"tinygrad_gd.json": np.ones(2)}, {"a": np.ones(1), "b": 2},
                                   {"__metadata__": np.ones(2)}], ids=str)
def test_what_goes_in_comes_out(value: Any, form: str, tmp_path: Path) -> None:
    tg.save(value, str(tmp_path / f"x{form}"))
    same(value, tg.load(str(tmp_path / f"x{form}")))


def test_a_file_is_numpys_and_numpys_is_read(tmp_path: Path) -> None:
    state = {**network().state_dict(), "file": np.array(1.0), "columns": np.asfortranarray(np.ones((2, 3)))}
    tg.save(state, tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as theirs:
        assert sorted(theirs) == sorted(state) and all(np.array_equal(theirs[k], state[k]) for k in state)
    assert tg.load(tmp_path / "x.npz")["columns"].flags.f_contiguous
    before = (tmp_path / "x.npz").read_bytes()
    tg.save(state, tmp_path / "x.npz")
    assert (tmp_path / "x.npz").read_bytes() == before
    del state["file"]
    np.savez(tmp_path / "y.npz", **state)
    same(state, tg.load(tmp_path / "y.npz"))
    np.savez_compressed(tmp_path / "z.npz", **state)
    same(state, tg.load(tmp_path / "z.npz"))


def test_files_are_exchanged_with_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theirs_files = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    net, path = network(), tmp_path / "x.safetensors"
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    tg.save(net.state_dict(), path)
    theirs.load_state_dict(theirs_files.load_file(path))
    x = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(net(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-12)
    with torch.no_grad():
        theirs[0].weight *= 2
    theirs_files.save_file(theirs.state_dict(), path)
    net.load_state_dict(tg.load(path))
    np.testing.assert_allclose(net(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-12)
    theirs_files.save_file({"w": torch.ones(2, dtype=torch.bfloat16)}, path)
    with pytest.raises(tg.DTypeError, match=r"'w' in .* is BF16, which NumPy does not have; save it as float32"):
        tg.load(path)


@each_form
def test_a_crash_leaves_the_file_that_was_there(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{form}"
    tg.save({"a": np.ones(3)}, path)
    code = ("import os, sys, numpy as np, tinygrad_gd as tg\n"
            "os.replace = lambda *paths: os.kill(os.getpid(), 9)\n"
            "tg.save({'a': np.zeros(100_000)}, sys.argv[1])\n")
    done = subprocess.run([sys.executable, "-c", code, path], cwd=Path(tg.__file__).parents[1], check=False)
    assert done.returncode == -9
    same({"a": np.ones(3)}, tg.load(path))
    tg.save({"a": np.zeros(3)}, path)
    same({"a": np.zeros(3)}, tg.load(path))


@each_form
def test_an_error_leaves_nothing_behind(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="no space left"):
            tg.save({"a": np.ones(3)}, tmp_path / f"x{form}")
    assert not list(tmp_path.iterdir())
    tg.save({"a": np.ones(3)}, tmp_path / f"x{form}")
    (tmp_path / f"link{form}").symlink_to(tmp_path / f"x{form}")
    tg.save({"a": np.zeros(3)}, tmp_path / f"link{form}")
    assert (tmp_path / f"link{form}").is_symlink() and not tg.load(tmp_path / f"x{form}")["a"].any()
    assert len(list(tmp_path.iterdir())) == 2


def member(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(name, content)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def tree(**content: Any) -> bytes:
    return member("tinygrad_gd.json", json.dumps(content).encode())


STRANGE = {
    "a pickle": (pickle.dumps({"a": 1}), "not a zip file"),
    "a file of PyTorch's": (member("archive/data.pkl", pickle.dumps(1)), "it holds 'archive/data.pkl'"),
    "objects": (member("a.npy", npy(np.array([{"a": 1}, None]))), "'a.npy': .*[Oo]bject arrays"),
    "texts": (member("a.npy", npy(np.array(["a"]))), "'a' is <U1 of shape"),
    "no array": (member("a.npy", b"abc"), "'a.npy'"),
    "an unknown kind": (tree(version=1, tree={"call": "os.system"}), "tinygrad_gd.json in it is damaged"),
    "two kinds": (tree(version=1, tree={"list": [], "tuple": []}), "damaged"),
    "a list in place of a kind": (tree(version=1, tree=[1]), "damaged"),
    "an array that is not there": (tree(version=1, tree={"array": "a"}), "damaged"),
    "no tree": (tree(version=1), "damaged"), "no JSON": (member("tinygrad_gd.json", b"{"), "damaged"),
    "depth": (member("tinygrad_gd.json", b'{"version": 1, "tree": ' + b'{"list": [' * 99999 + b"]}" * 99999 + b"}"), "damaged"),
    "a later version": (tree(version=2, tree=1), "was written by a later version"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_is_neither_array_nor_json_is_refused(what: str, tmp_path: Path) -> None:
    content, text = STRANGE[what]
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(tg.OptionError, match=f"(?s)^load: .*x.npz' .*{text}"):
        tg.load(tmp_path / "x.npz")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    tg.save({"a": np.ones(4)}, tmp_path / "x.npz")
    whole, number = (tmp_path / "x.npz").read_bytes(), np.float64(1.0).tobytes()
    assert number in whole
    for damaged in (whole[:-30], whole.replace(number, b"!" * 8, 1)):
        (tmp_path / "x.npz").write_bytes(damaged)
        with pytest.raises(tg.OptionError, match="is no file of arrays"):
            tg.load(tmp_path / "x.npz")
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    (tmp_path / "x.safetensors").write_bytes(whole)
    with pytest.raises(tg.OptionError, match="is no file of arrays"):
        tg.load(tmp_path / "x.safetensors")


def test_without_the_package_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    for use in (lambda path: tg.save({}, path), tg.load):
        with pytest.raises(tg.OptionError, match="safetensors is not installed; pip install safetensors, or"):
            use(tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_of_models_losses_and_optimizers_go_on_alike_and_apart(copied: Any) -> None:
    net = network()
    loss = tg.nn.CrossEntropyLoss(weight=[1.0, 2.0], label_smoothing=0.1)
    optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    kept = copied((net, loss, optimizer))
    x, y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2
    before = net.state_dict()
    for model, criterion, stepper in ((net, loss, optimizer), kept):
        for _ in range(3):
            stepper.zero_grad()
            criterion(model(x), y).backward()
            stepper.step()
    assert all(np.array_equal(a, b) for a, b in zip(net.state_dict().values(), kept[0].state_dict().values(), strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(net.state_dict().values(), before.values(), strict=True))
    assert next(net.parameters()) is not next(kept[0].parameters())


MISUSE: Table = {
    "a model": (lambda: tg.save({"model": network()}, "x.npz"), TypeError, r"save: obj\['model'\] is Sequential, which is not written; give its \.state_dict\(\)"),
    "an optimizer": (lambda: tg.save(tg.optim.SGD([w()], lr=1), "x.npz"), TypeError, r"save: obj is SGD.*state_dict"),
    "a generator": (lambda: tg.save([tg.generator()], "x.npz"), TypeError, r"save: obj\[0\] is Generator.*\.bit_generator\.state"),
    "a function": (lambda: tg.save({"f": len}, "x.npz"), TypeError, "which is not written; give arrays, numbers"),
    "texts": (lambda: tg.save({"names": np.array(["a"])}, "x.npz"), TypeError, r"obj\['names'\] is <U1.*tolist"),
    "a mask": (lambda: tg.save(np.ma.array([1.0], mask=[1]), "x.npz"), TypeError, "masked array, whose mask would be lost"),
    "complex numbers": (lambda: tg.save({1: np.array(1j)}, "x.npz"), TypeError, r"obj\[1\] is complex128"),
    "a key": (lambda: tg.save({(1, 2): 3}, "x.npz"), TypeError, r"obj has the key \(1, 2\); keys are texts or integers"),
    "a pickle": (lambda: tg.save({}, "x.pt"), ValueError, r"save: the suffix says the format, \.npz or \.safetensors; got 'x\.pt'"),
    "no suffix": (lambda: tg.load("x"), ValueError, "Pickles are neither written nor read$"),
    "PyTorch's suffix": (lambda: tg.load("x.pth"), ValueError, r"from PyTorch, safetensors\.torch\.save_file"),
    "the other order": (lambda: tg.save("x.npz", {}), TypeError, r"save: expected a path, got dict; write save\(checkpoint, path\)"),  # type: ignore[arg-type]
    "an open file": (lambda: tg.load(io.BytesIO()), TypeError, "load: expected a path, got BytesIO"),  # type: ignore[arg-type]
    "PyTorch's options": (lambda: tg.load("x.npz", weights_only=True), TypeError, "load: unknown option weights_only=, leave it out: nothing is ever unpickled"),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case: str) -> None:
    refused(MISUSE[case])
