"""A finished file into its place and into the server that reads it, or the old one back.

What commands return is shown and believed only when it is bad news: servers say OK to lists that
they did not load. The list is loaded when the server blocks its canary.
"""

from blocklist.install.change import Canaries, Change
from blocklist.install.steps import Undone, install, look_after

__all__ = ["Canaries", "Change", "Undone", "install", "look_after"]
