"""Give a credential to a program; parse the files and the protocols that carry one."""
