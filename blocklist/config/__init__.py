"""Configuration: TOML files (blocklist.toml, feeds, export targets) -> typed settings."""
