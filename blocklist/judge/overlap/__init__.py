"""How much feeds repeat each other: listings -> overlaps and echoes."""
