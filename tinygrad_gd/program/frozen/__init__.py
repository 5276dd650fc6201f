"""Frozen: programs of whole calls, for functions whose Python is skipped.

Read `arguments`, what tells one form of call from another; `whole`, which makes one program of a call
that went in lockstep; `entry`, that and what must be as it was for it to stand for the function; and
`function`, which skips, and runs the Python again to audit what it skips.

Surprises here
--------------
- Nothing looks for Python's variables: what a function reads of them is what it was, which is promised
  by who writes ``frozen=True``, and audited.
- An object that was given in both calls may also be a variable of the function. The program is for that
  object, until another comes and the function computes the same with it.
"""
