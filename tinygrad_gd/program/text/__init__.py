"""Programs as text for people.

`source` writes NumPy: `names` says what values are called and whose gradient is whose, `literals`
writes constants, `helpers` takes over functions that NumPy does not have, and `sizes` asserts the
shapes of arguments, or finds that a length is free.

Surprises here
--------------
- A value used once is folded into the line that uses it, if the line stays short and its bits the
  same; views of inputs in every place.
- Helper functions come after the function that calls them, so that the story comes first; names are
  taken for them before, as a variable of the same name would hide one.
- A number of NumPy is written as one of Python only where the types beside it leave the result the
  same.
"""
