"""Manage blocklists of fraud domains and addresses for your own network, and do no harm."""

__version__ = "0.1.0"
