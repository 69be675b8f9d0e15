"""Which URL an answer was from, without keeping the URL: it may hold a password."""

import hashlib


def hash_url(url: str) -> str:
    """Return a short hash of a URL."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]
