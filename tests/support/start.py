"""Modules that take long to load, which a quick command must not load."""

HEAVY = {"aiohttp", "asyncio", "polars", "sqlite_utils", "tldextract"}
