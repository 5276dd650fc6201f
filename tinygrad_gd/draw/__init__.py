"""Pictures of recorded graphs: ``draw(loss).save("loss.svg")``."""

from .drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
