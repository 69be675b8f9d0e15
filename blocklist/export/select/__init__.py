"""Which part of a release an export takes, and in what context."""
