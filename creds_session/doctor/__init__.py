"""Find out why no secret can be read here, and fix it."""
