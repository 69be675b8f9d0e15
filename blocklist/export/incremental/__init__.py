"""Incremental exports: file in place and verdict change -> new file, without rendering it whole.

`patch.patch_exports` is the only way in, and its docstring says when this package is deleted.
"""
