"""Small installations for tests of the library: a folder with lists and a configuration."""

from pathlib import Path

CONFIG = """
[feeds.one]
url = "one.txt"
format = "domains"
reliability = 0.8
max_shrink = 1.0
category = "phishing"

[feeds.two]
url = "two.txt"
format = "urls"
reliability = 0.5

[guards.top]
url = "top.txt"
format = "domains"

[exports.names]
target = "domains"
path = "out/names"
"""
LISTS = {
    "one.txt": "fraud.top\nshop.com\n46.9.9.9\nother.top\n",
    "two.txt": "https://fraud.top/\nhttps://pages.com/x\n",
    "top.txt": "shop.com\nnews.com\n",
}


def make_world(folder: Path, config: str = CONFIG) -> Path:
    """Write the lists and the configuration, and return the path of the configuration."""
    for name, text in LISTS.items():
        (folder / name).write_text(text)
    path = folder / "blocklist.toml"
    path.write_text(config)
    return path
