"""Check: queries -> the verdict of the current release, its reason and its listings."""
