"""Process whole polars columns: the bulk forms of the scalar modules of the same names.

Every function takes and returns columns. Only the few rows that need a scalar library (Unicode
names, unusual spellings of addresses and URLs) are processed one by one.
"""
