"""The commands: arguments, printing and exit codes; nothing is decided here."""
