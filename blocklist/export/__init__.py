"""From a release to the files that servers load: render, prove by reading back, check, swap.

A file changes only when its content does, and only after a reader of its own has answered for it.
"""
