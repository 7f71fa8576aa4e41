"""What libpam runs: includes, handlers, and one call of a stack."""
