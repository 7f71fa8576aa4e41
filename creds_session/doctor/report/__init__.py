"""The doctor's findings as text, JSON, HTML, SVG and monitoring formats: pure."""
