"""Training: the loop around models, optimizers and data, and what is kept of it.

Read `fitting`, the loop; `health`, what it notices, and `history`, what it has seen. `progress` shows
how far it is; `saving` writes checkpoints to files and reads them again.

Surprises here
--------------
- A step whose loss is no finite number is computed and not taken: the weights are still good then, and
  the operation that made the first such number can be found by computing the batch once more.
- What is compiled is the plain loop of a step, which looks at the loss before it updates: the program
  ends there and another one goes on.
- Files hold arrays and JSON. Nothing is pickled: to read a pickle is to run whatever program it holds.
- A file appears under its name when all of it is on the disk, so a crash leaves the one before it.
"""
