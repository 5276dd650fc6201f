"""Watch a run and write down what it computed.

`capture` hears of each operation and makes the program; `watch` runs the function. `arguments` tells
calls of one form from others, `arrays` shows arguments as arrays that record, `numbers` names those
that are read anew, and `shared` follows views of what is written. `effects` finds what else a step
does, and `compare` says where two runs differ.

Surprises here
--------------
- A step is watched twice, and settled only if both runs computed the same.
- `watch` uses Python's profiler to hear of calls that primitives cannot tell, such as printing.
"""
