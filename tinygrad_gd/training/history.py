"""`History`: what training has shown, step by step and epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import MissingLibraryError, OptionError


class History:
    """Losses, metrics and rates of a run, and what was said of it.

    Attributes
    ----------
    steps : the loss of each step.
    epochs : for each epoch a dict: ``epoch``, ``loss`` (mean of its steps), ``lr`` (of its first),
        ``seconds``, and with validation data ``val_loss`` and the metrics.
    notes : what was noticed, in words, each once.
    stopped : why training ended before its last epoch, or empty.
    best : the epoch whose weights the model has, if the best were restored.

    >>> history = History(); history.epochs.append({"epoch": 1, "loss": 0.5, "lr": 0.1})
    >>> history["loss"], history
    ([0.5],
     epoch  loss  lr
         1   0.5  0.1)
    """

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.epochs: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.stopped = ""
        self.best: int | None = None

    @property
    def columns(self) -> list[str]:
        """What is known of the epochs, such as ``loss`` and ``val_loss``."""
        return list(dict.fromkeys(name for epoch in self.epochs for name in epoch))

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self.columns:
            raise OptionError(f"History: no column {name!r}; there are "
                              f"{', '.join(self.columns) or 'none yet'}")
        return [epoch.get(name) for epoch in self.epochs]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain lists, as `json.dump` takes them."""
        return {"steps": list(self.steps), "epochs": [dict(epoch) for epoch in self.epochs],
                "notes": list(self.notes), "stopped": self.stopped, "best": self.best}

    @classmethod
    def from_dict(cls, held: dict[str, Any]) -> History:
        """The history that `to_dict` has written down."""
        made = cls()
        made.steps, made.epochs = list(held["steps"]), [dict(epoch) for epoch in held["epochs"]]
        made.notes, made.stopped, made.best = list(held["notes"]), held["stopped"], held["best"]
        return made

    def to_frame(self) -> Any:
        """The epochs as a DataFrame of pandas."""
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise MissingLibraryError("History.to_frame: pandas is not installed; `pip install "
                                      "pandas`, or take to_dict()") from error
        return DataFrame(self.epochs).set_index("epoch") if self.epochs else DataFrame()

    def plot(self, ax: Any = None) -> Any:
        """The losses as curves: axes of matplotlib, as `tg.plot.loss` draws them."""
        from ..pictures.plot import loss

        return loss(self, ax=ax)

    def __repr__(self) -> str:
        """A table of the first and the last epochs, and why it stopped."""
        columns = [name for name in self.columns if name != "seconds"]
        shown = self.epochs if len(self.epochs) <= 12 else [*self.epochs[:3], None, *self.epochs[-8:]]
        rows = [columns] + [["..."] * len(columns) if epoch is None else
                            [in_cell(epoch.get(name)) for name in columns] for epoch in shown]
        widths = [max(len(row[k]) for row in rows) for k in range(len(columns))]
        lines = ["  ".join(x.rjust(w) for x, w in zip(row, widths, strict=True)) for row in rows]
        notes = [f"- {note}" for note in (*self.notes, *([self.stopped] if self.stopped else ()))]
        return "\n".join([*lines, *notes]) if columns else "History: no epoch yet"


def in_cell(value: Any) -> str:
    """A number as tables show it."""
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
