"""Feeding data, and data sets that need no download.

`loader` cuts data into batches, `sources` are what it takes them from; `datasets` has real data and toy
sets, parts them and scales them.

Surprises here
--------------
- A loader whose batch is everything, unshuffled, hands out the whole arrays; others index copies.
- A loader's state has no order of rows: it has the generator's state from before the order was drawn.
- The digits are stored as the grey values 0 to 16 of their source and divided when loaded.
"""

from typing import TYPE_CHECKING

from ..ground.elsewhere import answering_for
from . import datasets
from .loader import DataLoader

__all__ = ["DataLoader", "datasets"]

if not TYPE_CHECKING:
    __getattr__ = answering_for(__name__)
