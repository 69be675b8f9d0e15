"""Proof that a file answers as its release does, before it takes its place."""
