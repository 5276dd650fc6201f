"""Linear algebra, batched where NumPy batches.

Read `products` first. `einsum` covers what they do not; `linear_systems`, `determinants`,
`factorizations` and `least_squares` solve and take apart; `conditioning` is made of those;
`sparse` multiplies by SciPy's sparse matrices.

Surprises here
--------------
- A large `einsum` of two arrays is a product of matrices: sooner than NumPy's, with other last bits.
- A gradient through vectors of equal eigenvalues or singular values, which may be rotated into each
  other, is NaN; a finite number would depend on LAPACK's choice.
"""
