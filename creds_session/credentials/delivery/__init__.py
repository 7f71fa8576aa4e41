"""Hand a credential to a program: run, askpass, git, netrc."""
