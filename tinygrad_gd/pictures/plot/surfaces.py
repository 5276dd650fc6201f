"""What a loss says of a plane of parameters, and a model of a plane of points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...engine.tensor import Tensor
from ...errors import DTypeError, OptionError, ShapeError, describe
from ...ground.modes import no_grad
from ...ground.pytree import flatten
from ...transforms.curvature import flat, parts, variables
from ..names import names_for
from .canvas import axes, colours, tidy

Array = np.ndarray[Any, Any]

#: Points along each side of a plane.
GRID = 61
LEVELS = 24


def contour(
    loss: Callable[[], Any], params: Any, path: Any = None, directions: Any = None, span: Any = None,
    ax: Any = None,
) -> Any:
    """The loss over two parameters, or over a plane through many, with the path that descent took.

    Parameters
    ----------
    loss : a function without arguments that computes the loss, a Tensor or a number.
    params : the Tensors; they are afterwards as they were.
    path : the parameters of each step, each an array or a list as ``[p.numpy().copy() for p in
        params]``; or a dict of paths by name, to compare them.
    directions : two vectors that span the plane through the present parameters. By default the two
        numbers, if there are two; else the main directions of the first path (its principal
        components, around its end), else two random ones, each part as long as its parameter.
    span : ``((left, right), (bottom, top))``; by default what holds the paths.

    >>> import numpy as np, tinygrad_gd as tg
    >>> w, b = (tg.Tensor(0.0, requires_grad=True, name=n) for n in "wb")
    >>> ax = tg.plot.contour(lambda: (w - 2) ** 2 + 10 * (b - 1) ** 2, [w, b], [[0, 0], [1, 1], [2, 1]])
    >>> ax.get_xlabel(), ax.get_ylabel(), w.item()
    ('w', 'b', 0.0)
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    if not callable(loss):
        raise DTypeError(f"contour: expected a function that computes the loss, got {describe(loss)}; "
                         "write contour(lambda: ..., params)")
    tensors = variables("contour", params)
    here = flat(tensors)
    paths = path if isinstance(path, Mapping) else {} if path is None else {"": path}
    known = {str(name): _vectors(p, here.size) for name, p in paths.items()}
    first = next(iter(known.values()), None)
    centre, plane, labels = _plane(tensors, here, first, directions)
    flat_paths = {name: (p - centre) @ np.linalg.pinv(plane) for name, p in known.items()}
    x, y = _ranges(span, list(flat_paths.values()))
    heights = _heights(loss, tensors, centre, plane, x, y)
    ax = axes(ax, (5.6, 4.4))
    _fill(ax, x, y, heights)
    _paths(ax, flat_paths)
    return tidy(ax, *labels, over_a_picture=True)


def decision_regions(predict: Any, x: Any, y: Any = None, ax: Any = None) -> Any:
    """Which class a model gives to each point of the plane, and the data, coloured by their labels.

    Parameters
    ----------
    predict : a model or a function of an array (n, 2). It gives classes as integers, a score per class,
        or one score, above 0 for the second class.
    x : the data, two columns.
    y : their labels.

    >>> import numpy as np, tinygrad_gd as tg
    >>> x = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> ax = tg.plot.decision_regions(lambda p: p[:, 0] + p[:, 1] - 1, x, [0, 1])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0', '1']
    >>> import matplotlib.pyplot as plt; plt.close(ax.figure)
    """
    points = np.asarray(x.detach().numpy() if isinstance(x, Tensor) else x, float)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"decision_regions: expected data of two columns, got {describe(points)}; "
                         "choose two")
    sides = [np.linspace(a - 0.1 * (b - a), b + 0.1 * (b - a), 4 * GRID)
             for a, b in zip(points.min(0), points.max(0), strict=True)]
    grid = np.stack(np.meshgrid(*sides), -1)
    values, leads = _leads(predict, grid.reshape(-1, 2))
    labels = None if y is None else np.ravel(y.detach().numpy() if isinstance(y, Tensor) else y)
    values = [*values, *(v for v in np.unique([] if labels is None else labels) if v not in values)]
    ax = axes(ax, (5.6, 4.4))
    palette = colours(ax)
    dots = {"s": 22, "edgecolor": palette.halo, "linewidth": 0.6, "zorder": 3}
    for i, value in enumerate(values):
        shade = palette.lines[i % len(palette.lines)]
        lead = leads[:, i].reshape(grid.shape[:2]) if i < leads.shape[1] else np.zeros(grid.shape[:2])
        if lead.max() > 0:
            ax.contourf(*sides, lead, [0, np.inf], colors=[shade], alpha=palette.tint)
            ax.contour(*sides, lead, [0], colors=palette.quiet, linewidths=1.0)
        if labels is not None and (labels == value).any():
            ax.scatter(*points[labels == value].T, color=shade, label=f"{value}", **dots)
    if labels is None:
        ax.scatter(*points.T, color=palette.quiet, **dots)
    return tidy(ax, "x[:, 0]", "x[:, 1]", over_a_picture=True)


def _leads(predict: Any, points: Array) -> tuple[list[Any], Array]:
    """The classes, and for each point by how much the score of each is above all others."""
    modules = list(predict.modules()) if hasattr(predict, "modules") else []
    before = [m.training for m in modules]
    for module in modules:
        module.training = False
    try:
        with no_grad():
            given = predict(Tensor(points) if modules else points)
    finally:
        for module, mode in zip(modules, before, strict=True):
            module.training = mode
    scores = np.asarray(given.detach().numpy() if isinstance(given, Tensor) else given)
    if scores.shape[:1] != points.shape[:1] or scores.ndim > 2:
        raise ShapeError(f"decision_regions: expected a class or scores for each of {len(points)} "
                         f"points, got {describe(scores)}")
    if scores.dtype.kind != "f":
        values = np.unique(scores)
        return list(values), np.where(scores.reshape(-1, 1) == values, 1.0, -1.0)
    if scores.size == len(points):
        scores = scores.reshape(-1, 1) * [-0.5, 0.5]
    best = np.sort(scores, axis=1)
    others = np.where(scores == best[:, -1:], best[:, -2:-1], best[:, -1:])
    return list(range(scores.shape[1])), scores - others


def _vectors(path: Any, size: int) -> Array:
    """The steps of a path as rows."""
    rows = [vector(step) for step in path]
    wrong = next((row for row in rows if row.size != size), None)
    if not rows or wrong is not None:
        raise ShapeError(f"contour: expected in each step of a path the {size} numbers of the "
                         f"parameters, got {0 if wrong is None else wrong.size}")
    return np.array(rows, float)


def _plane(
    tensors: Sequence[Tensor], here: Array, path: Array | None, directions: Any
) -> tuple[Array, Array, tuple[str, str]]:
    """A point, two vectors as rows, and what they are called."""
    if directions is not None:
        plane = np.array([vector(d) for d in directions])
        if plane.shape != (2, here.size):
            raise ShapeError(f"contour: expected two directions of {here.size} numbers, got "
                             f"{describe(plane)}")
        return here, plane, ("first direction", "second direction")
    if here.size == 2:
        names = names_for(list(tensors))
        known = [names.get(t, f"parameter {i}") for i, t in enumerate(tensors)]
        labels = known if len(tensors) == 2 else [f"{known[0]}[{i}]" for i in (0, 1)]
        return np.zeros(2), np.eye(2), (labels[0], labels[1])
    if path is not None and len(path) > 2:
        _, spread, axes_ = np.linalg.svd(path - path[-1], full_matrices=False)
        share = spread**2 / max(float((spread**2).sum()), 1e-300)
        return path[-1], axes_[:2], tuple(  # type: ignore[return-value]
            f"main direction {i + 1} of the path ({share[i]:.0%})" for i in (0, 1))
    rng = np.random.default_rng(0)
    plane = np.array([np.concatenate([_as_long(rng.standard_normal(t.size), t) for t in tensors])
                      for _ in range(2)])
    return here, plane, ("random direction 1", "random direction 2")


def vector(tree: Any) -> Array:
    """An array, or nested ones of the parameters' shapes, as a vector."""
    return np.concatenate([np.ravel(leaf.detach().numpy() if isinstance(leaf, Tensor) else leaf)
                           for leaf in flatten(tree)])


def _as_long(direction: Array, tensor: Tensor) -> Array:
    """Of the parameter's length: else layers with small weights would seem steep (Li et al., 2018)."""
    size = float(np.linalg.norm(tensor.detach().numpy()))
    return np.asarray(direction / np.linalg.norm(direction) * size)


def _ranges(span: Any, paths: list[Array]) -> tuple[Array, Array]:
    if span is None:
        if paths:
            points = np.concatenate(paths)
            points = points[np.isfinite(points).all(axis=1)]
            low, high = points.min(0), points.max(0)
            margin = 0.15 * np.maximum(high - low, 0.25 * (high - low).max() + 1e-12)
            span = np.transpose([low - margin, high + margin])
        else:
            span = ((-1, 1), (-1, 1))
    if np.shape(span) != (2, 2):
        raise OptionError(f"contour: span is ((left, right), (bottom, top)), got {span!r}")
    (left, right), (bottom, top) = span
    return np.linspace(left, right, GRID), np.linspace(bottom, top, GRID)


def _heights(
    loss: Callable[[], Any], tensors: Sequence[Tensor], centre: Array, plane: Array, x: Array, y: Array
) -> Array:
    before = [np.array(t.detach().numpy()) for t in tensors]
    heights = np.empty((len(y), len(x)))
    try:
        with no_grad(), np.errstate(all="ignore"):
            for i, j in np.ndindex(heights.shape):
                point = centre + x[j] * plane[0] + y[i] * plane[1]
                for t, value in zip(tensors, parts(tensors, point), strict=True):
                    t.assign(value)
                value = loss()
                heights[i, j] = value.item() if isinstance(value, Tensor) else value
    finally:
        with no_grad():
            for t, value in zip(tensors, before, strict=True):
                t.assign(value)
    return heights


def _fill(ax: Any, x: Array, y: Array, heights: Array) -> None:
    """Levels at equal factors above the lowest."""
    from matplotlib.colors import LinearSegmentedColormap

    palette = colours(ax)
    above = heights - np.nanmin(heights)
    scale = np.nanmax(above[np.isfinite(above)])
    shown = np.log10(above / (scale or 1.0) + 1e-3)
    shown[~np.isfinite(shown)] = 0.0
    shades = LinearSegmentedColormap.from_list("loss", [palette.low, palette.high])
    ax.contourf(x, y, shown, LEVELS, cmap=shades)
    ax.contour(x, y, shown, LEVELS, colors=palette.quiet, linewidths=0.5, alpha=0.55,
               linestyles="solid")


def _paths(ax: Any, paths: dict[str, Array]) -> None:
    from matplotlib.patheffects import Normal, Stroke

    palette = colours(ax)
    halo = [Stroke(linewidth=3, foreground=palette.halo, alpha=0.7), Normal()]
    limits = ax.get_xlim(), ax.get_ylim()
    for i, (name, path) in enumerate(paths.items()):
        colour = palette.lines[(i + 1) % len(palette.lines)]
        ax.plot(*path.T, color=colour, linewidth=1.5, label=name or None, path_effects=halo)
        if len(path) <= 60:  # by themselves: with path effects an SVG has an outline for each
            ax.plot(*path.T, "o", markersize=3, color=colour, markeredgecolor=palette.halo,
                    markeredgewidth=0.5)
        ax.plot(*path[-1], marker="o", markersize=6, color=colour, markeredgecolor=palette.halo,
                zorder=3)  # no later path hides where this one ends
    if paths:
        start = next(iter(paths.values()))[0]
        ax.plot(*start, marker="s", markersize=6, color=palette.quiet, markeredgecolor=palette.halo)
    ax.set_xlim(*limits[0])
    ax.set_ylim(*limits[1])
