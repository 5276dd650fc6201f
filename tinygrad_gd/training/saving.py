"""Checkpoints in files: nested dicts of arrays and numbers, as .npz or .safetensors, without pickle.

Arrays are stored under their paths, such as ``model.0.weight``; what is around them is JSON in which an
array stands as ``{"array": "model.0.weight"}``. A plain state_dict needs no JSON: such files are those
that `numpy.savez` and PyTorch's safetensors write, and these are read, too.
"""

from __future__ import annotations

import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, describe
from ..ground.explain import answering
from ..ground.storage import NUMERIC_KINDS

#: What the JSON is called: a member of an .npz, an entry of the metadata of a .safetensors.
TREE = "tinygrad_gd.json"
_VERSION = 1
_SAFETENSORS = "safetensors is not installed; pip install safetensors, or save as .npz"


@answering
def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Write a state_dict, or a checkpoint of several, to a file; its suffix says in which format.

    Parameters
    ----------
    obj : arrays, Tensors, numbers, texts, None, and dicts, lists and tuples of them.
    path : ends in ``.npz`` or, for an exchange with PyTorch, in ``.safetensors``, which needs the
        package of that name. The file is replaced at once, when all is written.

    >>> import tempfile, tinygrad_gd as tg
    >>> net = tg.nn.Linear(3, 2); opt = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    >>> path = tempfile.mkdtemp() + "/checkpoint.npz"
    >>> tg.save({"model": net.state_dict(), "optimizer": opt.state_dict(), "epoch": 3,
    ...          "generator": tg.generator().bit_generator.state}, path)
    >>> checkpoint = tg.load(path); checkpoint["epoch"]
    3
    >>> net.load_state_dict(checkpoint["model"]); opt.load_state_dict(checkpoint["optimizer"])
    >>> tg.generator().bit_generator.state = checkpoint["generator"]
    """
    form = form_of("save", path)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = _taken_apart(obj, (), arrays)
    plain = isinstance(obj, dict) and tree == {"dict": {n: {"array": n} for n in arrays}}
    text = None if plain else json.dumps({"version": _VERSION, "tree": tree})
    with _replaced(os.path.realpath(path)) as temporary:
        _WRITERS[form](temporary, arrays, text)


@answering
def load(path: str | os.PathLike[str]) -> Any:
    """What `save` wrote, with arrays where there were arrays or Tensors.

    State_dicts that `numpy.savez` or PyTorch's safetensors wrote are read, too. What is neither array
    nor JSON is refused; nothing in a file is ever run.

    >>> import tempfile, tinygrad_gd as tg
    >>> path = tempfile.mkdtemp() + "/state.npz"; tg.save(tg.nn.Linear(3, 2).state_dict(), path)
    >>> {name: values.shape for name, values in tg.load(path).items()}
    {'weight': (2, 3), 'bias': (2,)}
    """
    arrays, text = _READERS[form_of("load", path)](os.fspath(path))
    if text is None:
        return arrays
    try:
        given = json.loads(text)
        if given["version"] > _VERSION:
            raise OptionError(f"load: {os.fspath(path)!r} was written by a later version; update "
                              "tinygrad_gd")
        return _put_together(given["tree"], arrays)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, OptionError):
            raise
        raise _strange(path, f"{TREE} in it is damaged") from error


def form_of(function: str, path: Any) -> str:
    """The suffix of a path, which is the format."""
    if not isinstance(path, str | os.PathLike):
        cure = "save(checkpoint, path)" if function == "save" else "load('checkpoint.npz')"
        raise DTypeError(f"{function}: expected a path, got {describe(path)}; write {cure}")
    suffix = os.path.splitext(os.fspath(path))[1]
    if suffix in _WRITERS:
        return suffix
    cure = ("; from PyTorch, safetensors.torch.save_file(model.state_dict(), 'model.safetensors') "
            "writes one" if function == "load" and suffix in (".pt", ".pth", ".bin", ".ckpt") else "")
    raise OptionError(f"{function}: the suffix says the format, .npz or .safetensors; got "
                      f"{os.fspath(path)!r}. Pickles are neither written nor read{cure}")


# -- trees ---------------------------------------------------------------------------------------------


def _taken_apart(value: Any, path: tuple[Any, ...], arrays: dict[str, Any]) -> Any:
    """A tree as JSON has it; its arrays are put among ``arrays``."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return {"number" if isinstance(value, np.generic) else "array": _entered(value, path, arrays)}
    if isinstance(value, Mapping):
        parts = {key: _taken_apart(part, (*path, key), arrays) for key, part in value.items()}
        if wrong := [key for key in parts if type(key) not in (str, int)]:
            raise DTypeError(f"save: {_shown(path)} has the key {wrong[0]!r}; keys are texts or "
                             "integers")
        if all(type(key) is str for key in parts):
            return {"dict": parts}
        return {"items": [[key, part] for key, part in parts.items()]}
    if type(value) in (list, tuple):
        kind = type(value).__name__
        return {kind: [_taken_apart(part, (*path, i), arrays) for i, part in enumerate(value)]}
    if isinstance(value, int):  # of a subclass, as ``t.size`` is
        return int(value)
    if hasattr(value, "state_dict"):
        cure = "give its .state_dict()"
    elif hasattr(value, "bit_generator"):
        cure = "give its .bit_generator.state"
    else:
        cure = "give arrays, numbers, texts and dicts, lists and tuples of them"
    raise DTypeError(f"save: {_shown(path)} is {describe(value)}, which is not written; {cure}")


def _shown(path: tuple[Any, ...]) -> str:
    return "obj" + "".join(f"[{key!r}]" for key in path)


def _entered(value: Any, path: tuple[Any, ...], arrays: dict[str, Any]) -> str:
    """Enter an array under its path, and return that name; with a number if the name is taken."""
    array = value.numpy() if isinstance(value, Tensor) else value
    if np.ma.isMaskedArray(array):
        raise DTypeError(f"save: {_shown(path)} is a masked array, whose mask would be lost; give "
                         ".data and .mask")
    array = np.asarray(array)
    if array.dtype.kind not in NUMERIC_KINDS:
        raise DTypeError(f"save: {_shown(path)} is {describe(array)}; arrays of numbers are written, "
                         "and texts in lists, array.tolist()")
    wanted = name = ".".join(map(str, path)) or "array"
    count = 1
    while name in arrays or name == "__metadata__":  # what safetensors calls its own
        name, count = f"{wanted}~{count}", count + 1
    arrays[name] = array
    return name


def _put_together(tree: Any, arrays: dict[str, Any]) -> Any:
    """The inverse of `_taken_apart`; what that does not write raises a KeyError or the like."""
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    (kind, content), = tree.items()
    if kind in ("array", "number"):
        return arrays[content] if kind == "array" else arrays[content][()]
    if kind == "dict":
        return {key: _put_together(part, arrays) for key, part in content.items()}
    if kind == "items":
        return {key: _put_together(part, arrays) for key, part in content}
    return {"list": list, "tuple": tuple}[kind](_put_together(part, arrays) for part in content)


# -- files ---------------------------------------------------------------------------------------------


@contextmanager
def _replaced(path: str) -> Iterator[str]:
    """A temporary file beside ``path``, which takes its place when it is whole and on the disk."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
    if hasattr(os, "O_DIRECTORY"):  # the new name, too, must be on the disk
        handle = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _strange(path: Any, why: str) -> OptionError:
    return OptionError(f"load: {os.fspath(path)!r} is no file of arrays that save() or np.savez wrote, "
                       f"or PyTorch's safetensors: {why}")


def _write_npz(path: str, arrays: dict[str, Any], text: str | None) -> None:
    """As `numpy.savez`, which has no array called ``file``; the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays.items():
            with file.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        if text is not None:
            file.writestr(zipfile.ZipInfo(TREE), text)


def _read_npz(path: str) -> tuple[dict[str, Any], str | None]:
    arrays, text, name = {}, None, ""
    try:
        with zipfile.ZipFile(path) as file:
            for name in file.namelist():
                if name == TREE:
                    text = file.read(name).decode()
                    continue
                if not name.endswith(".npy") or name[:-4] in arrays:
                    raise _strange(path, f"it holds {name!r}")
                with file.open(name) as member:
                    array = np.lib.format.read_array(member, allow_pickle=False)
                if array.dtype.kind not in NUMERIC_KINDS:
                    raise _strange(path, f"{name[:-4]!r} is {describe(array)}")
                arrays[name[:-4]] = array
    except (zipfile.BadZipFile, EOFError, UnicodeDecodeError) as error:
        raise _strange(path, str(error)) from error
    except ValueError as error:
        if isinstance(error, OptionError):
            raise
        raise _strange(path, f"{name!r}: {error}") from error
    return arrays, text


def _write_safetensors(path: str, arrays: dict[str, Any], text: str | None) -> None:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import save_file
    except ImportError:
        raise OptionError(f"save: {_SAFETENSORS}") from None
    for name, array in arrays.items():
        if array.dtype.itemsize > 8:
            raise DTypeError(f"save: {name!r} is {describe(array)}, which .safetensors does not have; "
                             "use .npz, or .astype(np.float64)")
    try:
        rows = {name: np.array(array, order="C") for name, array in arrays.items()}
        save_file(rows, path, None if text is None else {TREE: text})
    except SafetensorError as error:
        raise OptionError(f"save: safetensors says {error}") from error


def _read_safetensors(path: str) -> tuple[dict[str, Any], str | None]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise OptionError(f"load: {_SAFETENSORS}") from None
    arrays = {}
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(TREE)
            for name in file.keys():  # it is no mapping
                kind = file.get_slice(name).get_dtype()
                if kind[0] not in "FIUB" or kind in ("BF16", "F8_E4M3", "F8_E5M2"):
                    raise DTypeError(f"load: {name!r} in {path!r} is {kind}, which NumPy does not "
                                     "have; save it as float32, tensor.float()")
                arrays[name] = file.get_tensor(name)
    except SafetensorError as error:
        raise _strange(path, str(error)) from error
    return arrays, text


_WRITERS: dict[str, Callable[[str, dict[str, Any], str | None], None]] = {
    ".npz": _write_npz, ".safetensors": _write_safetensors}
_READERS: dict[str, Callable[[str], tuple[dict[str, Any], str | None]]] = {
    ".npz": _read_npz, ".safetensors": _read_safetensors}
