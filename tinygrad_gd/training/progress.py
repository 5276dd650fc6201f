"""Progress: a bar on terminals and in notebooks, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from .history import in_cell

#: Lines that are printed for a whole run where there is no bar.
LINES = 20


class Progress:
    """Shows how far training is; says nothing if ``progress`` is False.

    Parameters
    ----------
    progress : True for a bar, False for nothing; None for a bar on a terminal or in a notebook and
        plain lines elsewhere.
    epochs, steps : how many there will be, in all and of each epoch.
    done : epochs that were done before.
    """

    def __init__(self, progress: bool | None, epochs: int, steps: int, done: int) -> None:
        self.epochs = epochs
        self._every = max(1, epochs // LINES)
        self._bar: Any = None
        self._lines = progress is None
        if progress or (progress is None and (_is_notebook() or _is_terminal())):
            self._lines = False
            self._bar = _bar(total=epochs * steps, initial=done * steps, unit="step", leave=True,
                             dynamic_ncols=True)

    def step(self, epoch: int, loss: float) -> None:
        """A step is over."""
        if self._bar is not None:
            self._bar.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
            self._bar.set_postfix_str(f"{self._shown}loss={loss:.4g}", refresh=False)
            self._bar.update()

    _shown = ""  # of the last epoch

    def epoch(self, row: dict[str, Any]) -> None:
        """An epoch is over."""
        texts = [f"{name}={in_cell(value)}" for name, value in row.items()
                 if name not in ("epoch", "seconds")]
        self._shown = "".join(f"{text} " for text in texts if not text.startswith("loss="))
        last = row["epoch"] == self.epochs
        if self._lines and (row["epoch"] % self._every == 0 or row["epoch"] == 1 or last):
            text = f"epoch {row['epoch']}/{self.epochs}: {', '.join(texts)}"
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Training is over."""
        if self._bar is not None:
            self._bar.close()


def _bar(**options: Any) -> Any:
    """tqdm's widget in a notebook that can show it; its text elsewhere.

    `tqdm.auto` would warn where ipywidgets are missing, and write what looks like an error.
    """
    if not _is_notebook() or find_spec("ipywidgets") is None:
        from tqdm.std import tqdm as text

        return text(**options, file=sys.stdout if _is_notebook() else sys.stderr)
    from tqdm.notebook import tqdm as widget

    return widget(**options)


def _is_terminal() -> bool:
    return bool(sys.stderr and sys.stderr.isatty())  # None where it was closed from the start


def _is_notebook() -> bool:
    """Whether this runs in Jupyter, which shows more than text."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return type(found).__name__ == "ZMQInteractiveShell"
