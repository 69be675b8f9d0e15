"""Fetch a feed, accept or refuse the snapshot; what was good last time stays in force."""
