"""The real libpam, in a child process."""
