"""Verify export files before they are installed: finished file and rows -> nothing, or an error."""
