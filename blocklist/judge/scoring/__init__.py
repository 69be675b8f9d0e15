"""How much the feeds that list a value are believed: feed sets -> score."""
