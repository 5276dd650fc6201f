"""What layers compute.

Read `activations` and `losses` first, then `linear`. `windows` slides over axes, and `pooling` is made
of it; `convolution` is made of `columns`. `interpolation` makes images larger, `embedding` checks
numbers of rows. `recurrent` goes along sequences, `attention` lets their elements look at each other,
`normalization` is for rows.

Surprises here
--------------
- `linear` computes larger float32 layers as ``(weight @ x.T).T``, since OpenBLAS packs that sooner; the
  results lie by columns, and so does all that follows.
- `convolution` returns (n, channels, ...) with n running fastest in memory, and pooling keeps it: loops
  are long then, and one product serves all samples.
- `recurrent` computes a sequence as one operation, with what its derivative needs on a tape beside it.
- `losses` keeps the exponentials of the last cross-entropy for its rule, by a weak reference to the
  logits: recorded as an input they would be kept for as long as the loss.
"""
