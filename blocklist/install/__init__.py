"""A finished file into its place and into the server that reads it, or the old one back.

What commands return is shown and believed only when it is bad news: servers say OK to lists that
they did not load. The list is loaded when the server blocks its canary.
"""

from blocklist.install.change import Canaries, InstallChange
from blocklist.install.steps import InstallUndone, ensure_loaded, install_file

__all__ = ["Canaries", "InstallChange", "InstallUndone", "install_file", "ensure_loaded"]
