"""One module a list format; each defines `FORMAT`."""
