"""Load formats: name -> Format, built-in or of another distribution.

To add a built-in format, write one module in `parse/formats/` that defines `FORMAT`.
"""

from functools import cache

from blocklist.parse.format import Format
from blocklist.plugins import FORMAT_EXTENSIONS


@cache
def load_format(name: str) -> Format:
    """Return the format of this name.

    Raise `ConfigError` for unknown names, and `PluginError` for a plugin that does not work.
    """
    loaded = getattr(FORMAT_EXTENSIONS.load(name), "FORMAT", None)
    if not isinstance(loaded, Format):
        raise FORMAT_EXTENSIONS.fault(name, "its FORMAT is no blocklist.parse.format.Format")
    if loaded.name != name:
        raise FORMAT_EXTENSIONS.fault(name, f"its FORMAT is named {loaded.name!r}")
    return loaded


def load_formats() -> dict[str, Format]:
    """Return all formats by name, in the order in which `detect_format` prefers them."""
    formats = sorted(map(load_format, FORMAT_EXTENSIONS.names()), key=_detection_key)
    return {loaded.name: loaded for loaded in formats}


def _detection_key(loaded: Format) -> tuple[float, str]:
    rank = float("inf") if loaded.detection_rank is None else loaded.detection_rank
    return rank, loaded.name
