"""`fit`: the training loop, with validation, checkpoints, and words for what goes wrong."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter as Argument
from inspect import signature
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from .. import optim
from ..data.loader import DataLoader
from ..engine.tensor import Tensor
from ..errors import DTypeError, OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch
from ..ground.modes import no_grad
from ..ground.rng import generator
from ..ground.user_code import user_stacklevel
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..program.compiled import compile as compiled
from .health import Health
from .history import History
from .progress import Progress
from .saving import form_of, load, save


class TrainingWarning(UserWarning):
    """Training goes wrong: what was seen, the likely cause and the remedy."""


def fit(
    model: Any,
    loss: Callable[..., Tensor],
    data: Any,
    *,
    epochs: int = 10,
    batch_size: int | None = 32,
    optimizer: Any = "adam",
    lr: float | None = None,
    scheduler: Any = None,
    validation: Any = None,
    metrics: Any = (),
    predict: Callable[[np.ndarray[Any, Any]], Any] | None = None,
    patience: int | None = None,
    clip: float | None = None,
    checkpoint: str | Path | None = None,
    callbacks: Iterable[Any] = (),
    compile: bool = True,
    progress: bool | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    watch: bool = True,
) -> History:
    """Train a model, and say what goes wrong.

    It is the loop that one writes by hand: ``optimizer.zero_grad(); loss(model(x), y).backward();
    optimizer.step()``, for each batch, compiled. A step whose loss is no finite number is not taken.

    Parameters
    ----------
    model : a `Module`, or a function of the inputs; the latter with an ``optimizer`` of its parameters.
    loss : of the model's output and the target, such as `nn.cross_entropy`.
    data : ``(x, y)``, or more inputs before the target; a `DataLoader`; or anything that gives batches,
        each a tuple, whenever it is iterated over.
    epochs : how often all data are seen.
    batch_size, shuffle, seed : for arrays, as in `DataLoader`.
    optimizer, lr : the name of one, such as "sgd", with its learning rate; or one that is made.
    scheduler : one that is made, or a function that makes one of the optimizer. It steps after each
        epoch, or after each batch if its ``each_step`` is True, as of `OneCycleLR` and `CyclicLR`.
    validation : as ``data``; or the part of the rows to keep for it, as 0.2.
    metrics : a function ``f(target, prediction)`` of arrays, as scikit-learn's are, several, or a dict
        of them by name; of the validation data, or of all data without.
    predict : makes predictions of the model's outputs; by default classes, where targets are integers
        and outputs have a score for each class.
    patience : stop when the loss (of the validation data, if there are any) has not been lower for so
        many epochs; the model has the weights of the best epoch then.
    clip : the largest norm of all gradients together.
    checkpoint : a file that is written after each epoch (``.npz`` or ``.safetensors``). If it is there,
        training goes on where it ended, with the same bits as if it never had.
    callbacks : functions of the `Run`, called after each epoch; or objects with methods ``on_step``,
        ``on_epoch`` and ``on_end``.
    compile : let steps run as a program.
    progress : True for a bar, False for nothing; by default a bar on terminals and in notebooks, and
        lines elsewhere.
    watch : look for divergence, stalls, vanishing and exploding gradients and dead units.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.arange(5.0)[:, None]; y = 2 * x + 1
    >>> history = fit(tg.nn.Linear(1, 1), tg.nn.mse_loss, (x, y), epochs=200, optimizer="sgd", lr=0.1,
    ...               batch_size=None, progress=False)
    >>> history["loss"][-1] < 1e-6
    True
    """
    epochs = check_integer("fit: epochs", epochs, 1)
    if patience is not None:
        patience = check_integer("fit: patience", patience, 1)
    for name, value in (("compile", compile), ("shuffle", shuffle), ("watch", watch)):
        check_switch(f"fit: {name}", value)
    _check_loss(loss)
    if checkpoint is not None:
        form_of("fit: checkpoint", checkpoint)
    train, held = _parts(data, validation, batch_size, shuffle, seed)
    run = Run(model, loss, _optimizer(model, optimizer, lr), epochs, clip, compile)
    run.scheduler, run.predict = _scheduler(scheduler, run.optimizer), predict
    run.measures, run.listeners = _named(metrics), [_listener(callback) for callback in callbacks]
    run.patience, run.checkpoint, run.watched = patience, checkpoint, watch
    return run.go(train, held, progress)


class Run:
    """A training that is under way; callbacks get it.

    Attributes
    ----------
    model, loss, optimizer, scheduler : what was given, or made.
    epoch, epochs : which epoch this is, from 1 on, and how many there will be.
    history : what has been seen so far.
    """

    scheduler: Any = None
    measures: Mapping[str, Callable[..., Any]] = {}
    predict: Callable[..., Any] | None = None
    listeners: Sequence[Any] = ()
    patience: int | None = None
    checkpoint: str | Path | None = None
    watched = True

    def __init__(self, model: Any, loss: Callable[..., Tensor], optimizer: Optimizer, epochs: int,
                 clip: float | None, is_compiled: bool) -> None:
        self.model, self.loss, self.optimizer, self.epochs = model, loss, optimizer, epochs
        self.clip, self.epoch, self.history = clip, 0, History()
        self.best: tuple[float, Any] = np.inf, None  # the lowest loss, and the weights with it
        self.parameters = self._named_parameters()
        self._step, self._forward = self._train, self._output
        if is_compiled:
            self._step, self._forward = compiled(self._train), compiled(self._output)

    def stop(self, reason: str) -> None:
        """End training after this step or epoch."""
        self.history.stopped = self.history.stopped or reason

    def note(self, text: str) -> None:
        """Say something that was noticed, and keep it in the history."""
        self.history.notes.append(text)
        warnings.warn(text, TrainingWarning, stacklevel=user_stacklevel())

    def _named_parameters(self) -> list[tuple[str, Tensor]]:
        names = {p: name for name, p in self.model.named_parameters()} if (
            isinstance(self.model, Module)) else {}
        held = [p for group in self.optimizer.param_groups for p in group["params"]]
        return [(names.get(p) or p.name or f"parameter {k}", p) for k, p in enumerate(held)]

    # -- a step --------------------------------------------------------------------------------------

    def _train(self, *batch: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        loss = self._loss(*batch)
        loss.backward()
        if self.clip is not None:
            optim.clip_grad_norm_([p for _, p in self.parameters], self.clip)
        if isfinite(loss.item()):
            self.optimizer.step()
        return loss

    def _loss(self, *batch: Tensor) -> Tensor:
        *inputs, target = batch
        found = self.loss(self.model(*inputs), target)
        if not isinstance(found, Tensor) or found.size != 1:
            raise DTypeError(f"fit: the loss of a batch is one number, got {describe(found)}; take "
                             "its mean")
        return found

    def _output(self, *batch: Tensor) -> tuple[Any, Tensor]:
        *inputs, target = batch
        output = self.model(*inputs)
        return output, self.loss(output, target)

    # -- the loop ------------------------------------------------------------------------------------

    def go(self, train: Any, held: Any, progress: bool | None) -> History:
        """Run all epochs."""
        self.loader = train
        if self.checkpoint is not None and Path(self.checkpoint).exists():
            self._resume()
        history, losses = self.history, self.history.steps
        self._health = Health(self.parameters, self._rates, self._loss, losses)
        shown = Progress(progress, self.epochs, len(train), self.epoch)
        mode = _modes(self.model)
        try:
            while self.epoch < self.epochs and not history.stopped:
                self.epoch += 1
                self._all_steps(train, shown)
                if not history.stopped:
                    self._ends_epoch(held, shown)
        except KeyboardInterrupt:
            self.stop(f"interrupted in epoch {self.epoch}, after {len(losses)} steps in all; the model "
                      "keeps what it has learned")
        finally:
            shown.close()
            for module, training in mode.items():
                module.training = training
        if self.patience and self.best[1] is not None:
            self._put(self.best[1])
        self._tell("on_end")
        return history

    def _all_steps(self, train: Any, shown: Progress) -> None:
        """One epoch of training."""
        self._set_mode(True)
        began, lr, count, losses = time.perf_counter(), self._rates()[0], 0, self.history.steps
        good = self._weights()
        if self.watched:
            self._health.begins(self.epoch)
        for batch in train:
            batch = _batch(batch)
            losses.append(float(self._step(*batch).item()))
            count += 1
            problem = self._health.after_step(batch) if self.watched else ""
            if problem:
                self._put(good)
                self.stop(f"{problem}. The weights are those after epoch {self.epoch - 1}")
                warnings.warn(self.history.stopped, TrainingWarning, stacklevel=user_stacklevel())
                return
            if self._each_step:
                self.scheduler.step()
            shown.step(self.epoch, losses[-1])
            self._tell("on_step")
            if self.history.stopped:
                break
        if not count:
            raise OptionError("fit: the data gave no batch; a generator can be used only once: give a "
                              "list, a DataLoader or arrays")
        self._row: dict[str, Any] = {
            "epoch": self.epoch, "loss": float(np.mean(losses[-count:])), "lr": lr,
            "seconds": time.perf_counter() - began}

    def _ends_epoch(self, held: Any, shown: Progress) -> None:
        """Validate, look, schedule, keep the best, and save."""
        row, history = self._row, self.history
        self._set_mode(False)
        if held is not None or self.measures:
            batches = held
            if held is None:
                batches = self.loader.in_order() if isinstance(self.loader, DataLoader) else self.loader
            row.update(self._evaluate(batches, held is not None))
        history.epochs.append(row)
        if self.watched:
            for text in self._health.after_epoch(history["loss"], self.model):
                self.note(text)
        monitored = row.get("val_loss", row["loss"])
        if self.scheduler is not None and not self._each_step:
            self.scheduler.step(*([monitored] if _wants_loss(self.scheduler) else ()))
        if self.patience:
            if monitored < self.best[0]:
                self.best, history.best = (monitored, self._weights()), self.epoch
            elif self.epoch - (history.best or 0) >= self.patience:
                self.stop(f"no better for {self.patience} epochs; the weights are those of epoch "
                          f"{history.best}")
        shown.epoch(row)
        self._tell("on_epoch")
        if self.checkpoint is not None:
            save(self._state(), self.checkpoint)

    def _evaluate(self, batches: Any, is_validation: bool) -> dict[str, float]:
        """Mean loss and metrics of some data."""
        total, rows = 0.0, 0
        targets, outputs = [], []
        with no_grad():
            for batch in batches:
                batch = _batch(batch)
                output, loss = self._forward(*batch)
                total, rows = total + float(loss.item()) * len(batch[0]), rows + len(batch[0])
                if self.measures:
                    targets.append(batch[-1].numpy())
                    outputs.append(output.numpy())
        found = {"val_loss": total / rows} if is_validation else {}
        if self.measures:
            target, output = np.concatenate(targets), np.concatenate(outputs)
            guess = (self.predict or _classes(target))(output)
            found |= {name: float(f(target, guess)) for name, f in self.measures.items()}
        return found

    @property
    def _each_step(self) -> bool:
        """Whether the scheduler is one for batches."""
        return bool(getattr(self.scheduler, "each_step", False))

    def _rates(self) -> list[float]:
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def _set_mode(self, training: bool) -> None:
        if isinstance(self.model, Module):
            self.model.train(training)

    def _tell(self, event: str) -> None:
        for listener in self.listeners:
            if (method := getattr(listener, event, None)) is not None:
                method(self)

    # -- what is kept --------------------------------------------------------------------------------

    def _weights(self) -> Any:
        if isinstance(self.model, Module):
            return {name: np.array(value) for name, value in self.model.state_dict().items()}
        return {str(k): np.array(p.data) for k, (_, p) in enumerate(self.parameters)}

    def _put(self, weights: Any) -> None:
        if isinstance(self.model, Module):
            self.model.load_state_dict(weights)
            return
        with no_grad():
            for k, (_, p) in enumerate(self.parameters):
                p.assign(weights[str(k)])

    def _state(self) -> dict[str, Any]:
        """All that goes on in the next epoch."""
        return {
            "epoch": self.epoch, "model": self._weights(), "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler is not None else None,
            "loader": self.loader.state_dict() if hasattr(self.loader, "state_dict") else None,
            "generator": generator().bit_generator.state, "history": self.history.to_dict(),
            "best": {"loss": self.best[0], "weights": self.best[1]}}

    def _resume(self) -> None:
        assert self.checkpoint is not None
        state = load(self.checkpoint)
        try:
            self._put(state["model"])
        except (KeyError, TypeError, OptionError, ShapeError) as error:
            raise OptionError(f"fit: checkpoint {str(self.checkpoint)!r} is of another model: {error}; "
                              "give the path of another file, or remove this one") from error
        self.epoch, self.history = state["epoch"], History.from_dict(state["history"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        if state["loader"] is not None:
            self.loader.load_state_dict(state["loader"])
        generator().bit_generator.state = state["generator"]
        self.best = state["best"]["loss"], state["best"]["weights"]


# -- what is given -------------------------------------------------------------------------------------


def _parts(data: Any, validation: Any, batch_size: int | None, shuffle: bool, seed: int | None
           ) -> tuple[Any, Any]:
    """Batches to train on, and those to validate on, if any."""
    def loader(given: Any, shuffled: bool) -> Any:
        if _are_arrays(given):
            if len(given) < 2:
                raise OptionError("fit: expected inputs and a target, as in (x, y), got one array")
            return DataLoader(*given, batch_size=batch_size, shuffle=shuffled, seed=seed)
        if not isinstance(given, Iterable) or hasattr(given, "shape"):
            raise DTypeError(f"fit: data are (x, y), a DataLoader or batches, got {describe(given)}")
        if isinstance(given, Iterator):
            raise OptionError("fit: a generator can be used only once, and an epoch needs all data "
                              "again; give a list, a DataLoader or (x, y)")
        return given

    if isinstance(validation, float):
        if not 0 < validation < 1:
            raise OptionError("fit: validation is a part of the rows, between 0 and 1, got "
                              f"{validation}")
        if not _are_arrays(data):
            raise OptionError(f"fit: validation={validation} parts arrays; give (x, y) as data, or the "
                              "validation data themselves")
        from ..data.datasets import split

        data, validation = split(*data, test=validation, seed=seed or 0)
    return loader(data, shuffle), None if validation is None else loader(validation, False)


def _check_loss(loss: Any) -> None:
    if not callable(loss) or isinstance(loss, type):
        cure = f"; write {loss.__name__}()" if isinstance(loss, type) else ""
        raise DTypeError(f"fit: loss is a function of output and target, such as tg.nn.mse_loss, got "
                         f"{describe(loss)}{cure}")


def _are_arrays(given: Any) -> bool:
    """Whether arrays were given, and no batches."""
    return isinstance(given, tuple) or (
        isinstance(given, list) and bool(given) and all(hasattr(x, "shape") for x in given))


def _optimizer(model: Any, given: Any, lr: float | None) -> Optimizer:
    """The optimizer that is meant."""
    if isinstance(model, type):
        raise DTypeError(f"fit: model is a class; make one: {model.__name__}(...)")
    if isinstance(given, Optimizer):
        if lr is not None:
            raise OptionError("fit: lr belongs to an optimizer that is given by its name; set it in "
                              f"{type(given).__name__}(params, lr={lr})")
        trained = [p for group in given.param_groups for p in group["params"]]
        if isinstance(model, Module) and set(trained).isdisjoint(model.parameters()):
            raise OptionError("fit: the optimizer has no parameter of the model; write "
                              f"{type(given).__name__}(model.parameters(), ...)")
        return given
    if not isinstance(model, Module):
        raise OptionError("fit: of a function the parameters are not known; give an optimizer of them, "
                          "as in optimizer=tg.optim.Adam([w, b], lr=0.01)")
    known = {name.lower(): getattr(optim, name) for name in optim.__all__ if name != "Optimizer"}
    kind = known.get(given.lower()) if isinstance(given, str) else given
    if not (isinstance(kind, type) and issubclass(kind, Optimizer)):
        raise OptionError(f"fit: optimizer is {describe(given)} {given!r}; names are "
                          f"{', '.join(sorted(known))}")
    make: Callable[..., Optimizer] = kind
    return make(model.parameters(), **({} if lr is None else {"lr": lr}))


def _scheduler(given: Any, optimizer: Optimizer) -> Any:
    """The scheduler that is meant; one of another optimizer would change nothing here."""
    makes = isinstance(given, type) or (callable(given) and not hasattr(given, "step"))
    made = given(optimizer) if makes else given
    how = "scheduler=lambda optimizer: tg.optim.lr_scheduler.StepLR(optimizer, 10)"
    if given is not None and not hasattr(made, "step"):
        raise DTypeError(f"fit: scheduler has a step(), got {describe(made)}; write {how}")
    if getattr(made, "optimizer", optimizer) is not optimizer:
        raise OptionError("fit: the scheduler changes the rates of another optimizer; give that one as "
                          f"optimizer=, or write {how}")
    return made


def _wants_loss(scheduler: Any) -> bool:
    """Whether a scheduler's step takes the loss."""
    first = next(iter(signature(scheduler.step).parameters.values()), None)
    return first is not None and first.default is Argument.empty


def _named(metrics: Any) -> dict[str, Callable[..., Any]]:
    if isinstance(metrics, Mapping):
        return dict(metrics)
    listed = [metrics] if callable(metrics) else list(metrics)
    for f in listed:
        if not callable(f):
            raise DTypeError(f"fit: a metric is a function of target and prediction, got {describe(f)}")
    return {getattr(f, "__name__", type(f).__name__): f for f in listed}


def _classes(target: np.ndarray[Any, Any]) -> Callable[[np.ndarray[Any, Any]], Any]:
    """Outputs as they are, or the class with the largest score."""
    def guess(output: np.ndarray[Any, Any]) -> Any:
        scores = target.dtype.kind in "iub" and output.ndim == target.ndim + 1
        return output.argmax(axis=1) if scores else output

    return guess


def _batch(batch: Any) -> tuple[Tensor, ...]:
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        raise DTypeError(f"fit: a batch is a tuple of inputs and a target, got {describe(batch)}")
    return tuple(x if isinstance(x, Tensor) else Tensor(x) for x in batch)


def _modes(model: Any) -> dict[Module, bool]:
    return {m: m.training for m in model.modules()} if isinstance(model, Module) else {}


class _Listener:
    """A function that is told of the end of each epoch."""

    def __init__(self, function: Callable[[Run], Any]) -> None:
        self.on_epoch = function


def _listener(callback: Any) -> Any:
    events = ("on_step", "on_epoch", "on_end")
    if any(hasattr(callback, event) for event in events):
        return callback
    if not callable(callback):
        raise DTypeError(f"fit: a callback is a function of the run, or has one of the methods "
                         f"{', '.join(events)}; got {describe(callback)}")
    return _Listener(callback)
