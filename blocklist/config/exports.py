"""Define exports and build them from their tables: TOML table and targets -> Export.

An export names the file to write, the part of a release in it, and how it gets into a server.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated

from blocklist.config.dns_servers import parse_dns_servers
from blocklist.config.installation import DOMAIN_NAME, Installation
from blocklist.config.mistakes import Mistakes, format_value, suggest_name
from blocklist.config.rpz_actions import RpzAction, parse_rpz_action
from blocklist.config.tables import KeyFaults, build_dataclass
from blocklist.config.targets import Target, TargetContent
from blocklist.config_keys import Doc, Embedded, Form, Range
from blocklist.errors import InvalidIndicator
from blocklist.indicators.names import MAX_NAME_LENGTH, canonicalize_name
from blocklist.model import DEFAULT_CANARY, Category, Direction, Kind

_DEFAULT_ACTION = RpzAction.NXDOMAIN.value
_COUNTRY = Form(re.compile("[A-Z]{2}").fullmatch, 'a country code in capitals such as "DE"')


@dataclass(frozen=True, kw_only=True)
class ExportSelection:
    """The part of a release that an export takes: by default, all of it."""

    kinds: Annotated[tuple[Kind, ...], Doc("Only these kinds; without any, all.")] = ()
    categories: Annotated[
        tuple[Category, ...],
        Doc("Only what feeds of these categories list; without any, of all categories."),
    ] = ()
    feeds: Annotated[
        tuple[str, ...], Doc("Only what these feeds list; without any, what all feeds list.")
    ] = ()
    directions: Annotated[
        tuple[Direction, ...],
        Doc(
            "Only addresses that feeds list for these directions. `both` is always included; "
            "without any, all addresses."
        ),
    ] = ()
    min_score: Annotated[
        float, Range(0, 1), Doc("Only what these feeds list with at least this score.")
    ] = 0.0
    held_pages: Annotated[
        bool, Doc("For targets that take URLs: also the pages that are held as `url-only`.")
    ] = False
    alive: Annotated[bool, Doc("Leave out names whose domain is dead.")] = False
    countries: Annotated[
        tuple[Annotated[str, _COUNTRY], ...],
        Doc('Only what is in at least one of these countries, as in `["CN"]`.'),
    ] = ()
    not_countries: Annotated[
        tuple[Annotated[str, _COUNTRY], ...], Doc("Leave out what is in one of these countries.")
    ] = ()
    behind_names: Annotated[
        bool, Doc("Also addresses that are blocked only because of the names on them.")
    ] = False
    max_entries: Annotated[
        int | None,
        Range(1),
        Doc("The most entries that the consumer can load, instead of the limit of the target."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ExportSettings(ExportSelection):
    """The keys that a table and an export have in common."""

    zone: Annotated[
        str | None, DOMAIN_NAME, Doc("For response policy zones: the name of the zone.")
    ] = None
    canary: Annotated[
        str,
        Form(lambda text: not text or canonicalize_name(text), "a domain name, or an empty text"),
        Doc("The name at and below which the canaries of the list are; empty for no canary."),
    ] = DEFAULT_CANARY
    action: Annotated[
        str, Doc("For response policy zones: the answer to a query for a blocked name.")
    ] = _DEFAULT_ACTION
    actions: Annotated[
        dict[Category, str],
        Doc('The answer by category, as in `actions = { gambling = "nodata" }`.'),
    ] = field(default_factory=dict)
    hot: Annotated[
        bool,
        Doc(
            "For response policy zones of all names: write decisions to a small zone, which "
            "servers must list before this one."
        ),
    ] = False
    hot_zone: Annotated[
        str | None, DOMAIN_NAME, Doc("The name of the hot zone; by default `hot.` and the zone.")
    ] = None
    hot_path: Annotated[
        str | None, Doc("The path of the hot zone's file; by default the path and `.hot`.")
    ] = None
    installation: Annotated[Installation, Embedded] = field(default_factory=Installation)


@dataclass(frozen=True, kw_only=True)
class ExportTable(ExportSettings):
    """The keys of an export's table."""

    target: Annotated[str, Doc("The format of the file: a shipped target, or one of yours.")]
    path: Annotated[str, Doc("The path of the file.")]


@dataclass(frozen=True)
class Export(ExportSettings):
    """A file to render: its target, its path, and the part of a release in it."""

    name: str
    target: Target
    path: Path
    #: Whether another export writes the list of allows of the target's consumer.
    has_allow_list: bool = False

    @property
    def max_name_length(self) -> int:
        """The length of the longest name that fits in its file (RFC 1035, 2.3.4)."""
        return MAX_NAME_LENGTH - len(f".{self.zone}") if self.zone else MAX_NAME_LENGTH

    def as_hot(self) -> "Export":
        """Return the export of the hot zone, whose name, file, zone and canary are its own."""
        return replace(
            self,
            name=f"{self.name} (hot zone)",
            path=Path(self.hot_path) if self.hot_path else Path(f"{self.path}.hot"),
            zone=self.hot_zone or f"hot.{self.zone}",
            canary=self.canary and f"hot.{self.canary}",
        )

    @property
    def needs_countries(self) -> bool:
        """Whether the countries of entries must be known."""
        return bool(self.countries or self.not_countries)

    @property
    def filters_by_feed(self) -> bool:
        """Whether blocks are left out because of the feeds that list them."""
        return bool(self.categories or self.feeds or self.directions or self.min_score)

    @property
    def needs_listings(self) -> bool:
        """Whether the feeds that list an entry must be known."""
        return self.filters_by_feed or bool(self.actions) or self.max_entries is not None

    @property
    def blocking_actions(self) -> list[str]:
        """The different actions that block, `action` first."""
        actions = dict.fromkeys([self.action, *self.actions.values()])
        return [action for action in actions if action != RpzAction.PASSTHRU]


def build_export(
    name: str,
    table: dict[str, object],
    targets: Mapping[str, Target | None],
    base: Path,
    where: str,
) -> Export | None:
    """Return an export from its table; raise `ConfigError` with all mistakes in it.

    `targets` holds `None` for a target whose own file has mistakes; then so is its export.
    """
    mistakes = Mistakes()
    wanted = table.get("target")
    if isinstance(wanted, str) and wanted not in targets:
        hint = partial(suggest_name, wanted, targets)
        mistakes.add(f"{where}.target", f"unknown target {format_value(wanted)}", hint)
    with mistakes.collect():
        read = build_dataclass(ExportTable, table, where, partial(_find_faults, targets))
    mistakes.raise_any()
    target = targets[read.target]
    if target is None:
        return None
    settings = {key.name: getattr(read, key.name) for key in fields(ExportSettings)}
    settings["max_entries"] = read.max_entries or target.max_entries
    names = tuple(map(canonicalize_name, read.installation.must_resolve))
    settings["installation"] = replace(read.installation, must_resolve=names)
    settings["hot_path"] = read.hot_path and str(base / read.hot_path)
    for key in ("zone", "canary", "hot_zone"):
        settings[key] = settings[key] and canonicalize_name(settings[key])
    return Export(**settings, name=name, target=target, path=base / read.path)


def _find_faults(targets: Mapping[str, Target | None], read: ExportTable) -> KeyFaults:
    target = targets.get(read.target)
    if target is None:
        return
    if read.held_pages and Kind.URL not in target.kinds:
        yield "held_pages", "expected false, because this target takes no URLs"
    if target.needs_zone and read.zone is None:
        yield "zone", "missing; expected a name such as 'rpz.example.net'"
    if read.hot:
        yield from _find_hot_faults(read, target)
    if read.installation.probe and not (target.canary and read.canary):
        yield "probe", "the list has no canary that a server could be asked for"
    yield from _find_quorum_faults(read.installation)
    if read.action != _DEFAULT_ACTION:
        yield from _find_action_faults("action", read.action, target, RpzAction.PASSTHRU)
    if read.actions and Kind.DOMAIN not in target.kinds:
        yield "actions", "expected none, because networks of several categories are merged"
        return
    for category, action in read.actions.items():
        yield from _find_action_faults(f"actions.{category}", action, target)


def _find_quorum_faults(installation: Installation) -> KeyFaults:
    quorum, count = installation.probe_quorum, len(parse_dns_servers(installation.probe))
    if quorum is not None and not count:
        yield "probe_quorum", "there is no server to count; set probe too"
    elif isinstance(quorum, int) and quorum > count:
        yield "probe_quorum", f"expected at most {count}, the number of servers in probe"


def _find_hot_faults(read: ExportTable, target: Target) -> KeyFaults:
    """Find what a hot zone cannot do."""
    if target.dialect != "rpz" or target.lists is not TargetContent.BLOCKS:
        yield "hot", "expected false, because the target is no response policy zone of blocks"
    elif not target.passes_names:
        yield "hot", "expected false, because the server of this target has no pass-through"
    filters = {
        "actions": read.actions, "alive": read.alive, "categories": read.categories,
        "countries": read.countries, "feeds": read.feeds, "kinds": read.kinds,
        "max_entries": read.max_entries, "min_score": read.min_score,
        "not_countries": read.not_countries,
    }  # fmt: skip
    for key in (key for key, value in filters.items() if value):
        yield key, "expected none beside hot = true, which needs all names of a release"


def _find_action_faults(
    key: str, action: str, target: Target, unwanted: RpzAction | None = None
) -> KeyFaults:
    """Find an action that the target lacks, or that makes a zone block nothing."""
    actions = [kind for kind in target.actions if kind is not unwanted]
    try:
        is_fine = parse_rpz_action(action) in actions
    except InvalidIndicator:
        is_fine = False
    if not is_fine:
        expected = f"one of {', '.join(actions)}" if actions else "none; this target has no actions"
        yield key, f"expected {expected}, got {format_value(action)}"
