"""Entries as files: TOML or CSV -> checked rows, and entries -> TOML or CSV."""
