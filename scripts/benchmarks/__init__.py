"""Measure the commands beside those that they are compared with; one module per row of a table."""
