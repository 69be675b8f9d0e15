"""Readers of finished files, each with the matching rules of its consumer: file -> answers.

They prove the work of the dialects, so they share no code with them and trust nothing: an unknown
line is an error, as it would be to a server.
"""
