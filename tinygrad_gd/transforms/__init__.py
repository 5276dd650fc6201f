"""Derivatives of functions, custom rules, and recomputation instead of memory.

Read `recording` first: one evaluation at fresh variables, and reverse passes over it. `derivatives`
makes grad, vjp, jvp, jacobian, hessian and hvp of it, `custom` lets a function have a rule of its
own, and `gradcheck` compares gradients with values. `curvature` derives what a
function without arguments has recorded, by the Tensors that it closes over.

Surprises here
--------------
- Variables are new Tensors at each level of nesting, so that an inner derivative is never taken for
  an outer one; there are no tags that could be mixed up.
- Forward mode is reverse mode applied twice, so that there is no second table of rules.
- `gradcheck` steps by 1e-100 along the imaginary axis, where no digits cancel, if the function can.
"""

from .custom import checkpoint, custom_vjp, stop_gradient
from .derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = [
    "checkpoint", "custom_vjp", "grad", "hessian", "hvp", "jacobian", "jvp", "stop_gradient",
    "value_and_grad", "vjp",
]  # fmt: skip
