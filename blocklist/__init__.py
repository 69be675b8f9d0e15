"""Manages the fraud domains and addresses that your own network blocks, and does no harm."""

__version__ = "0.1.0"
