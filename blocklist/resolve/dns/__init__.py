"""Bulk DNS client: questions -> replies, at a tenth of the cost of a library's resolver."""
