"""Fixtures of the tests of the project's own scripts."""

from tests.support.http_feeds import http_feeds, tls_contexts

__all__ = ["http_feeds", "tls_contexts"]
