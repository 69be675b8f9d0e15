"""Select the rows of an export: release, listings and DNS facts -> rows, policies and credits."""
