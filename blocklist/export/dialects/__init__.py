"""Renderers, one module a family of formats: rows -> the head and the lines of a file."""
