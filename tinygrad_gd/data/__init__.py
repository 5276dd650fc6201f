"""Feeding data, and data sets that need no download."""
