"""The judge: listings, guards and operator entries -> verdicts with reasons."""
