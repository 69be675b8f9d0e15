"""Operator entries (decisions to allow or block) and the review of held indicators."""
