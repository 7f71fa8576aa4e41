"""The command ``creds-setup-pam`` and its subcommands."""
