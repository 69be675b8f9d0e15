"""Show times: UTC in texts -> the local time with its UTC offset on a terminal."""

import re
from datetime import datetime
from typing import TextIO

#: A time as the ledger stores it, not as a part of a name or path.
_TIME = re.compile(r"(?<![\w./-])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(?![\w/-]|\.\w)", re.ASCII)


def show_local_times(text: str, stream: TextIO) -> str:
    """Return a text for a stream: on a terminal all times in it are local, else they stay UTC."""
    return localize_times(text) if "Z" in text and stream.isatty() else text


def localize_times(text: str) -> str:
    """Return a text with each UTC time replaced, as by `2026-11-30 17:05 +0100`."""
    return _TIME.sub(_localize, text)


def _localize(match: re.Match[str]) -> str:
    try:
        return f"{datetime.fromisoformat(match[0]).astimezone():%Y-%m-%d %H:%M %z}"
    except (ValueError, OverflowError, OSError):
        return match[0]
