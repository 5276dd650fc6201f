"""`Embedding`: a table whose rows stand for numbers, such as words; `one_hot` says which row it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import OptionError, ShapeError, describe
from ..ground.checks import check_integer, check_switch, is_integer
from ..ground.explain import answering
from ..ground.modes import get_default_dtype, no_grad
from ..ground.registry import explaining
from ..ops.elementwise import where
from ..ops.indexing import getitem
from ..ops.neural.embedding import row_numbers
from ..ops.reductions import max as max_of
from ..ops.signatures import as_tensor
from . import init
from .module import Module
from .parameter import Parameter


def _row(operation: str, padding_idx: Any, rows: int) -> int | None:
    """The number of the row that gets no gradient; negative ones count from the end."""
    if padding_idx is None:
        return None
    if not is_integer(padding_idx) or not -rows <= padding_idx < rows:
        raise OptionError(f"{operation}: padding_idx is the number of one of {rows} rows, got "
                          f"{padding_idx!r}")
    return int(padding_idx) % rows


@explaining
def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """The rows of ``weight`` with the numbers in ``input``; row ``padding_idx`` gets no gradient.

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.embedding([[2, 0]], tg.Tensor([[0.0], [1.0], [2.0]])).tolist()
    [[[2.0], [0.0]]]
    """
    table = as_tensor("embedding", weight)
    if table.ndim != 2:
        raise ShapeError(f"embedding: expected a weight (rows, features), got {describe(table)}")
    row = _row("embedding", padding_idx, table.shape[0])
    numbers = row_numbers("embedding", input, table.shape[0])
    out = getitem(table, numbers)
    if row is None:
        return out
    with no_grad():
        constant = getitem(table, row)
    kept: Tensor = where((numbers == row)[..., None], constant, out)
    return kept


@explaining
def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Integers as rows of zeros with a one; without ``num_classes`` the largest number is the last.

    >>> import tinygrad_gd as tg
    >>> tg.nn.functional.one_hot([1, 0], 3).tolist()
    [[0, 1, 0], [1, 0, 0]]
    """
    classes = check_integer("one_hot: num_classes", num_classes, -1)
    if classes == -1:
        numbers = as_tensor("one_hot", tensor)
        if not numbers.size:
            raise OptionError("one_hot: there are no numbers to count classes by; give num_classes=")
        classes = int(max_of(numbers).item()) + 1
    numbers = as_tensor("one_hot", row_numbers("one_hot", tensor, classes))
    ones: Tensor = (numbers[..., None] == np.arange(classes)).astype(np.int64)
    return ones


class Embedding(Module):
    """A learned table (num_embeddings, embedding_dim): numbers become its rows.

    Parameters
    ----------
    num_embeddings : how many rows; numbers run from 0 to ``num_embeddings`` - 1.
    embedding_dim : the length of a row; first drawn from N(0, 1).
    padding_idx : a row that starts as zeros and is not learned.

    >>> import tinygrad_gd as tg
    >>> tg.nn.Embedding(10, 3)([[1, 2], [4, 4]]).shape
    (2, 2, 3)
    """

    @answering
    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None:
        for option, value in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            check_integer(f"Embedding: {option}", value, 1, wrong_type=OptionError)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = _row("Embedding", padding_idx, num_embeddings)
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), get_default_dtype()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw first values again, as when the table was made."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            first = self.weight.numpy().copy()
            first[self.padding_idx] = 0
            with no_grad():
                self.weight.assign(first)

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True,
                        padding_idx: int | None = None) -> Embedding:
        """An `Embedding` with these rows, which are not learned unless ``freeze`` is False."""
        values = as_tensor("Embedding.from_pretrained", embeddings)
        if values.ndim != 2:
            raise ShapeError(f"Embedding.from_pretrained: expected (rows, features), got "
                             f"{describe(values)}")
        made = cls(values.shape[0], values.shape[1], padding_idx)
        freeze = check_switch("Embedding.from_pretrained: freeze", freeze)
        made.weight = Parameter(values.detach(), requires_grad=not freeze)
        return made

    def forward(self, x: Any) -> Tensor:
        """The rows with the numbers in ``x``, along a new last axis."""
        return embedding(x, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """The sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
