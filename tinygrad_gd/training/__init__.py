"""What training needs besides the loop: `saving` writes checkpoints to files and reads them again.

Surprises here
--------------
- Files hold arrays and JSON. Nothing is pickled: to read a pickle is to run whatever program it holds.
- A file appears under its name when all of it is on the disk, so a crash leaves the one before it.
"""

from .saving import load, save

__all__ = ["load", "save"]
