"""The text that is executed, with a fixed buffer for every array."""
