"""The SQLite file itself: connections, transactions, schema, lock, runs."""
