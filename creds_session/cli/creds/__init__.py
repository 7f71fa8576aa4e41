"""The command ``creds`` and its subcommands, a module each."""
