"""Hot zones: a small zone before a big one, with the names that decisions changed since."""
