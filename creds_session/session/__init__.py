"""Find or start the session in which secrets can be read; unlock and lock its keyrings."""
