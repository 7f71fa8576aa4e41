"""The version of this package, as setup.cfg has it."""

__version__ = "0.1.0"
