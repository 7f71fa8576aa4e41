"""From the machine to Facts: reads, starts nothing, and turns what is denied into a reason."""
