"""Releases: verdicts -> a numbered release, checked by the gate."""
