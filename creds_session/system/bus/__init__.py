"""Connections to D-Bus message buses, and the processes at the other end."""
