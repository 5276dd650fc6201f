"""L-BFGS: steps along a direction in which the curvature seen so far is taken into account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError
from ..ground.checks import check_integer
from ..ground.modes import current_mode, no_grad
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer


class LBFGS(Optimizer):
    """Quasi-Newton steps over all data at once, by a closure that is called several times a step.

    ::

        def closure():
            optimizer.zero_grad()
            loss = compute()
            loss.backward()
            return loss

        optimizer.step(closure)

    Parameters
    ----------
    lr : how much of each step is made; with a line search it is the first that is tried.
    max_iter, max_eval : iterations and calls of the closure in a step; max_eval is 1.25 max_iter.
    tolerance_grad, tolerance_change : what of the gradient, or of the change of parameters or of the
        loss, is so small that a step is over.
    history_size : pairs of steps and changes of the gradient from which the curvature is known.
    line_search_fn : None, or "strong_wolfe".

    What it remembers are arrays of all parameters in a row, kept with the first of them. Vectors are
    computed with NumPy and decisions are made in Python, so that in a compiled step only the closure
    is compiled.

    Nocedal and Wright, Numerical Optimization, 2006, algorithms 7.5 and 3.5.

    >>> import tinygrad_gd as tg
    >>> w = tg.Tensor([-1.0, 1.0], requires_grad=True)
    >>> optimizer = tg.optim.LBFGS([w], line_search_fn="strong_wolfe", max_iter=100)
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item(), w.numpy().round(3).tolist()
    (4.0, [1.0, 1.0])
    """

    switches = ()
    choices: Mapping[str, tuple[Any, ...]] = {"line_search_fn": (None, "strong_wolfe")}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
        **unknown: NoReturn,
    ) -> None:
        if max_eval is None:
            max_eval = check_integer("LBFGS: max_iter", max_iter, 1) * 5 // 4
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        }, unknown)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Take the parameters, of which there is one group only."""
        if self.param_groups:
            raise OptionError("LBFGS: expected one group of parameters, as it makes one step for all; "
                              "give a list of all parameters")
        super().add_param_group(group)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse what is negative, counts that are none, and a line search that may not look."""
        self.check_least(group, "lr", "tolerance_grad", "tolerance_change")
        for option in ("max_iter", "max_eval", "history_size"):
            group[option] = check_integer(f"LBFGS: {option}", group[option], 1)
        if group["line_search_fn"] is not None and group["max_eval"] < 2:
            raise OptionError("LBFGS: max_eval=1 is the call at the start of a step, which leaves none "
                              "for the line search, and nothing would move; give max_eval=25 "
                              "(by default it is 1.25 max_iter)")

    def make_step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to ``max_iter`` steps; returns the loss that the closure gave first."""
        if closure is None:
            raise DTypeError("LBFGS.step: expected a function that clears gradients, computes the "
                             "loss, calls loss.backward() and returns the loss; write "
                             "optimizer.step(closure)")
        if (observer := current_mode().observer) is not None:
            observer.optimizes(self)
        o = self.param_groups[0]
        kept = self.state.setdefault(o["params"][0], {"func_evals": 0, "n_iter": 0})
        first = self.evaluated(closure)
        loss, g = _value(first), self._slope()
        kept["func_evals"] += 1
        calls, steps, over = 1, 0, bool(abs(g).max() <= o["tolerance_grad"])
        while not over:
            steps += 1
            kept["n_iter"] += 1
            d, t, before = self._direction(kept, g), o["lr"], loss
            if kept["n_iter"] == 1:
                t = min(1.0, 1.0 / float(abs(g).sum())) * t
            kept.update(d=d, t=t, prev_flat_grad=g, prev_loss=loss)
            if g @ d > -o["tolerance_change"]:
                break
            loss, g, kept["t"], more = self._moved(closure, Point(0.0, loss, g, float(g @ d)), d, t,
                                                   o["max_eval"] - calls, steps == o["max_iter"])
            calls += more
            kept["func_evals"] += more
            over = bool(steps == o["max_iter"] or calls >= o["max_eval"]
                        or abs(g).max() <= o["tolerance_grad"]
                        or abs(kept["t"] * d).max() <= o["tolerance_change"]
                        or abs(loss - before) < o["tolerance_change"])
        return first

    def _moved(self, closure: Any, start: Point, d: Any, t: float, calls: int,
               last: bool) -> tuple[float, Any, float, int]:
        """Go along ``d``: the loss and its gradient there, how far, and after how many calls."""
        o, origin = self.param_groups[0], self._values()

        def look(t: float) -> Point:
            self._set(origin + t * d)
            loss, g = _value(self.evaluated(closure)), self._slope()
            return Point(t, loss, g, float(g @ d))

        if o["line_search_fn"] is not None:
            length, least = float(abs(d).max()), o["tolerance_change"]
            found, count = strong_wolfe(look, start, t, length, least, calls)
            self._set(origin + found.t * d)
            return found.loss, found.g, found.t, count
        if last:  # nobody will ask
            self._set(origin + t * d)
            return start.loss, start.g, t, 0
        there = look(t)
        return there.loss, there.g, t, 1

    def _direction(self, kept: dict[str, Any], g: Any) -> Any:
        """What the inverse Hessian makes of -g, known by the last steps s and changes y of g."""
        if "d" not in kept:
            kept.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        y, s = g - kept["prev_flat_grad"], kept["t"] * kept["d"]
        curvature = float(y @ s)
        if curvature > 1e-10:
            size = self.param_groups[0]["history_size"] - 1
            for name, new in (("old_dirs", y), ("old_stps", s), ("ro", 1.0 / curvature)):
                kept[name] = [*(kept[name][-size:] if size else []), new]
            kept["H_diag"] = curvature / float(y @ y)
        pairs = list(zip(kept["old_dirs"], kept["old_stps"], kept["ro"], strict=True))
        q, shares = -g, []
        for y, s, r in reversed(pairs):
            shares.append(float(s @ q) * r)
            q = q - shares[-1] * y
        q = kept["H_diag"] * q
        for (y, s, r), share in zip(pairs, reversed(shares), strict=True):
            q = q + (share - float(y @ q) * r) * s
        return q

    # -- all parameters in a row -------------------------------------------------------------------

    def _values(self) -> Any:
        return np.concatenate([p.numpy().ravel() for p in self.param_groups[0]["params"]])

    def _slope(self) -> Any:
        return np.concatenate([
            np.zeros(p.size, p.dtype) if p._grad is None else p._grad.numpy().ravel()
            for p in self.param_groups[0]["params"]])

    def _set(self, values: Any) -> None:
        start = 0
        with no_grad():
            for p in self.param_groups[0]["params"]:
                p.assign(values[start : start + p.size].reshape(p.shape))
                start += p.size

    def taken_over(self, p: Tensor, name: str, value: Any) -> Any:
        """What is remembered as arrays and numbers of Python."""
        if isinstance(value, list | tuple):
            return [self.taken_over(p, name, x) for x in value if x is not None]
        if not hasattr(value, "dtype"):
            return value
        array = np.asarray(value.numpy() if isinstance(value, Tensor) else value).copy()
        return array if array.ndim else array.item()

    def loaded(self, state: Mapping[Tensor, dict[str, Any]]) -> None:
        """Refuse arrays that do not hold all parameters."""
        size = sum(p.size for p in self.param_groups[0]["params"])
        for kept in state.values():
            kept.pop("al", None)  # what PyTorch computes with
            for name, value in kept.items():
                for x in value if isinstance(value, list) else [value]:
                    if isinstance(x, np.ndarray) and x.shape != (size,):
                        raise OptionError(f"load_state_dict: {name!r} has the shape {x.shape}, but "
                                          f"there are {size} numbers in all parameters")


def _value(loss: Any) -> float:
    return float(loss.item() if isinstance(loss, Tensor) else loss)
