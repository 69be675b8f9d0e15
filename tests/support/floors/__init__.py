"""Renew the built-in shared networks from the pages of their operators (`make floors`)."""
