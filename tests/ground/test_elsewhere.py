"""Names of other libraries say how it is written here."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_gd as tg
from tests.misuse import w


@pytest.mark.parametrize("name,text", [
    ("view", r"use \.reshape"), ("dim", r"use \.ndim"), ("cuda", "CPU's memory"), ("to", "astype"),
    ("unsqueeze", r"np\.expand_dims"), ("add_", r"-=, \+= .* tg\.no_grad"), ("softmax", r"use tg\.softmax\(t\)"),
    ("grad_fn", r"t\.draw\(\)"), ("nonsense", "$"), ("zero_", r"use \.zero_grad\(\).*\.assign"),
    ("mul", r"operators"), ("eq", "operators"), ("masked_fill", r"np\.where\(mask, value, t\)"),
    ("square", r"use tg\.square\(t\)"),
])
def test_names_of_other_libraries(name: str, text: str) -> None:
    with pytest.raises(AttributeError, match=f"^'Tensor' object has no attribute '{name}'.*{text}"):
        getattr(w(), name)
    assert not hasattr(w(), name)


@pytest.mark.parametrize("name,text", [
    ("zeros", r"use np\.zeros, inside tg\.Tensor\(\.\.\.\)"), ("float32", r"use np\.float32$"), ("pi", r"use np\.pi$"), ("cat", r"tg\.concatenate"),
    ("randn", r"tg\.normal\(size=shape\)"), ("from_numpy", r"tg\.Tensor\(array\)"), ("cuda", "CPU's memory"),
    ("nonsense", "$"), ("_core", "$"), ("utils", r"tg\.checkpoint"),
])
def test_names_of_other_libraries_in_the_package(name: str, text: str) -> None:
    with pytest.raises(AttributeError, match=f"^module 'tinygrad_gd' has no attribute '{name}'.*{text}"):
        getattr(tg, name)


@pytest.mark.parametrize(("ask", "cure"), [
    (lambda t: t.sort, r"use tg\.sort\(t\)"), (lambda t: t.flags, r"use t\.numpy\(\)\.flags"),
    (lambda t: t.flat, r"use \.reshape\(-1\)"), (lambda t: t.at.set(3), r"give it a key first, t\.at\[key\]\.set"),
    (lambda t: t.at[0].divide(2.0), r"t\.at\[key\]\.set\(f\(t\[key\]\)\)"),
])
def test_attributes_that_are_not_there_say_how_it_is_written(ask: Any, cure: str) -> None:
    with pytest.raises(AttributeError, match=cure):
        ask(w())
