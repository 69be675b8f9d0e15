"""Render pieces that dialects share: precedence, narrowing, heads, canaries, zone records."""
