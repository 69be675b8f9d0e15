"""Stage exports: freshness, limits, and verified new files beside their paths."""
