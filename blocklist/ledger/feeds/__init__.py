"""Listings, and the health of the feeds that list them."""
