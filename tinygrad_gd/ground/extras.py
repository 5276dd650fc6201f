"""Libraries that this package can use and does not need: they are imported where they are used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ..errors import MissingLibraryError


def found(library: str) -> ModuleType | None:
    """A module if it is installed.

    >>> found("math").__name__, found("no_such_library")
    ('math', None)
    """
    try:
        return import_module(library)
    except ImportError:
        return None


def needed(library: str, extra: str, what: str) -> ModuleType:
    """A module that ``what`` cannot do without; the error says how to install it.

    >>> needed("no_such_library.part", "plot", "tg.plot")
    Traceback (most recent call last):
    tinygrad_gd.errors.MissingLibraryError: tg.plot needs no_such_library; install it with
    `pip install "tinygrad_gd[plot]"`
    """
    try:
        return import_module(library)
    except ImportError as error:
        raise MissingLibraryError(f"{what} needs {library.partition('.')[0]}; install it with "
                                  f'`pip install "tinygrad_gd[{extra}]"`') from error
