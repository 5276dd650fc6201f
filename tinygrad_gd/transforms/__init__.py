"""Derivatives of functions, custom rules, and recomputation instead of memory."""

from .derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
