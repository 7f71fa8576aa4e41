"""Outcomes as text: pure functions, so that every face of a command says the same."""
