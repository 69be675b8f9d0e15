"""Facts about listed names: which still exist, and at which addresses."""
