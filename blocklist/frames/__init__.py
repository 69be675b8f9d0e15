"""Process whole polars columns: the bulk forms of the scalar modules of the same names.

Every function takes and returns columns. Only the few rows that need a scalar library (Unicode
names, unusual spellings of addresses and URLs) are processed one by one.
"""

import signal

import polars as _polars  # noqa: F401 (it installs a handler of signals, which this mends)

# The handler lets the kernel continue what a signal interrupts, such as waiting for a download or
# for an answer on a terminal, so that Ctrl-C would have no effect until that ends.
signal.siginterrupt(signal.SIGINT, True)
