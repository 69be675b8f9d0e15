"""Resolve: listed names -> DNS facts (liveness, addresses, name servers)."""
