"""Write configurations for tests: text -> blocklist.toml and the files beside it, loaded."""

from pathlib import Path

from blocklist.config.loader import Config, load_config

#: The start of a feed, a guard and two exports.
FEED = '[feeds.mine]\nurl = "a.txt"\nformat = "domains"\n'
GUARD = '[guards.top]\nurl = "top.txt"\nformat = "domains"\n'
EXPORT = '[exports.dns]\npath = "out/db.rpz"\n'
RPZ = EXPORT + 'target = "rpz"\nzone = "rpz"\n'


def write(path: Path, text: str) -> Path:
    """Write a file with its folders, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str) -> Config:
    """Return the configuration of a folder with this blocklist.toml."""
    return load_config(write(folder / "blocklist.toml", text))
