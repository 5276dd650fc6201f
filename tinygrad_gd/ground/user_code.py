"""Where the user's code is: the line that runs now, and where an error or a function comes from."""

from __future__ import annotations

import contextlib
import functools
import inspect
import linecache
import os
import sys
from functools import lru_cache
from typing import Any

import numpy as np

#: A line that is not known; others are pairs of file and number.
UNKNOWN = ("", 0)

#: This package's folder, as its code objects name it: in a zip that name may be relative.
_PACKAGE = os.path.dirname(os.path.dirname(sys._getframe().f_code.co_filename))
#: Where code lies that is not the user's: here, in NumPy, which calls back, and what imports modules
#: and enters blocks.
_INSIDE = (_PACKAGE + os.sep, os.path.dirname(os.path.abspath(np.__file__)) + os.sep,
           contextlib.__file__, "<frozen importlib")
#: The files of Python itself.
_LIBRARY = os.path.dirname(os.__file__) + os.sep


@lru_cache(1 << 10)
def is_inside(file: str) -> bool:
    """Whether a file is this package's or NumPy's."""
    return file.startswith(_INSIDE)


def user_frame() -> Any:
    """The innermost frame outside this package and NumPy, or None."""
    frame: Any = sys._getframe(1)
    while frame is not None and is_inside(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def variables_of(frame: Any) -> list[tuple[str, Any]]:
    """The variables that a frame sees, local ones first, without those that begin with an underscore.

    What they hold is foreign: it may lie about its class, and raise whatever it is asked. Another
    thread may change the variables, so they are copied at once.
    """
    found: list[tuple[str, Any]] = []
    for scope in (frame.f_locals, frame.f_globals) if frame else ():
        try:
            held = dict(scope)
        except Exception:  # `exec` takes mappings of any kind for local variables
            continue
        found += [(name, value) for name, value in held.items()
                  if type(name) is str and name.isidentifier() and not name.startswith("_")]
    return found


def array_in(value: Any) -> np.ndarray[Any, Any] | None:
    """The array that a foreign value is, if it is one, without what its class makes of it."""
    return np.ndarray.view(value, np.ndarray) if issubclass(type(value), np.ndarray) else None


def user_line() -> str:
    """``file:line`` of the innermost frame outside this package and NumPy."""
    frame = user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "unknown line"


def user_call() -> tuple[str, str]:
    """`user_line`, and the name of the function of this package that it calls."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and is_inside(frame.f_back.f_code.co_filename):
        frame = frame.f_back
    user = frame.f_back
    line = f"{user.f_code.co_filename}:{user.f_lineno}" if user else "unknown line"
    return line, frame.f_code.co_name


def user_stacklevel() -> int:
    """The ``stacklevel`` with which the caller's `warnings.warn` points at the user's line."""
    user, level = user_frame(), 1
    frame: Any = sys._getframe(1)
    while frame is not user and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    return level


def current_line() -> tuple[str, int]:
    """The line that the user's code is at."""
    frame = user_frame()
    while frame and frame.f_back and frame.f_code.co_filename.startswith(_LIBRARY):
        frame = frame.f_back  # a callback of Python's, or logging
    if not frame:
        return UNKNOWN
    file = frame.f_code.co_filename
    linecache.lazycache(file, frame.f_globals)  # a program's text shows the line, also of a zip
    return file, frame.f_lineno


def entrance() -> Any:
    """The object a method of which the user's code is in; None in a function of this package."""
    frame: Any = sys._getframe(1)
    while frame.f_back and is_inside(frame.f_back.f_code.co_filename):
        frame = frame.f_back
    return frame.f_locals.get("self")


def line_of_error(error: BaseException) -> tuple[str, int]:
    """The innermost line of the user's that an error came through."""
    found, step = UNKNOWN, error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith((*_INSIDE, _LIBRARY)):
            found = file, step.tb_lineno
        step = step.tb_next
    return found


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
