"""The version of this package, as setup.cfg has it."""

__version__ = "1.0.0"
