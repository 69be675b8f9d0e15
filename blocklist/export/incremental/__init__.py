"""Small changes: the file in place plus a difference -> the new file."""
