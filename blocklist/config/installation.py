"""Define the keys of an export that say how its file gets into a server."""

from dataclasses import dataclass
from typing import Annotated, Any

from blocklist.config.dns_servers import DNS_SERVER
from blocklist.config_keys import Doc, Form, Range
from blocklist.indicators.names import canonicalize_name

#: What a key with the name of a domain or zone accepts.
DOMAIN_NAME = Form(canonicalize_name, "a domain name")
_SECONDS = Range(above=0, unit="seconds")
#: BIND applies a changed zone once a minute, and a million names take half a minute more.
_DEFAULT_PROBE_TIMEOUT = 180.0


def _is_quorum(value: object) -> bool:
    """Return whether a value is a whole number of servers, or a share of them."""
    if type(value) is float:
        return 0 < value <= 1
    return type(value) is int and value >= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The commands and checks that bring a new file into a server. Commands are lists of words."""

    check_server: Annotated[
        tuple[str, ...],
        Doc(
            'The command that checks the configuration of the server, such as `["named-checkconf"'
            "]`. The new file is in place then, and the server not yet reloaded."
        ),
    ] = ()
    reload: Annotated[
        tuple[str, ...], Doc("The command that makes the server load the new file.")
    ] = ()
    reload_change: Annotated[
        tuple[str, ...],
        Doc(
            "For lists in a kernel: the command that loads only the difference to the previous "
            'file, such as `["nft", "-f", "{change}"]`. `{added}` and `{removed}` are files '
            "of networks, one a line. If it fails, `reload` loads the whole file."
        ),
    ] = ()
    kernel: Annotated[
        bool,
        Doc(
            "Whether `reload` loads the list into the kernel of this machine. Each run and "
            "`status` then look whether the kernel has it."
        ),
    ] = True
    look_with: Annotated[
        tuple[str, ...],
        Doc(
            'Words before the commands that look into the kernel, such as `["sudo", "-n"]` '
            "for a user who may not."
        ),
    ] = ()
    before: Annotated[
        tuple[str, ...],
        Doc(
            "A command that runs before the new file is put into place. If it fails, the old file "
            "stays."
        ),
    ] = ()
    after: Annotated[
        tuple[str, ...],
        Doc("A command that runs when the new file is loaded, or the old one is restored."),
    ] = ()
    timeout: Annotated[float, _SECONDS, Doc("The time that each of these commands may take.")] = (
        120.0
    )
    shell: Annotated[
        bool, Doc("Whether `/bin/sh` runs the commands, their words joined by spaces.")
    ] = False
    probe: Annotated[
        tuple[Annotated[str, DNS_SERVER], ...],
        Doc(
            "DNS servers that must block a canary of the new list. If too few do, the old file is "
            "restored: see `probe_quorum`."
        ),
    ] = ()
    probe_timeout: Annotated[
        float, _SECONDS, Doc("The time until these servers must block the canary.")
    ] = _DEFAULT_PROBE_TIMEOUT
    probe_quorum: Annotated[
        Any,  # int, float or None
        Form(_is_quorum, "a number of servers such as 2, or a share such as 0.5"),
        Doc(
            "How many of these servers must block the canary: a number such as `2`, or a share "
            "such as `0.5` (`1` is one server, `1.0` is all). Without it, more than half. A server "
            "that gives no answer before the installation is not counted, unless all give none."
        ),
    ] = None
    must_resolve: Annotated[
        tuple[Annotated[str, DOMAIN_NAME], ...],
        Doc(
            "Names that must have an address after the installation if they had one before. Your "
            "own names are added."
        ),
    ] = ()
