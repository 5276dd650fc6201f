"""Lines of the user's code: where something happens now, where an error or a function comes from.

A line is a pair of file and number; ``("", 0)`` if it is not known.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
from typing import Any

import numpy as np

from ..errors import user_frame

UNKNOWN = ("", 0)

#: Where files of this package and of NumPy are, and what imports modules.
_INSIDE = (os.path.dirname(os.path.dirname(__file__)) + os.sep, os.path.dirname(np.__file__) + os.sep,
           "<frozen importlib")
#: The files of Python itself.
_LIBRARY = os.path.dirname(os.__file__) + os.sep


@functools.lru_cache(1 << 10)
def is_inside(file: str) -> bool:
    """Whether a file is this package's or NumPy's."""
    return file.startswith(_INSIDE)


def current_line() -> tuple[str, int]:
    """The line that the user's code is at."""
    frame = user_frame()
    while frame and frame.f_back and frame.f_code.co_filename.startswith(_LIBRARY):
        frame = frame.f_back  # a callback of Python's, or logging
    return (frame.f_code.co_filename, frame.f_lineno) if frame else UNKNOWN


def entrance() -> Any:
    """The object a method of which the user's code is in; None in a function of this package."""
    frame: Any = sys._getframe(1)
    while frame.f_back and is_inside(frame.f_back.f_code.co_filename):
        frame = frame.f_back
    return frame.f_locals.get("self")


def line_of_error(error: BaseException) -> tuple[str, int]:
    """The innermost line of the user's that an error came through."""
    walk = [(f.f_code.co_filename, line) for f, line in traceback.walk_tb(error.__traceback__)]
    places = [(file, line) for file, line in walk if not file.startswith((*_INSIDE, _LIBRARY))]
    return places[-1] if places else UNKNOWN


def line_of_function(function: Any) -> tuple[str, int]:
    """Where a function, a method, a partial of one, or the call of an object is defined."""
    if isinstance(function, functools.partial):
        return line_of_function(function.func)
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else UNKNOWN


def located(name: str, line: tuple[str, int], text: str) -> str:
    """A notice about the function ``name``, with the line it is about."""
    file, number = line
    return f"{name}, {file}:{number}: {text}" if number else f"{name}: {text}"
