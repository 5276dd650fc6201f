"""Rows for `tinygrad_gd.ops.einsum`."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Sample, normal, torch_

LETTERS = {"i": 2, "j": 3, "k": 2, "l": 2}


def operands(subscripts: str) -> tuple[Any, ...]:
    """Arrays that fit, with two axes of their own behind an ellipsis."""
    terms = subscripts.split("->")[0].replace("...", "ki").split(",")
    return tuple(normal(*(LETTERS[i] for i in t), seed=n) for n, t in enumerate(terms))


def row(subscripts: str, *arrays: Any, optimize: Any = False, torch: bool = True) -> Sample:
    return Sample(
        "einsum", lambda *xs: np.einsum(subscripts, *xs, optimize=optimize),
        arrays or operands(subscripts), f"{subscripts}{' optimized' if optimize else ''}",
        torch=(lambda *xs: torch_("einsum")(subscripts, *xs)) if torch else None)


def product(subscripts: str, *shapes: tuple[int, ...]) -> Sample:
    """A sum large enough to be computed by matrix products, without rounding."""
    return Sample(
        "contract", lambda x, y: np.einsum(subscripts, x, y),
        tuple(np.rint(4 * normal(*shape, seed=k)) for k, shape in enumerate(shapes)), subscripts,
        torch=lambda x, y: torch_("einsum")(subscripts, x, y))


ROWS = [
    product("ij,jk->ik", (4, 60), (60, 20)), product("ij,kj->ki", (20, 15), (14, 15)),
    product("ij,j->i", (20, 210), (210,)), product("ij,kij->k", (20, 15), (14, 20, 15)),
    product("bij,bjk->bik", (3, 5, 20), (3, 20, 14)), product("bid,hdk->bhik", (4, 6, 5), (4, 5, 9)),
    product("bij,bjk->bik", (64, 4, 4), (64, 4, 4)),
    *map(row, (
        "ij,jk->ik", "ij->ji", "ij->", "ij->j", "ij,ij->", "i,j->ij", "ij,j,ik->k", ",ij->ij", "jij->i",
        "ii->i", "ii", "iijk->jk", "iii->i", "iikk->ik", "ji,ij", "ij,kl->", "...ij,...jk->...ik",
        "...j,j", "...,...->...", "l...i,...->l...",
    )),
    row("ij,j->i", normal(2, 3), normal(1)), row("ij,ij->i", normal(1, 3), normal(2, 1)),
    row("...i,...i->...", normal(2, 1, 3), normal(2, 3)), row("ij,jk", normal(2, 0), normal(0, 2)),
    row("ij,jk->ik", optimize=True), row("ij,jk,kl,l->i", optimize="optimal"),
    row("iij,jk->k", optimize=["einsum_path", (0, 1)]),
    Sample("einsum", lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), operands("ij,jk"), "lists"),
    Sample("einsum", lambda a, b: np.einsum(a, [..., 30], b, [30, 4]), operands("kij,jl"),
           "lists with ellipsis"),
]
