"""Linear algebra, batched where NumPy batches."""

from . import (
    conditioning,
    determinants,
    einsum,
    factorizations,
    least_squares,
    linear_systems,
    products,
)

__all__ = [
    "conditioning", "determinants", "einsum", "factorizations", "least_squares", "linear_systems",
    "products",
]  # fmt: skip
