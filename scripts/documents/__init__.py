"""Write the man pages and the completions from the parsers, the checks and the reference pages."""
