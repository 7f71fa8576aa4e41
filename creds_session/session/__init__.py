"""Unlock, lock, find or start the session in which secrets can be read."""
