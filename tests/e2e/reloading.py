"""Real servers that reload, configured with the lines of the guides in docs/how-to/."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dns.rcode import NOERROR

from blocklist.config.dns_servers import DnsServer
from tests.e2e.servers import answers, asker, free_port, running

GUIDES = Path(__file__).parents[2] / "docs" / "how-to"
#: The zone and the places that the document's examples use.
ZONE = "rpz.office.example"

_NAMED = """
key "control" {{ algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; }};
controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "control"; }}; }};
options {{
    directory "{folder}"; pid-file none; session-keyfile none; lock-file none;
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion yes; forward only; forwarders {{ 127.0.0.1 port {upstream}; }};
    dnssec-validation no; empty-zones-enable no;
{lines}
"""
_RNDC = """
key "control" {{ algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; }};
options {{ default-key "control"; default-server 127.0.0.1; default-port {control}; }};
"""
#: What the servers are set up with beside the lines about the list.
UNBOUND = """
server:
    interface: 127.0.0.1@{port}
    directory: "{folder}"
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    do-not-query-localhost: no
remote-control:
    control-enable: yes
    control-interface: {folder}/control
    control-use-cert: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream}
{lines}
"""
RECURSOR = """
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
config-dir={folder}
dont-query=
forward-zones-recurse=.=127.0.0.1:{upstream}
dnssec=off
hint-file=no
security-poll-suffix=
webserver=no
setuid=
setgid=
lua-config-file={folder}/blocklist.lua
"""
KRESD = """
net.ipv6 = false
net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})
modules = {{ 'policy' }}
trust_anchors.remove('.')
cache.size = 10 * MB
{lines}
policy.add(policy.all(policy.FORWARD({{'127.0.0.1@{upstream}'}})))
"""
KNOT = """
server:
    rundir: "{folder}"
    listen: 127.0.0.1@{port}
database:
    storage: "{folder}/db"
log:
  - target: stdout
    any: info
"""
DNSMASQ = """
no-resolv
no-hosts
bind-interfaces
listen-address=127.0.0.1
port={port}
pid-file={folder}/pid
user=root
server=127.0.0.1#{upstream}
{lines}
"""

_UNBOUND_CONF = "unbound.conf"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is running: where it is asked, and how it is told to reload."""

    port: int
    pid: int
    reload: tuple[str, ...]

    @property
    def server(self) -> DnsServer:
        return DnsServer("127.0.0.1", self.port)


#: Start a server with a file; `hot` also loads the hot zone beside it, where a guide has one.
Start = Callable[..., AbstractContextManager[Running]]


def documented(guide: str, language: str, file: Path, heading: str = "") -> str:
    """Return the only block of a language in a guide or below one of its headings.

    The path of the guide's example is replaced by `file`.
    """
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return re.sub(r"/[a-z/-]*/(?:db\.rpz\.office|blocklist\.\w+)", str(file), str(block))


@contextmanager
def _started(command: list[str], folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    ask = asker(port, 0.2)

    def ready() -> bool:
        return answers(ask, "ready.example", NOERROR)

    with running(command, folder / "log", ready) as process:
        yield process


@contextmanager
def _named(
    folder: Path, port: int, lines: str, upstream: int
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run BIND, which applies a change at once and not once in a minute."""
    lines = lines.replace("min-update-interval 5;", "min-update-interval 0;")
    told = {"folder": folder, "port": port, "control": free_port(), "upstream": upstream}
    text = _NAMED.format(lines=lines.removeprefix("options {\n"), **told)
    (folder / "named.conf").write_text(text)
    (folder / "rndc.conf").write_text(_RNDC.format(**told))
    command = ["named", "-g", "-n", "1", "-c", str(folder / "named.conf")]
    with _started(command, folder, port) as process:
        yield process


@contextmanager
def bind(folder: Path, file: Path, upstream: int, *, hot: bool = False) -> Iterator[Running]:
    port, lines = free_port(), documented("bind", "hot.conf" if hot else "named.conf", file)
    with _named(folder, port, lines, upstream) as process:
        rndc = ("rndc", "-c", str(folder / "rndc.conf"))
        yield Running(port, process.pid, (*rndc, "reload", "{zone}"))


@contextmanager
def _unbound(
    folder: Path, file: Path, upstream: int, heading: str, *reload: str, language: str
) -> Iterator[Running]:
    port, lines = free_port(), documented("unbound", language, file, heading)
    told = {"folder": folder, "port": port, "upstream": upstream}
    (folder / "unbound.conf").write_text(UNBOUND.format(lines=lines, **told))
    with _started(["unbound", "-c", str(folder / "unbound.conf")], folder, port) as process:
        control = ("unbound-control", "-c", str(folder / "unbound.conf"))
        yield Running(port, process.pid, (*control, *reload))


def unbound(
    folder: Path, file: Path, upstream: int, *, hot: bool = False
) -> AbstractContextManager[Running]:
    heading, language = ("Hot zone", "hot.conf") if hot else ("Response policy zone", _UNBOUND_CONF)
    reload = ("auth_zone_reload", "{zone}")
    return _unbound(folder, file, upstream, heading, *reload, language=language)


@contextmanager
def unbound_again(folder: Path, port: int) -> Iterator[None]:
    """Run Unbound with the configuration of an earlier one in the folder, and on its port."""
    with _started(["unbound", "-c", str(folder / "unbound.conf")], folder, port):
        yield


def unbound_local(folder: Path, file: Path, upstream: int) -> AbstractContextManager[Running]:
    """Run Unbound with local zones, which only a full reload reads again."""
    return _unbound(folder, file, upstream, "Local zones", "reload", language=_UNBOUND_CONF)


@contextmanager
def recursor(folder: Path, file: Path, upstream: int, *, hot: bool = False) -> Iterator[Running]:
    port = free_port()
    lines = documented("powerdns-recursor", "hot.conf" if hot else "lua", file)
    (folder / "blocklist.lua").write_text(lines)
    told = {"folder": folder, "port": port, "upstream": upstream}
    (folder / "recursor.conf").write_text(RECURSOR.format(**told))
    with _started(["pdns_recursor", f"--config-dir={folder}"], folder, port) as process:
        control = ("rec_control", f"--socket-dir={folder}")
        yield Running(port, process.pid, (*control, "reload-lua-config"))


@contextmanager
def knot_resolver(folder: Path, file: Path, upstream: int) -> Iterator[Running]:
    port, lines = free_port(), documented("knot-resolver", "lua", file)
    (folder / "kresd.conf").write_text(KRESD.format(lines=lines, port=port, upstream=upstream))
    with _started(
        ["kresd", "-n", "-c", str(folder / "kresd.conf"), str(folder)], folder, port
    ) as process:
        yield Running(port, process.pid, ())


@contextmanager
def dnsmasq(folder: Path, file: Path, upstream: int) -> Iterator[Running]:
    port, lines = free_port(), documented("dnsmasq", "dnsmasq.conf", file)
    told = {"folder": folder, "port": port, "upstream": upstream}
    (folder / "dnsmasq.conf").write_text(DNSMASQ.format(lines=lines, **told))
    with _started(
        ["dnsmasq", "-k", f"--conf-file={folder / 'dnsmasq.conf'}"], folder, port
    ) as process:
        yield Running(port, process.pid, ("sh", "-c", f"kill -HUP $(cat '{folder}/pid')"))


@contextmanager
def knot(folder: Path, file: Path, port: int, secondary: int) -> Iterator[Running]:
    """Run Knot DNS on a port, from which a secondary on another one gets the zone."""
    lines = documented("many-resolvers", "knot.conf", file)
    lines = lines.replace("address: 192.0.2.11\nacl", f"address: 127.0.0.1@{secondary}\nacl")
    lines = lines.replace("192.0.2.11", "127.0.0.1")
    (folder / "db").mkdir()
    (folder / "knot.conf").write_text(KNOT.format(folder=folder, port=port) + lines)
    control = ("knotc", "-c", str(folder / "knot.conf"))
    command = ["knotd", "-c", str(folder / "knot.conf")]
    with running(command, folder / "log", lambda: answers(asker(port, 0.2), ZONE)) as process:
        yield Running(port, process.pid, (*control, "zone-reload", "{zone}"))


@contextmanager
def bind_secondary(folder: Path, port: int, primary: int, upstream: int) -> Iterator[Running]:
    """Run BIND with a zone that it gets from a primary on another port of loopback."""
    policy = documented("bind", "named.conf", folder / "zone")
    zone = documented("many-resolvers", "secondary.conf", folder / "zone")
    zone = zone.replace("192.0.2.53", f"127.0.0.1 port {primary}")
    lines = policy.partition('zone "rpz.office.example" {')[0] + "\n" + zone
    with _named(folder, port, lines, upstream) as process:
        yield Running(port, process.pid, ())


#: How each server is started, and the target that it loads.
SERVERS: dict[str, tuple[Start, str]] = {
    "BIND": (bind, "rpz"),
    "Unbound": (unbound, "rpz-unbound"),
    "Unbound local zones": (unbound_local, "unbound"),
    "PowerDNS": (recursor, "rpz-powerdns"),
    "Knot Resolver": (knot_resolver, "rpz-knot"),
    "dnsmasq": (dnsmasq, "hosts"),
}


def _param(name: str, *programs: str) -> object:
    return pytest.param(name, marks=pytest.mark.e2e("nsd", *programs))


#: The names of all servers that reload, as parameters that need their programs.
RELOADING = [
    _param("BIND", "named", "rndc", "named-checkzone"),
    _param("Unbound", "unbound", "unbound-control"),
    _param("Unbound local zones", "unbound", "unbound-control", "unbound-checkconf"),
    _param("PowerDNS", "pdns_recursor", "rec_control"),
    _param("Knot Resolver", "kresd"),
    _param("dnsmasq", "dnsmasq"),
]
