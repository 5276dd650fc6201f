"""Derivatives of functions, custom rules, and recomputation instead of memory."""

from .custom import checkpoint, custom_vjp, stop_gradient
from .derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = [
    "checkpoint", "custom_vjp", "grad", "hessian", "hvp", "jacobian", "jvp", "stop_gradient",
    "value_and_grad", "vjp",
]  # fmt: skip
