"""The system of record, in SQLite: listings with their feeds and dates, and all decisions.

The only package that contains SQL. `lookup` reads single values and is cheap to import; `db` opens
the database; `temporal` stores rows with intervals; `feeds`, `releases`, `operator`, `dns` use it.
"""
