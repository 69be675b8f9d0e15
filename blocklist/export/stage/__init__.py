"""New files beside their place, rendered and verified, not yet in force."""
