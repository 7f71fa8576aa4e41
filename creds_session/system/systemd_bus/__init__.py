"""Ask systemd and logind over D-Bus."""
