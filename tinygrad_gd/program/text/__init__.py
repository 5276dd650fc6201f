"""Programs as text for people.

`source` writes NumPy, with `literals` for constants; `latex` writes formulas; `recorded` makes a
program of a recorded loss and its gradient.

Surprises here
--------------
- A value used once is folded into the line that uses it, if the line stays short and its bits the
  same.
"""
