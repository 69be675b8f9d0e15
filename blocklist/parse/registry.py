"""Load formats: name -> Format, built-in or of another distribution.

To add a built-in format, write one module in `parse/formats/` that defines `FORMAT`.
"""

import logging
from collections.abc import Iterator
from functools import cache

from blocklist.parse.format import Format
from blocklist.plugins import FORMAT_EXTENSIONS, PluginError

logger = logging.getLogger(__name__)


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
    """Return all formats by name, in the order in which `detect_format` prefers them.

    A plugin that does not work is left out with a warning in the log: it must not keep lists in
    other formats from being read.
    """
    formats = sorted(_yield_sound_formats(), key=_detection_key)
    return {loaded.name: loaded for loaded in formats}


def _yield_sound_formats() -> Iterator[Format]:
    for name in FORMAT_EXTENSIONS.names():
        try:
            yield load_format(name)
        except PluginError as error:
            logger.warning("left out: %s", error)


def _detection_key(loaded: Format) -> tuple[float, str]:
    rank = float("inf") if loaded.detection_rank is None else loaded.detection_rank
    return rank, loaded.name
