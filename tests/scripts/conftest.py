"""Type checkers read these scripts; pytest would import them."""

collect_ignore_glob = ["typed_*.py"]
