"""Processes: what /proc says of them, and how programs are run."""
