"""Explain and simulate a PAM service: pure."""
