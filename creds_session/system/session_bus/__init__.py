"""The session bus that a user's shells share, and a command's connection to it."""
