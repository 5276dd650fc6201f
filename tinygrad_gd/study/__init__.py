"""Windows on training: why a run converges or diverges."""

from .advice import Advice, advise

__all__ = ["Advice", "advise"]
