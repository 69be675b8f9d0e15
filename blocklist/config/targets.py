"""Load the targets of exports: TOML files -> Target, a format and what its consumers support."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

from blocklist.config.catalogue import find_catalogue_folder, read_toml_folder
from blocklist.config.line_templates import TEMPLATE_FIELDS, is_line_template
from blocklist.config.mistakes import Mistakes
from blocklist.config.rpz_actions import RpzAction
from blocklist.config.tables import build_dataclass
from blocklist.config.toml import TomlTable
from blocklist.config_keys import Doc, Form, Range, keys_of
from blocklist.model import Kind, Scope

_FIELDS = ", ".join(f"{{{field}}}" for field in TEMPLATE_FIELDS)
_TEMPLATE = Form(is_line_template, f"one of {_FIELDS} in each line")


class TargetContent(StrEnum):
    """What a target lists of a release: the blocked entries, or the operator's allows."""

    BLOCKS = "blocks"
    ALLOWS = "allows"


class AllowPrecedence(StrEnum):
    """Which of an allow and a block decides in a target's consumer."""

    #: The consumer has no allows, so blocks leave out what is allowed.
    NONE = "none"
    #: The more specific of the two decides.
    SPECIFIC = "specific"
    #: The allow decides, also for every block below it.
    ALWAYS = "always"


def _is_pattern(text: str) -> bool:
    """Return whether a text is a regular expression of Python and of polars."""
    try:
        re.compile(text)
    except re.error:
        return False
    return not re.search(r"\(\?[=!<P]|\\[0-9]", text)


@dataclass(frozen=True, slots=True)
class Target:
    """An export format, described by `exports/NAME.toml`."""

    name: str
    title: Annotated[str, Doc("The name of the format for people.")]
    dialect: Annotated[
        str, Doc("The writer of the file: `lines`, `rpz`, `rpz-ip`, `nftables` or a plugin.")
    ]
    kinds: Annotated[
        tuple[Kind, ...],
        Form(bool, "a list of at least one kind"),
        Doc("The kinds that the consumer loads."),
    ]
    scopes: Annotated[
        tuple[Scope, ...],
        Form(bool, "a list of at least one scope"),
        Doc(
            "The scopes that the consumer can express. Other entries are narrowed, never widened, "
            "and reported."
        ),
    ]
    check: Annotated[
        tuple[str, ...],
        Doc("The consumer's own checker, as a command; `{file}` and `{zone}` are filled in."),
    ] = ()
    check_timeout: Annotated[
        int, Range(above=0, unit="seconds"), Doc("The time that the checker may take.")
    ] = 300
    check_cannot: Annotated[
        tuple[str, ...],
        Doc(
            "Messages of the checker that mean that it cannot check the file here, for example "
            "without the necessary rights. They are no failure."
        ),
    ] = ()
    line: Annotated[
        str, _TEMPLATE, Doc("For `lines`: the lines of an entry, or of a name without subdomains.")
    ] = "{value}"
    subtree_line: Annotated[
        str, _TEMPLATE, Doc("For `lines`: the lines of a name with all names below it.")
    ] = ""
    below_line: Annotated[
        str, _TEMPLATE, Doc("For `lines`: the lines of all names below a name, without the name.")
    ] = ""
    allow_line: Annotated[
        str, _TEMPLATE, Doc("For `lines`: the lines of an allowed name with all names below it.")
    ] = ""
    ip_line: Annotated[
        str, _TEMPLATE, Doc("For `lines`: the lines of a network, if `line` is not right for it.")
    ] = ""
    ip6_line: Annotated[
        str, _TEMPLATE, Doc("For `lines`: the lines of an IPv6 network, if it needs its own.")
    ] = ""
    url_line: Annotated[
        str, _TEMPLATE, Doc("For `lines`: the lines of a URL, if `line` is not right for it.")
    ] = ""
    head: Annotated[str, Doc("The text before the entries.")] = ""
    foot: Annotated[str, Doc("The text after the entries.")] = ""
    allows: Annotated[
        AllowPrecedence,
        Doc(
            "Which of an allow and a block decides in the consumer: it has no allows, the more "
            "specific one decides, or the allow always decides."
        ),
    ] = AllowPrecedence.NONE
    comment: Annotated[
        str, Doc("The characters that start a comment; empty if there are no comments.")
    ] = "#"
    canary: Annotated[
        str,
        Doc(
            "The lines of a canary, a name with an answer that the server gives to no other name; "
            "`{value}` is filled in. Empty: the list has no canary."
        ),
    ] = ""
    lists: Annotated[
        TargetContent, Doc("Whether the file lists blocked entries or your allows.")
    ] = TargetContent.BLOCKS
    actions: Annotated[
        tuple[RpzAction, ...],
        Doc("For response policy zones: the actions that the consumer supports."),
    ] = ()
    host_owners: Annotated[
        bool,
        Doc(
            "For response policy zones: whether the consumer refuses a zone with an address at an "
            "owner, zone name included, that is no host name."
        ),
    ] = False
    max_entries: Annotated[
        int | None,
        Range(1),
        Doc("The most entries that the consumer can load; those with the best scores are kept."),
    ] = None
    max_name: Annotated[
        int | None,
        Range(1),
        Doc("The longest name that the consumer can load; longer ones are left out."),
    ] = None
    allow_list: Annotated[
        str,
        Doc(
            "The target for a file of your allows, which win over all blocks in the consumer. With "
            "an export of it, this file does not narrow blocks around allows."
        ),
    ] = ""
    name_form: Annotated[
        str,
        Form(_is_pattern, "a regular expression"),
        Doc(
            "The form of the names that the consumer loads, as a regular expression for the whole "
            "name; other names are left out. Empty: all names."
        ),
    ] = ""
    exact_needs_dot: Annotated[
        bool, Doc("Whether the consumer loads a name of one label only with all names below it.")
    ] = False
    needs_zone: Annotated[bool, Doc("Whether an export must have the key `zone`.")] = False
    mark: Annotated[
        str,
        Doc(
            "For lists in a kernel: the lines of the mark, an address of 100::/64 that changes "
            "with the content; `{value}` is filled in. Empty: the list has no mark."
        ),
    ] = ""
    look_mark: Annotated[
        tuple[str, ...],
        Doc("The command that succeeds only if the kernel has the mark `{value}`."),
    ] = ()
    look_ip: Annotated[
        tuple[str, ...],
        Doc(
            "The command that succeeds only if the kernel has an IPv4 network: `{value}`, its "
            "first `{address}`, or several `{values}` with commas between them. `{python}` is the "
            "interpreter of this program."
        ),
    ] = ()
    look_ip6: Annotated[tuple[str, ...], Doc("The same command for IPv6 networks.")] = ()
    look_absent: Annotated[
        tuple[str, ...],
        Doc(
            "Messages of these commands that mean that the list or the network is not there. "
            "After any other failure nothing is known."
        ),
    ] = ()
    change_add: Annotated[
        str, Doc("The line that adds an IPv4 network to a loaded list; `{value}` is filled in.")
    ] = ""
    change_add6: Annotated[str, Doc("The line that adds an IPv6 network.")] = ""
    change_remove: Annotated[str, Doc("The line that removes an IPv4 network.")] = ""
    change_remove6: Annotated[str, Doc("The line that removes an IPv6 network.")] = ""

    @property
    def passes_names(self) -> bool:
        """Whether the file has pass-through rows for allowed names, also if it lists addresses."""
        has_allows = self.allows is not AllowPrecedence.NONE
        return self.needs_zone and has_allows and self.lists is TargetContent.BLOCKS

    @property
    def row_kinds(self) -> tuple[Kind, ...]:
        """The kinds of rows in the file: what it lists, and the names that it lets pass."""
        return tuple(dict.fromkeys([*self.kinds, *[Kind.DOMAIN] * self.passes_names]))


_TEMPLATE_KEYS = [name for name, key in keys_of(Target).items() if key.type.check is _TEMPLATE]


def load_targets(base: Path) -> dict[str, Target]:
    """Return all targets by name; raise `ConfigError` with the mistakes of all files."""
    mistakes = Mistakes()
    targets = read_targets(base, mistakes)
    mistakes.raise_any()
    return {name: target for name, target in targets.items() if target}


def read_targets(base: Path, mistakes: Mistakes) -> dict[str, Target | None]:
    """Return all targets by name, `None` for one with mistakes, and add those mistakes.

    Targets in `exports/` below `base` replace those of the package.
    """
    return _load_package_targets() | _read_folder(base / "exports", mistakes)


def list_package_targets() -> list[str]:
    """Return the names of the targets of the package, sorted."""
    return sorted(_load_package_targets())


@cache
def _load_package_targets() -> dict[str, Target | None]:
    """Read the targets of the package once, because they do not change while the program runs."""
    mistakes = Mistakes()
    targets = _read_folder(find_catalogue_folder("exports"), mistakes)
    mistakes.raise_any()
    return targets


def _read_folder(folder: Traversable, mistakes: Mistakes) -> dict[str, Target | None]:
    targets: dict[str, Target | None] = {}
    for name, where, table in read_toml_folder(folder, mistakes):
        targets[name] = None
        if table is not None:
            with mistakes.collect():
                targets[name] = build_target(name, table, where)
    return targets


def build_target(name: str, table: TomlTable, where: str) -> Target:
    """Return a target from its table; raise `ConfigError` with all mistakes in it."""
    return build_dataclass(Target, table, where, name=name)


def target_templates(target: Target) -> dict[str, str]:
    """Return the templates of a target by key, without line ends around them."""
    templates = {key: getattr(target, key).strip("\n") for key in _TEMPLATE_KEYS}
    return {key: template for key, template in templates.items() if template}
