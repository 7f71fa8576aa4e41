"""The D-Bus connection of this process, and who is at its other end."""
