"""The engine: Tensors, primitives and the reverse pass.

Read `tensor`, `primitive` and `backward`, then `ops.elementwise`: that is all of backprop.
"""
