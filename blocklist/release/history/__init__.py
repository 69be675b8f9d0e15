"""Differences between releases, acceptance of a candidate, rollback."""
