"""What pam_gnome_keyring gets from a service, and which edit is proved safe."""
