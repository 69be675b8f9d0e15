"""History of releases: differences, acceptance of a candidate, rollback."""
