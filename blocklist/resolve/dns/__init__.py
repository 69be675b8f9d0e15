"""Bulk DNS client: questions -> replies, without a library's cost for each name."""
