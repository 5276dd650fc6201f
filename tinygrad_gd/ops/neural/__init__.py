"""What layers compute.

Read `activations` and `losses` first, then `linear`. `windows` slides over axes, and `convolution` and
`pooling` are made of it; `interpolation` makes images larger. `embedding` checks numbers of rows.

Surprises here
--------------
- `linear` computes larger float32 layers as ``(weight @ x.T).T``, since OpenBLAS packs that sooner; the
  results lie by columns, and so does all that follows.
- `losses` keeps the exponentials of the last cross-entropy for its rule, by a weak reference to the
  logits: recorded as an input they would be kept for as long as the loss.
"""
