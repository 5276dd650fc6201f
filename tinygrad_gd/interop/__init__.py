"""Interop: models in the clothes of other libraries.

`sklearn` has estimators; it is loaded when asked for, and needs scikit-learn.
"""

from . import sklearn

__all__ = ["sklearn"]
