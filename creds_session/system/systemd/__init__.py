"""systemd and logind: sessions, timers, user managers."""
