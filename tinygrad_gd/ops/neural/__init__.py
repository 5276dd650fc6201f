"""What layers compute."""

from . import activations, convolution, interpolation, linear, losses, pooling, windows

__all__ = ["activations", "convolution", "interpolation", "linear", "losses", "pooling", "windows"]
