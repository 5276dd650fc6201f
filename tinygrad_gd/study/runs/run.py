"""`Run`: the numbers of a training run, step by step, in a file that NumPy reads."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OptionError

Array = np.ndarray[Any, Any]
SCHEMA = 1
_META = ("names", "shapes", "optimizer", "options", "line", "picture")


@dataclass(eq=False, repr=False)
class Run:
    """What happened in each step; rows are steps, columns parameters.

    Attributes
    ----------
    names, shapes : of the parameters.
    optimizer : its class, if there was one.
    options : those that it used last, as ``{"lr": 0.1}``.
    line : the user's line that called `backward`.
    loss : before each step.
    reach : of each step, see `tinygrad_gd.study.runs`; NaN where it is not known.
    rate : how long the step was beside the gradient; the learning rate of plain descent.
    alike : the cosine between the step and the negative gradient; 1 for plain descent.
    gradients, weights, updates : norms for each parameter.
    values : the parameters themselves, if they are few numbers, and once more after the last step.
    heights, x, y : the loss over two parameters, if there are two.
    picture : the graph of the first loss and its numbers in each step, if it is small.
    """

    names: list[str]
    shapes: list[list[int]]
    optimizer: str
    options: dict[str, float]
    line: str
    loss: Array
    reach: Array
    rate: Array
    alike: Array
    gradients: Array
    weights: Array
    updates: Array
    values: Array
    heights: Array
    x: Array
    y: Array
    picture: dict[str, Any]

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value:.4g}" for name, value in self.options.items() if value)
        by = f" of {self.optimizer}({options})" if self.optimizer else ""
        return f"Run: {self.steps} steps{by}, loss {self.loss[0]:.4g} -> {self.loss[-1]:.4g}"

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return len(self.loss)

    @property
    def place(self) -> str:
        """The line without its folder."""
        file, _, number = self.line.rpartition(":")
        return f"{os.path.basename(file)}:{number}"

    @property
    def slope(self) -> Array:
        """The norm of the whole gradient in each step."""
        return np.sqrt(np.sum(self.gradients**2, axis=1))  # type: ignore[no-any-return]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz: arrays, and one JSON text for all else."""
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        meta = json.dumps({"schema": SCHEMA} | {name: held.pop(name) for name in _META})
        np.savez_compressed(path, meta=np.array(meta), **held)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Run:
        """Read what `save` wrote; nothing in a file is ever run."""
        place = Path(path)
        try:
            with np.load(place, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            meta = json.loads(str(arrays.pop("meta")))
            schema = meta.pop("schema")
        except FileNotFoundError:
            raise OptionError(f"replay: there is no file {str(place)!r}; a training loop inside `with "
                              f"tg.record({place.name!r}):` writes one") from None
        except (ValueError, KeyError, OSError, zipfile.BadZipFile):
            raise OptionError(f"replay: {str(place)!r} is no run that tg.record wrote") from None
        if schema > SCHEMA:
            raise OptionError(f"replay: {str(place)!r} was written by a later version; update "
                              "tinygrad_gd")
        return cls(**meta, **arrays)

    def to_dict(self) -> dict[str, Any]:
        """Everything as lists and numbers, for JSON."""
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(self).items()}
