"""The ground: what stands below the first Tensor.

Read `modes` (what holds right now) and `storage` (what goes into a Tensor and what is lent out of it)
first. Then: `registry`, the two tables that primitives are entered in; `observer`, who is told of
everything; `live`, numbers that may be others in the next step; `rng`, the one random generator;
`pytree`, nested containers; `saved`, states that go into files; `threads`, the lock of what threads
share. What people read when they err: `explain` makes of NumPy's complaints, `checks` says of options,
`elsewhere` of other libraries' names, and `user_code` finds their line. `extras` imports libraries that
are used if they are there. `fast` has NumPy's bits, sooner.

Surprises here
--------------
- `modes`: all switches are one immutable object in one context variable. A global per switch would be
  read one by one on the hot path, and left behind by an exception.
- `storage` takes 32 MB at import and frees them untouched, or glibc would hand back the arrays of every
  step; and lends arrays that are read-only to C code, as a write from there could not be noticed.
- `live`: a number that is no float, though `isinstance` says so, as C reads floats without asking.
- `elsewhere` puts attributes on classes, since beside a ``__getattr__`` all attributes become slow.
- `rng` makes its generator at the first draw: numpy.random takes longer to import than all of this.
- `fast` adds the rows of a matrix by einsum, which calls its loop once; `numpy.sum` once for each row.
"""
