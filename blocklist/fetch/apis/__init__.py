"""Lists behind an API of several documents: MISP feeds and TAXII collections -> one list."""
