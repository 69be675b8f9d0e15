"""Parsers: the bytes of a list -> indicators, comments and refused lines, which add up."""
