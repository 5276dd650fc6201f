"""Windows on training: why a run converges or diverges."""

from .curvature import Advice, advise

__all__ = ["Advice", "advise"]
