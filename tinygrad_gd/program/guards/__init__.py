"""What a program relies on, and whether it is still there.

`guards` gathers it, `variables` finds what the function sees by name, `conditions` makes one expression
of all, which is evaluated before each replay.

Surprises here
--------------
- The conditions are one compiled expression: a call of a function for each would be felt in small
  steps.
"""
