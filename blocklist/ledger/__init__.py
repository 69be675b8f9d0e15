"""The database, in SQLite: listings with their feeds and dates, and all decisions.

The only package that contains SQL.
"""
