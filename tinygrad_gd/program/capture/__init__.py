"""Capture: writing down what primitives compute, as instructions.

Read `capture`, an observer of a run; and `variables`, what people call their Tensors.

Surprises here
--------------
- The user's frames are looked at for the names of variables in texts, and for nothing else.
"""
