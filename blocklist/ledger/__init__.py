"""The system of record, in SQLite: what was listed by whom and when, and what was decided.

The only room that speaks SQL. `lookup` reads single names and is cheap to import; `bulk` moves
whole columns; `schema`, `book` and `operator` hold the small tables.
"""
