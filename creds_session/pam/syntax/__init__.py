"""A service file as text: lines, terms, controls; nothing is lost."""
