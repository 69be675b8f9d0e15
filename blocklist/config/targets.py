"""Load export targets: TOML files -> Target, with its format and what its consumers support."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path

from blocklist.config.feeds import find_catalogue_folder, read_toml_folder
from blocklist.config.line_templates import TEMPLATE_FIELDS, parse_line_templates
from blocklist.config.rpz_actions import RpzAction
from blocklist.config.toml import TomlTable, build_dataclass, require_valid
from blocklist.model import Kind, Scope

_TEMPLATE_KEYS = (
    "line", "subtree_line", "below_line", "allow_line", "ip_line", "ip6_line", "url_line",
)  # fmt: skip


class TargetContent(StrEnum):
    """What of a release a target lists: what is blocked, or what the operator allows."""

    BLOCKS = "blocks"
    ALLOWS = "allows"


class AllowPrecedence(StrEnum):
    """How an allow stands against a block in a target's consumer."""

    #: There are none, so blocks keep clear of what is allowed.
    NONE = "none"
    #: The more specific of the two decides.
    SPECIFIC = "specific"
    #: The allow wins, whatever is blocked below it.
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Target:
    """An export format, as `exports/NAME.toml` describes it."""

    name: str
    title: str
    #: The renderer: a name in `blocklist.export.dialects.REGISTRY`.
    dialect: str
    kinds: tuple[Kind, ...]
    #: What its consumer can express; a listing beyond that is narrowed and reported.
    scopes: tuple[Scope, ...]
    #: The consumer's own checker, run when it is installed; `{file}` and `{zone}` are filled in.
    check: tuple[str, ...] = ()
    #: How many seconds the checker may take.
    check_timeout: int = 300
    #: What the checker says where it cannot look at all, such as without the rights to.
    check_cannot: tuple[str, ...] = ()
    #: How an entry is written, for the `lines` dialect (see `forms`): any entry, or a name alone; a
    #: name and all below it; what is below it alone; the two, allowed.
    line: str = "{value}"
    subtree_line: str = ""
    below_line: str = ""
    allow_line: str = ""
    #: A network, an IPv6 network, and a URL, where they are written otherwise than `line`.
    ip_line: str = ""
    ip6_line: str = ""
    url_line: str = ""
    #: What stands before the entries, and after them.
    head: str = ""
    foot: str = ""
    #: How an allow stands against a block.
    allows: AllowPrecedence = AllowPrecedence.NONE
    #: What starts a comment.
    comment: str = "#"
    #: How a canary is written, for lists that DNS servers load: as a name with an answer that the
    #: server would give to no unlisted one; `{value}` is filled in. Empty: the list has none.
    canary: str = ""
    #: Whether it lists what is blocked, or what you allow.
    lists: TargetContent = TargetContent.BLOCKS
    #: What its consumer can do to a query for a blocked name, for response policy zones.
    actions: tuple[RpzAction, ...] = ()
    #: More entries, and longer names, its consumer cannot hold.
    max_entries: int | None = None
    max_name: int | None = None
    #: Whether an export must say its `zone`.
    needs_zone: bool = False


def load_targets(own: Path) -> dict[str, Target]:
    """Return all targets by name; the user's own win over shipped ones of the same name."""
    return _load_shipped_targets() | _load_targets_folder(own / "exports")


@cache
def _load_shipped_targets() -> dict[str, Target]:
    """Read what ships once, for no part of it changes while the program runs."""
    return _load_targets_folder(find_catalogue_folder("exports"))


def _load_targets_folder(folder: Traversable) -> dict[str, Target]:
    return {
        name: build_target(name, table, where) for name, where, table in read_toml_folder(folder)
    }


def build_target(name: str, table: TomlTable, where: str) -> Target:
    """Return a target from its table."""
    built = build_dataclass(Target, table, where, name=name)
    require_valid(bool(built.kinds), where, "kinds", "one kind at least")
    for key in ("max_entries", "max_name"):
        most = getattr(built, key)
        require_valid(most is None or most >= 1, where, key, "a whole number from 1")
    require_valid(bool(built.scopes), where, "scopes", "one scope at least")
    for key, template in target_templates(built).items():
        known = " or ".join(f"{{{field}}}" for field in TEMPLATE_FIELDS)
        expected = f"one field in each line, which is {known}, got {template!r}"
        require_valid(parse_line_templates(template) is not None, where, key, expected)
    return built


def target_templates(target: Target) -> dict[str, str]:
    """Return the templates that a target has, by key, without line ends around them."""
    every = {key: getattr(target, key).strip("\n") for key in _TEMPLATE_KEYS}
    return {key: template for key, template in every.items() if template}
