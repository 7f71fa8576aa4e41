"""Parse a service file without loss: lines, terms, controls."""
