"""Files: a tree below a root, safe replacement, locks, checkpoints."""
