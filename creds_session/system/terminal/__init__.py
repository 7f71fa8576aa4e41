"""Terminals: prompts, passwords that are typed, programs that are driven."""
