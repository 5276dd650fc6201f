"""Runs: what `tg.record` writes of a training run, and what is read from it afterwards.

`recorder` watches a run and measures each step, `run` is what it writes and how that lies in a file,
`verdict` finds where a run went wrong, why, and what helps, `report` says it in a terminal, `page` in a
file to scrub through, which ``replay.js`` moves.

Surprises here
--------------
- The recorder keeps a twin of each loss's graph over copies of the parameters: by the time that a step
  is known, the optimizer has overwritten those that the graph was computed from.
- *Reach* needs no learning rate. Along the step d that was made it is -(d·Hd) / (g·d), which for
  gradient descent is lr g·Hg / g·g: 1 is the bottom of the parabola, 2 the height it began at.
"""
