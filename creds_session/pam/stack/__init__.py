"""What libpam runs for a service: includes, handlers, and one call of a stack."""
