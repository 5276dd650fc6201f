"""Frozen: the program of a call in lockstep without its Python.

Read `arguments`, what tells one form of call from another; `stands`, which finds what the program is
given where nobody brings it, with `gradients` and what is `refused`; `glue`, which writes the function
around it; `entry`, that and what must be as it was; and `function`, which skips Python, and runs it
again to audit what it skips.

Surprises here
--------------
- Nothing looks for Python's variables: what a function reads of them is what it was, which is promised
  by who writes ``frozen=True``, and audited.
- An object that was given in both calls may also be a variable of the function. The program is for that
  object, until another comes and the function computes the same with it.
"""
