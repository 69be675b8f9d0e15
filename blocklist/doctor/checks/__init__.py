"""One module a subject; each check yields findings."""
