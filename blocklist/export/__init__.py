"""Export a release: rows -> files that servers load, rendered, read back, checked and installed.

A file changes only when its content changes, and only after its own reader has verified it.
"""
