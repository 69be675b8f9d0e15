"""Results of resolving: the liveness of names, and their addresses."""
