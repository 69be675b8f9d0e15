"""Overlap of feeds: listings -> shares of their own, echoes, covering feeds."""
