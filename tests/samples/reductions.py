"""Rows for `tinygrad_gd.ops.reductions` and `tinygrad_gd.ops.statistics`."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_gd as tg

from . import Sample, named, normal, positive, torch_

X = normal(2, 3, 2)
MATRIX = normal(3, 4)
MASK = np.array([[True, True, False], [False, True, True]])[:, :, None] & np.ones(2, bool)
ZEROS = np.array([[2.0, 0.0, 3.0, 0.5, -1.0], [0.0, 1.5, 0.0, 2.0, 4.0], [1.0, 2.0, 3.0, -2.0, 0.5]])
HOLES = np.array([[True, False, True, True], [True, True, False, True], [False, True, True, True]])
SINGLE = np.array([1, 2, 3, 4], np.float32)  # of the lowest precision, so that none is raised
AXES: Any = ({}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)}, {"axis": (-1, 0)})
TORCH_AXES = {"axis": "dim", "keepdims": "keepdim"}


def in_torch(name: str, options: dict[str, Any]) -> Any:
    """The same reduction in PyTorch's words."""
    return lambda x: torch_(name)(x, **{TORCH_AXES[k]: v for k, v in options.items()})


def in_torch_with_holes(name: str, options: dict[str, Any]) -> Any:
    """A nansum or nanmean of PyTorch, which has no others."""
    if name not in ("sum", "mean"):
        return None
    return lambda x: in_torch(f"nan{name}", options)(x.masked_fill(~torch_("tensor")(HOLES), np.nan))


ROWS = [
    *(Sample(name, lambda x, f=name, o=options: getattr(np, f)(x, **o), (X,), str(options),
             torch=in_torch({"max": "amax", "min": "amin"}.get(name, name), options))
      for name in ("sum", "mean", "max", "min") for options in AXES),
    *(Sample(name, lambda x, f=name, o=options: getattr(np, f)(x, **o), (x,), str(options))
      for name, x in (("prod", X), ("var", X), ("std", normal(3, 3, 3)), ("ptp", X), ("median", X))
      for options in AXES),
    *(Sample(name, lambda x, f=name: getattr(np, f)(x), (np.array(2.0),), "0-d")
      for name in ("sum", "mean", "prod", "var", "max", "median", "cumsum", "cumprod")),
    *(Sample(name, lambda x, f=name: getattr(np, f)(x, axis=0), (np.zeros((0, 3)),), "empty")
      for name in ("sum", "prod", "cumsum", "cumprod")),
    *(Sample(name, lambda x, f=name: getattr(np, f)(x, axis=1, where=MASK), (X,), "where",
             autograd=False)
      for name in ("sum", "mean", "prod")),
    *(Sample(name, lambda x, f=name: getattr(np, f)(x, axis=1, where=MASK, initial=0.1), (X,),
             "where, initial", autograd=False) for name in ("max", "min")),
    *(Sample(name, lambda x, f=name: getattr(np, f)(x, axis=0, ddof=1), (MATRIX,), "ddof",
             torch=lambda x, f=name: torch_(f)(x, dim=0)) for name in ("var", "std")),
    Sample("amax", lambda x: np.amax(x, axis=1), (X,), torch=lambda x: x.amax(1)),
    Sample("amin", lambda x: np.amin(x, axis=1), (X,), torch=lambda x: x.amin(1)),
    # products with zeros in every number and place
    Sample("prod", lambda x: np.prod(x, axis=1), (ZEROS,), "zeros", torch=lambda x: x.prod(1),
           autograd=False),
    Sample("prod", np.prod, (np.array([2.0, 0.0, 3.0]),), "one zero", torch=lambda x: x.prod(),
           autograd=False),
    Sample("prod", np.prod, (np.array([2.0, 0.0, 0.0, 3.0]),), "two zeros", torch=lambda x: x.prod(),
           autograd=False),
    *(Sample("cumprod", lambda x, a=axis: np.cumprod(x, axis=a), (ZEROS,), f"zeros, axis={axis}",
             torch=lambda x, a=axis: x.cumprod(a)) for axis in (0, -1)),
    Sample("cumprod", np.cumprod, (normal(2, 3),)),
    Sample("cumsum", np.cumsum, (normal(2, 3),), torch=lambda x: x.flatten().cumsum(0)),
    *(Sample("cumsum", lambda x, a=axis: np.cumsum(x, axis=a), (X,), f"axis={axis}",
             torch=lambda x, a=axis: x.cumsum(a)) for axis in (0, -2)),
    Sample("logsumexp", lambda x: tg.logsumexp(x), (X,)),
    Sample("logsumexp", lambda x: tg.logsumexp(x, axis=-1), (X,), "axis=-1",
           torch=lambda x: x.logsumexp(-1)),
    Sample("logsumexp", lambda x: tg.logsumexp(x, axis=1, keepdims=True), (X,), "keepdims"),
    # order statistics
    *(Sample("quantile", lambda x, m=method: np.quantile(x, 0.37, axis=1, method=m), (MATRIX,), method)
      for method in ("linear", "lower", "higher", "midpoint", "nearest", "hazen", "weibull",
                     "inverted_cdf", "median_unbiased")),
    Sample("quantile", lambda x: np.quantile(x, [[0.1, 0.5], [0.9, 1.0]], axis=0), (MATRIX,), "list"),
    Sample("quantile", lambda x: np.quantile(x, 0.3, axis=(0, 2), keepdims=True), (X,), "axes",
           torch=lambda x: x.transpose(0, 1).flatten(1).quantile(0.3, dim=1)[None, :, None]),
    Sample("percentile", lambda x: np.percentile(x, 80, axis=-1), (MATRIX,),
           torch=lambda x: x.quantile(0.8, dim=-1)),
    Sample("median", lambda x: np.median(x, axis=0), (MATRIX,), "odd",
           torch=lambda x: x.median(0).values),
    # averages and integrals
    Sample("average", lambda x: np.average(x, axis=1, weights=SINGLE), (MATRIX,)),
    Sample("average", lambda x, w: np.average(x, weights=w), (MATRIX, positive(3, 4)), "weights",
           torch=lambda x, w: (x * w).sum() / w.sum()),
    Sample("average", lambda x, w: np.average(x, axis=(0, 2), weights=w, keepdims=True),
           (X, positive(2, 2)), "axes"),
    Sample("diff", np.diff, (MATRIX,), torch=torch_("diff")),
    Sample("diff", lambda x: np.diff(x, 2, axis=0, append=SINGLE[None]), (MATRIX,), "append"),
    Sample("trapezoid", np.trapezoid, (MATRIX,), torch=torch_("trapezoid")),
    Sample("trapezoid", lambda y, x: np.trapezoid(y, x, axis=0), (MATRIX, np.array([0.0, 1.0, 3.0])),
           "x", torch=lambda y, x: torch_("trapezoid")(y, x[:, None], dim=0)),
    # leaving out NaN
    *(Sample(f"nan{name}", lambda x, f=name, o=options: getattr(np, f"nan{f}")(np.where(HOLES, x, np.nan), **o),
             (MATRIX,), str(options), torch=in_torch_with_holes(name, options))
      for name in ("sum", "mean", "max", "min", "var", "std", "prod")
      for options in ({}, {"axis": -1, "keepdims": True})),
    *(Sample(f"nan{name}", lambda x, f=name: getattr(np, f"nan{f}")(np.where(HOLES, x, np.nan), axis=1), (MATRIX,))
      for name in ("cumsum", "cumprod")),
    # norms
    *(Sample("norm", lambda x, o=order: np.linalg.norm(x, o, 1), (MATRIX,), f"vector {order}",
             torch=lambda x, o=order: torch_("linalg.vector_norm")(x, o or 2, dim=1), autograd=order != np.inf)
      for order in (None, 1, 2, 3, 2.5, 0.5, -1, np.inf, -np.inf)),
    *(Sample("norm", lambda x, o=order: np.linalg.norm(x, o, (0, 2), keepdims=True), (X,),
             f"matrix {order}",
             torch=lambda x, o=order: torch_("linalg.matrix_norm")(x, o, (0, 2), keepdim=True))
      for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)),
    Sample("norm", np.linalg.norm, (X,), "all", torch=torch_("linalg.norm")),
    Sample("vector_norm", lambda x: np.linalg.vector_norm(x, axis=(0, 2), ord=3, keepdims=True), (X,),
           torch=lambda x: torch_("linalg.vector_norm")(x, 3, dim=(0, 2), keepdim=True)),
    Sample("matrix_norm", lambda x: np.linalg.matrix_norm(x, ord=1), (X,),
           torch=lambda x: torch_("linalg.matrix_norm")(x, 1)),
]

GRID = np.array([0.0, 1.0, 3.0, 3.5, 5.0])
BETWEEN = np.array([-1.0, 0.4, 2.2, 4.1, 6.0])
ROWS += [
    # functions sampled on a grid
    Sample("ediff1d", lambda x, e: np.ediff1d(x, to_end=e, to_begin=0.5), (MATRIX, normal(2, seed=8)),
           autograd=False),
    Sample("gradient", lambda x: np.gradient(x, 0.5, axis=0), (MATRIX,),
           torch=lambda x: torch_("gradient")(x, spacing=0.5, dim=0)[0]),
    Sample("gradient", lambda x: np.gradient(x, GRID[:4].astype(x.dtype), axis=-1, edge_order=2),
           (MATRIX,), "coordinates", autograd=False,
           torch=lambda x: torch_("gradient")(x, spacing=(torch_("tensor")(GRID[:4]),), dim=-1, edge_order=2)[0]),
    Sample("gradient", lambda f, x: np.gradient(f, x), (normal(5), GRID), "of coordinates", autograd=False),
    Sample("interp", lambda x, xp, fp: np.interp(x, xp, fp), (BETWEEN, GRID, normal(5)), autograd=False),
    Sample("interp", lambda x, fp: np.interp(x, GRID.astype(fp.dtype), fp, left=-1.0, right=2.0), (BETWEEN, normal(5)),
           "ends", autograd=False),
    Sample("interp", lambda x, fp: np.interp(x, GRID.astype(fp.dtype), fp, period=7.0), (BETWEEN, normal(5)), "period",
           autograd=False),
    Sample("linspace", lambda a, b: np.linspace(a, b, 4), (normal(2), normal(2, seed=1)), autograd=False),
    Sample("linspace", lambda a, b: np.linspace(a, b, 3, endpoint=False, axis=-1),
           (normal(2), normal(seed=1)), "half open", autograd=False),
    *(Sample(name, lambda a, b, f=name, o=options: getattr(np, f)(a, b, **o), (positive(2), positive(2, seed=1)),
             str(options), autograd=False)
      for name in ("logspace", "geomspace")
      for options in ({"num": 4}, {"num": 3, "endpoint": False, "axis": -1}, {"num": 1})),
    Sample("logspace", lambda a: np.logspace(a, 2.0, 3, base=2.0), (normal(2),), "base", autograd=False),
    Sample("geomspace", lambda a: np.geomspace(-a, -9.0, 3), (positive(2),), "negative", autograd=False),
    Sample("vander", lambda x: np.vander(x), (normal(3),), autograd=False),
    *(Sample("vander", lambda x, n=n, i=i: np.vander(x, n, i), (np.array([0.0, -1.5]),), f"{n}, {i}", autograd=False)
      for n, i in ((4, True), (2, False), (1, False))),
    *(Sample(name, lambda x, f=name, o=options: named(f)(x, **o), (X,), str(options), autograd=False)
      for name in ("cumulative_sum", "cumulative_prod") for options in
      ({"axis": 1}, {"axis": -1, "include_initial": True}, {"axis": 0, "include_initial": True})),
    Sample("linspace", lambda a: np.linspace(a, 2.0, 3), (normal(2),), "to a number", autograd=False),
    Sample("polyval", lambda p, x: np.polyval(p, x), (normal(3), normal(2, 2, seed=1)), autograd=False),
    # order statistics of the numbers among NaN
    Sample("nanmedian", lambda x: np.nanmedian(np.where(HOLES, x, np.nan), axis=1), (MATRIX,),
           autograd=False),
    Sample("nanmedian", lambda x: np.nanmedian(np.where(HOLES, x, np.nan), keepdims=True), (MATRIX,),
           "all", autograd=False),
    Sample("nanquantile", lambda x: np.nanquantile(np.where(HOLES, x, np.nan), [0.2, 0.9], axis=0),
           (MATRIX,), autograd=False),
    Sample("nanpercentile", lambda x: np.nanpercentile(np.where(HOLES, x, np.nan), 30, axis=-1), (MATRIX,),
           autograd=False),
    # covariances
    Sample("cov", lambda x: np.cov(x), (MATRIX,), torch=torch_("cov"), autograd=False),
    Sample("cov", lambda x, y: np.cov(x, y, rowvar=False, bias=True), (MATRIX, normal(3, seed=4)), "both",
           autograd=False),
    Sample("corrcoef", lambda x: np.corrcoef(x), (MATRIX,), torch=torch_("corrcoef"), autograd=False),
]
