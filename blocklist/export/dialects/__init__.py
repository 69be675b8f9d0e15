"""Dialects: one module for each family of formats; export and rows -> head and body of a file.

Each module defines `render_head` and `render_body`, as `export.registry` describes, and has a
reader of the same name in `export.readers`.
"""
