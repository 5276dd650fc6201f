"""The command line: ``python -m tinygrad_gd VERB``, a file for each verb.

A verb is a module with ``ABOUT`` (one line), ``EXAMPLES`` and ``FINDING`` (for ``--help``; what the
exit code 1 means, or empty), ``arguments(parser)`` and ``run(options)``, which returns the exit code.
`subject` is what most of them are about: the tensor of a script that it runs, or of an expression;
read it first. `demo` is the tutorial, `draw`, `explain`, `why`, `check`, `source` and `advise` ask
about a tensor, `replay` about a recorded run, `env` about this machine.

Surprises here
--------------
- A script runs as `python script.py` would run it, under the watch. The verbs that look at one backward
  pass stop it right after that pass: the optimizer's step would overwrite what the graph was made of.
- The answer is computed in a frame that sees the script's variables, as names come from there.
"""

#: In the order in which `--help` lists them.
VERBS = ("demo", "draw", "explain", "why", "check", "source", "advise", "replay", "env")
#: Exit codes: an answer, and nothing is wrong; an answer, and something is; none that one can rely on,
#: as the command makes no sense, or the script has failed.
FINE, FOUND, FAILED = 0, 1, 2
