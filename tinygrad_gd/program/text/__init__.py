"""Programs as text for people."""
