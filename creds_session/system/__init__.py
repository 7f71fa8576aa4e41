"""The machine: the only package that touches files, processes, sockets and terminals."""
