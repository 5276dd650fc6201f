"""Lockstep: the user's Python runs in every call, and what it would compute is answered.

Read `trail`, what calls are made of; `standins`, what operations are answered with; `call`, which
compares what one call brings with the trail; and `lockstep`, which answers and has things computed.
`recorder` stands at the door while a call is recorded as a `path`, `segments` are the programs of its
parts, and `realized` computes as usual what was answered already, when a call turns out to be another
one. An `onlooker` records a call that is watched, which therefore runs uncompiled. `questions` are
what Python asks besides values, `errstate` knows what becomes of errors, `expected` tells whether an
optimizer is what it was, and `function` is what `compile` returns.

Surprises here
--------------
- A stand-in is a Tensor whose slots hold other things until somebody looks: `standins` gives the same
  slots two sets of names, and sets ``__class__`` when there is a value.
- The stand-in for a result is the same object in each call, unless somebody has kept it, which Python's
  reference counts tell: comparing an operation is comparing a few pointers then.
- Nothing is pending in a Tensor from outside: a step of an optimizer runs at once all that came before
  it, so that only stand-ins need to be asked before they are read. Buffers of modules, such as running
  statistics, are the exception: they are written to with what comes next, and are `Pending` until then.
  A NumPy view of one that was taken before the call may show the old values in the step.
- Gradients stay in their buffers until somebody looks or the next call needs them: few are ever read.
- When a call leaves the trail, what it was answered is computed again from its beginning, as eager code
  would; draws are rewound for that.
- Arrays are copied when they meet a Tensor, as the step may write into them before they are read.
- How errors are treated (`np.errstate`, warnings' filters) is looked at while a call is recorded, since
  asking takes as long as an operation: what was treated in its own way then is computed at once in all
  calls, and what came before it as the call began. What is computed of parameters alone, once for many
  calls, warns once.
"""
