"""Build exports from the [exports] tables of blocklist.toml: table and targets -> Export.

An Export says which file to write, which part of a release it holds, and how it is installed.
"""

import re
from dataclasses import dataclass, field, fields
from pathlib import Path

from blocklist.config.installation import Installation, check_installation
from blocklist.config.rpz_actions import RpzAction
from blocklist.config.rpz_actions import parse_rpz_action as kind_of
from blocklist.config.targets import Target
from blocklist.config.toml import build_dataclass, require_valid, suggest_name
from blocklist.errors import ConfigError, InvalidIndicator
from blocklist.indicators.names import MAX_NAME_LENGTH, canonicalize_name
from blocklist.model import Category, Direction, Kind

#: Nobody can own it, for ISO 3166 leaves ZZ to its users, and there will never be such a top-level
#: domain. No resolver answers it by itself, as it does for names below test and invalid. And it is
#: the last in DNS' own order, in which BIND puts the names of a zone in force, over some seconds.
DEFAULT_CANARY = "blocklist-canary.zz"
_DEFAULT_ACTION = RpzAction.NXDOMAIN.value


@dataclass(frozen=True, kw_only=True)
class ExportSelection:
    """What an export takes of a release; all of it, unless something is said."""

    #: Of these kinds; listed by feeds of these categories, by these feeds, by feeds of addresses
    #: for these directions; scored so high by them. Your own blocks and allows it always takes.
    kinds: tuple[Kind, ...] = ()
    categories: tuple[Category, ...] = ()
    feeds: tuple[str, ...] = ()
    directions: tuple[Direction, ...] = ()
    min_score: float = 0.0
    #: Whether it also takes pages that are held, because DNS would block their host with them.
    held_pages: bool = False
    #: Whether it leaves out names whose domain is dead; and the countries of which one must be
    #: among those of an entry, and of which none may be.
    alive: bool = False
    countries: tuple[str, ...] = ()
    not_countries: tuple[str, ...] = ()
    #: Whether it takes addresses that are blocked only for the names on them.
    behind_names: bool = False
    #: More entries its consumer cannot hold: the best listed are kept.
    max_entries: int | None = None


@dataclass(frozen=True)
class Export(ExportSelection):
    """One file to be rendered: a target, where it goes, and what the target needs to know."""

    name: str
    target: Target
    path: Path
    zone: str | None = None
    #: The name at and below which its canaries are; empty for none.
    canary: str = DEFAULT_CANARY
    #: What a zone does to queries for blocked names, and what for those of a category; the first
    #: category that a name is listed under decides.
    action: str = _DEFAULT_ACTION
    actions: dict[Category, str] = field(default_factory=dict)
    #: How its server gets to know of a new file, and shows that it has loaded it.
    installation: Installation = field(default_factory=Installation)

    @property
    def max_name_length(self) -> int:
        """The length of the longest name that fits in its file (RFC 1035, 2.3.4)."""
        return MAX_NAME_LENGTH - len(f".{self.zone}") if self.zone else MAX_NAME_LENGTH

    @property
    def needs_countries(self) -> bool:
        """Whether it matters to it in which country something is."""
        return bool(self.countries or self.not_countries)

    @property
    def filters_by_feed(self) -> bool:
        """Whether it leaves out blocks by who lists them."""
        return bool(self.categories or self.feeds or self.directions or self.min_score)

    @property
    def needs_listings(self) -> bool:
        """Whether it matters to it who lists what."""
        return self.filters_by_feed or bool(self.actions) or self.max_entries is not None

    @property
    def blocking_actions(self) -> list[str]:
        """The different actions that do block, the usual one first."""
        told = dict.fromkeys([self.action, *self.actions.values()])
        return [action for action in told if action != RpzAction.PASSTHRU]


@dataclass(frozen=True, kw_only=True)
class ExportTable(Installation, ExportSelection):
    """The keys of an export's table."""

    target: str
    path: str
    zone: str | None = None
    canary: str = DEFAULT_CANARY
    action: str = _DEFAULT_ACTION
    actions: dict[str, str] = field(default_factory=dict)


#: The keys of the table that say how its server gets the file, and what it takes.
INSTALLATION_KEYS = [key.name for key in fields(Installation)]
SELECTION_KEYS = [key.name for key in fields(ExportSelection)]


def build_export(
    name: str, table: dict[str, object], targets: dict[str, Target], base: Path, where: str
) -> Export:
    """Return an export from its table; raise `ConfigError` with key and what is expected."""
    given = build_dataclass(ExportTable, table, where)
    if given.target not in targets:
        hint = suggest_name(given.target, targets)
        raise ConfigError(f"{where}.target: unknown target {given.target!r}{hint}")
    target = targets[given.target]
    require_valid(0 <= given.min_score <= 1, where, "min_score", "a number from 0 to 1")
    takes_pages = Kind.URL in target.kinds
    no_pages = "false, for this target takes no URLs"
    require_valid(takes_pages or not given.held_pages, where, "held_pages", no_pages)
    by_category = Kind.DOMAIN in target.kinds or not given.actions
    merged = "none, for networks of several categories are merged; use action"
    require_valid(by_category, where, "actions", merged)
    for key in ("countries", "not_countries"):
        fine = all(re.fullmatch("[A-Z]{2}", code) for code in getattr(given, key))
        require_valid(fine, where, key, 'codes of countries in capitals, such as "DE"')
    most = given.max_entries
    require_valid(most is None or most >= 1, where, "max_entries", "a whole number from 1")
    if target.needs_zone and not given.zone:
        raise ConfigError(f"{where}.zone: missing; expected a name such as 'rpz.example.net'")
    if given.probe and not (target.canary and given.canary):
        raise ConfigError(f"{where}.probe: the list has no canary that a server could be asked for")
    check_installation(given, where)
    selection = {key: getattr(given, key) for key in SELECTION_KEYS}
    return Export(
        **selection | {"max_entries": most or target.max_entries},
        name=name,
        target=target,
        path=base / given.path,
        zone=given.zone and _parse_name(given.zone, f"{where}.zone"),
        canary=given.canary and _parse_name(given.canary, f"{where}.canary"),
        action=given.action,
        actions=_parse_actions(given, target, where),
        installation=_build_installation(given, where),
    )


def _build_installation(given: ExportTable, where: str) -> Installation:
    told = {key: getattr(given, key) for key in INSTALLATION_KEYS}
    names = enumerate(given.must_resolve)
    asked = tuple(_parse_name(name, f"{where}.must_resolve[{place}]") for place, name in names)
    return Installation(**{**told, "must_resolve": asked})


def _parse_actions(given: ExportTable, target: Target, where: str) -> dict[Category, str]:
    """Return the actions by category, all of them checked."""
    told = {f"actions.{name}": action for name, action in given.actions.items()}
    if given.action != _DEFAULT_ACTION:
        told["action"] = given.action
    for key, action in told.items():
        try:
            fine = kind_of(action) in target.actions
        except InvalidIndicator:
            fine = False
        # A zone that lets all pass is none; but a category may.
        fine &= key != "action" or action != RpzAction.PASSTHRU
        known = ", ".join(target.actions) or "none, for this target has no actions"
        require_valid(fine, where, key, f"one of {known}; got {action!r}")
    categories = list(Category)
    for name in given.actions:
        known = f"a category: {', '.join(categories)}"
        require_valid(name in categories, where, f"actions.{name}", known)
    return {Category(name): action for name, action in given.actions.items()}


def _parse_name(text: str, where: str) -> str:
    try:
        return canonicalize_name(text)
    except InvalidIndicator as refused:
        raise ConfigError(f"{where}: {text!r} is no domain name: {refused.reason}") from None
