"""The command ``creds-doctor``."""
