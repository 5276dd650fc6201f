"""What a program relies on, and whether it is still there."""
