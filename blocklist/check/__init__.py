"""Answers to a great many names at once, by joins; `check` has one, and says what they mean."""
