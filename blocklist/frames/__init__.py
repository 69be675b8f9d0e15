"""The bulk forms: what the scalar modules of the same names do, on whole polars columns.

Every function here takes and returns columns; nothing runs row by row but the few rows that only a
library for single values understands (Unicode names, odd spellings of addresses, odd URLs).
"""
