"""Parse snapshots: bytes -> indicators, comments and refused lines, whose counts add up."""
