"""Rows valid from one number to another, and millions of them in packs."""
