"""What pam_gnome_keyring gets from a service, and the edit that is proved safe."""
