"""Hold the installation keys of an export, and check them."""

from dataclasses import dataclass

from blocklist.config.dns_servers import parse_dns_server
from blocklist.config.toml import require_valid

#: BIND takes up a changed zone once a minute, and a million names take half a minute more.
_DEFAULT_PROBE_TIMEOUT = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What is done to a server after its file is in place. Commands are lists of words."""

    #: Looks at the server's configuration with the new file in place, before the reload.
    check_server: tuple[str, ...] = ()
    #: Makes the server read the file anew; `{file}` and `{zone}` are filled in, as in all of them.
    reload: tuple[str, ...] = ()
    #: Hooks: one that may stop the export, and one that hears how it ended.
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    #: How many seconds each of these may take.
    timeout: float = 120.0
    #: Whether they go through /bin/sh.
    shell: bool = False
    #: Servers, each ADDRESS or ADDRESS#PORT, that must block the canaries, and within how many
    #: seconds.
    probe: tuple[str, ...] = ()
    probe_timeout: float = _DEFAULT_PROBE_TIMEOUT
    #: Names that must resolve there after the install if they did before; one's own are added.
    must_resolve: tuple[str, ...] = ()


def check_installation(told: Installation, where: str) -> None:
    """Raise `UsageError` for limits of no time and servers that are no addresses."""
    for key in ("timeout", "probe_timeout"):
        require_valid(getattr(told, key) > 0, where, key, "a number of seconds above 0")
    for place, text in enumerate(told.probe):
        expected = "an address, or ADDRESS#PORT, as in '127.0.0.1#5353'"
        require_valid(_is_server(text), where, f"probe[{place}]", expected)


def _is_server(text: str) -> bool:
    try:
        parse_dns_server(text)
    except ValueError:
        return False
    return True
