"""Library results -> text for a terminal."""
