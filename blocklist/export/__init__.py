"""Exports: the current release -> files that servers load, each proved before it is installed."""
