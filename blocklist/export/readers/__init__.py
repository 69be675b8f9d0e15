"""Readers: one a dialect; finished file and queries -> the entries and the blocked queries.

Each reader follows its consumer's matching rules. Readers verify what dialects rendered, so they
share no code with them. An unknown line is an error, as it is to a server.
"""
