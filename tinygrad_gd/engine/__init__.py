"""The engine: Tensors, primitives and the reverse pass.

Read `tensor`, `primitive` and `backward`, then ``ops/elementwise.py``: that is all of backprop. Beside
them: `cotangents` is the same pass with all choices, `hooks` are shown gradients, `graph` is how
everybody else reads what was recorded, and `watched` notes lines, modules and names beside it. `kept`
warns of graphs that pile up, `pairs` of results that are pairs elsewhere. `methods`, `python_protocol`
and `numpy_protocol` are the names under which operations are called, `looks` is what a Tensor shows,
`operands` what may stand beside it, `in_place` what writes into it, `rules` what a derivative rule must
be, `documentation` what `help` tells of a primitive.

Surprises here
--------------
- The last lines of `tensor` import what needs Tensor: the one circle of the house, since ``t + 1`` is a
  primitive, and primitives take Tensors. A table filled later would cost each operator a look-up.
- A Tensor holds two inputs without a tuple, which halves what the garbage collector walks.
- `backward` writes out two helpers that `cotangents` calls: in small models a call each is felt.
- `rules` reads bytecode to find which arguments a rule takes the values of: only those are copied, and
  only those may not be overwritten. A declaration in each row would be forgotten somewhere, silently.
- `documentation` reads the formulas in ``help(tg.exp)`` from the source of the rules, when asked.
"""
