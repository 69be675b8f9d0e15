"""Releases and their verdicts, the held candidate, pins, exported files."""
