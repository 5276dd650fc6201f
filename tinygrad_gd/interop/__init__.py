"""Interop: models in the clothes of other libraries.

`sklearn` has estimators; it is loaded when asked for, and needs scikit-learn.

Surprises here
--------------
- An estimator draws from its own seed, and leaves the generator of the framework as it was.
"""

from . import sklearn

__all__ = ["sklearn"]
