"""Networks as estimators of scikit-learn: for `Pipeline`, `GridSearchCV` and `cross_val_score`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import DTypeError, MissingLibraryError, describe
from ..ground.modes import no_grad
from ..ground.rng import generator, manual_seed
from ..nn import Linear, ReLU, Sequential, cross_entropy, mse_loss
from ..nn.module import Module
from ..training.fitting import fit

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as missing:
    raise MissingLibraryError("tg.sklearn: scikit-learn 1.6 or later is not installed; `pip install "
                              "scikit-learn`") from missing


class _Net(BaseEstimator):  # type: ignore[misc]
    """What both estimators have in common; options are kept as they are given, as scikit-learn asks."""

    def __init__(
        self,
        module: Any = None,
        *,
        hidden: tuple[int, ...] = (32,),
        loss: Any = None,
        optimizer: Any = "adam",
        lr: float | None = 0.01,
        epochs: int = 100,
        batch_size: int | None = 32,
        validation: float | None = None,
        patience: int | None = None,
        random_state: Any = None,
        progress: bool | None = False,
    ) -> None:
        self.module, self.hidden, self.loss = module, hidden, loss
        self.optimizer, self.lr, self.epochs, self.batch_size = optimizer, lr, epochs, batch_size
        self.validation, self.patience = validation, patience
        self.random_state, self.progress = random_state, progress

    def _trained(self, x: Any, y: Any, outputs: int, loss: Any) -> None:
        """Make the network and train it, with random numbers of its own."""
        with self._own_numbers() as seed:
            self.module_ = self._made(x.shape[1], outputs)
            self.history_ = fit(
                self.module_, self.loss or loss, (x, y), epochs=self.epochs, batch_size=self.batch_size,
                optimizer=self.optimizer, lr=self.lr, validation=self.validation, seed=seed,
                patience=self.patience, progress=self.progress, watch=False)

    @contextmanager
    def _own_numbers(self) -> Iterator[int]:
        """Draw from ``random_state``, and leave the framework's generator as it is."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        held = generator().bit_generator.state
        manual_seed(seed)
        try:
            yield seed
        finally:
            generator().bit_generator.state = held

    def _made(self, inputs: int, outputs: int) -> Module:
        if self.module is None:
            sizes = [inputs, *self.hidden]
            layers: list[Module] = []
            for a, b in pairwise(sizes):
                layers += [Linear(a, b), ReLU()]
            return Sequential(*layers, Linear(sizes[-1], outputs))
        made = copy.deepcopy(self.module) if isinstance(self.module, Module) else (
            self.module(inputs, outputs))
        if not isinstance(made, Module):
            raise DTypeError(f"{type(self).__name__}: module is a Module, or a function of the numbers "
                             f"of inputs and outputs that makes one; it made {describe(made)}")
        return made

    def _outputs(self, x: Any) -> np.ndarray[Any, Any]:
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=float)
        self.module_.eval()
        with no_grad():
            found: np.ndarray[Any, Any] = self.module_(Tensor(x)).numpy()
        return found


class NetClassifier(ClassifierMixin, _Net):  # type: ignore[misc]
    """A network that tells classes apart, trained by `fit` on the cross-entropy.

    Parameters
    ----------
    module : a `Module` that has an output for each class; or a function of the numbers of inputs and
        classes that makes one; by default layers with relu.
    hidden : units of the default's layers.
    loss, optimizer, lr, epochs, batch_size, validation, patience, progress : as in `fit`.
    random_state : a seed; the weights and the order of the rows follow from it.

    Attributes
    ----------
    module_, history_, classes_ : the network, what training has shown, and the classes.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> net = NetClassifier(epochs=50, random_state=0).fit(x, ["low", "low", "high", "high"])
    >>> net.predict(x).tolist(), net.predict_proba(x).shape
    (['low', 'low', 'high', 'high'], (4, 2))
    """

    def fit(self, X: Any, y: Any) -> NetClassifier:
        """Train a new network on rows of numbers and their classes."""
        X, y = validate_data(self, X, y, dtype=float)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._trained(X, labels, len(self.classes_), cross_entropy)
        return self

    def predict_proba(self, X: Any) -> np.ndarray[Any, Any]:
        """The probability of each class, in the order of ``classes_``."""
        scores = self._outputs(X)
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        total: np.ndarray[Any, Any] = e / e.sum(axis=1, keepdims=True)
        return total

    def predict(self, X: Any) -> Any:
        """The class with the largest probability."""
        scores = self._outputs(X)
        return self.classes_[scores.argmax(axis=1)]


class NetRegressor(RegressorMixin, _Net):  # type: ignore[misc]
    """A network that predicts numbers, trained by `fit` on the mean squared error.

    Parameters and attributes are those of `NetClassifier`; a function that makes the module gets the
    numbers of inputs and targets.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> net = NetRegressor(hidden=(), epochs=200, lr=0.05, random_state=0).fit(x, 2 * x[:, 0] + 1)
    >>> np.round(net.predict([[0.5]]), 3).tolist()
    [2.0]
    """

    def fit(self, X: Any, y: Any) -> NetRegressor:
        """Train a new network on rows of numbers and their targets, one or several of each."""
        X, y = validate_data(self, X, y, dtype=float, multi_output=True, y_numeric=True)
        y = np.asarray(y, float)
        self.flat_ = y.ndim == 1
        self._trained(X, y.reshape(len(y), -1), 1 if self.flat_ else y.shape[1], mse_loss)
        return self

    def predict(self, X: Any) -> np.ndarray[Any, Any]:
        """The network's outputs."""
        found = self._outputs(X)
        return found[:, 0] if self.flat_ else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
