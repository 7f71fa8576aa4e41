"""Records of what was seen on a machine, and readers of text: pure."""
