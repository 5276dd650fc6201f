"""Feeding data, and data sets that need no download.

`loader` cuts arrays into batches, `datasets` has real data and parts them.

Surprises here
--------------
- A loader whose batch is everything, unshuffled, hands out the whole arrays; others index copies.
- The digits are stored as the grey values 0 to 16 of their source and divided when loaded.
"""

from . import datasets
from .loader import DataLoader

__all__ = ["DataLoader", "datasets"]
