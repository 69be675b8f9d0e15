"""Add a user's own feed: source -> feed table, appended to the unchanged blocklist.toml."""

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from blocklist.atomic_files import write_atomically
from blocklist.config.feeds import build_feed
from blocklist.config.loader import Config
from blocklist.errors import ConfigError, StorageError, UsageError

_FEED_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
#: File names that do not describe the content.
_GENERIC_NAMES = {
    "",
    "blocklist",
    "domains",
    "download",
    "feed",
    "hosts",
    "index",
    "list",
    "raw",
    "text",
}


def suggest_feed_name(source: str) -> str:
    """Return a name for the feed at a path or URL: that of the file, or of the host."""
    parts = urlsplit(source) if "://" in source else None
    stem = _slugify(Path(parts.path if parts else source).stem)
    if parts and stem in _GENERIC_NAMES:
        return _slugify(parts.hostname or "") or "feed"
    return stem or "feed"


def _slugify(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def make_source_relative(source: str, config: Path) -> str:
    """Return a source as written in the configuration: paths are relative to its folder."""
    if "://" in source:
        return source
    path, base = Path(source).resolve(), config.resolve().parent
    return str(path.relative_to(base) if path.is_relative_to(base) else path)


def refuse_known_feed(config: Config, name: str, source: str) -> None:
    """Raise `ConfigError` if a feed has this name or source already."""
    if not _FEED_NAME.fullmatch(name):
        raise UsageError(f"--name {name}: expected small letters, digits and single hyphens")
    url = _make_source_absolute(config, source)
    for feed in (*config.guards.values(), *config.feeds.values()):
        if feed.name == name or url in feed.urls:
            state = "is enabled already"
            if not feed.enabled:
                state = f"exists; enable it with [{feed.config_key}] and the line: enabled = true"
            raise ConfigError(f"{config.path}: feed {feed.name} {state}")


def _make_source_absolute(config: Config, source: str) -> str:
    base = config.path.resolve().parent if config.path else Path.cwd()
    return source if "://" in source else str(base / source)


def render_feed_table(
    name: str,
    url: str,
    format_name: str,
    category: str | None,
    reliability: float | None = None,
) -> str:
    """Return the TOML of a feed; raise `ConfigError` if it could not be read back."""
    optional = {"category": category, "reliability": reliability}
    values: dict[str, str | float] = {"url": url, "format": format_name}
    values |= {key: value for key, value in optional.items() if value is not None}
    # A JSON string is a TOML string, except for one control character that JSON does not escape.
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in values.items()]
    text = "\n".join([f"[feeds.{name}]", *lines, ""])
    try:
        table = tomllib.loads(text)["feeds"][name]
    except (tomllib.TOMLDecodeError, UnicodeError):
        raise ConfigError(f"{url!r}: cannot be written to a configuration") from None
    build_feed(name, table, f"feeds.{name}: ")
    return text


def append_to_config(path: Path, text: str) -> None:
    """Append a text to a configuration.

    Raise `ConfigError` if the result would not be TOML, and `StorageError` if it cannot be read.
    """
    try:
        old = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from None
    new = old.rstrip(b"\r\n") + b"\n\n" + text.encode()
    try:
        tomllib.loads(new.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(
            f"{path}: cannot be added to: {error}; write it by hand:\n{text}"
        ) from None
    write_atomically(path, [new])
