"""Secrets in sessions without a desktop: PAM set-up, unlocking, diagnosis, credentials."""

__version__ = "0.1.0"
