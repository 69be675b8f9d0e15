"""Dialects: one module a family of formats; export and rows -> the head and the body of a file.

To add one: a module with `render_head` and `render_body`, its own reader in `export.readers`, and a
line in both registries.
"""
