"""Scores: the feeds that list a value -> the probability that the listing is right."""
