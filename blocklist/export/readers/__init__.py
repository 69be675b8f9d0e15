"""Readers: one for each dialect; finished file and queries -> entries and blocked queries.

Each reader follows its consumer's matching rules. Readers verify what dialects rendered, so they
share no code with them. An unknown line is an error, as it is to a server.
"""
