"""How many names a second are looked up, against c-ares and dnspython, all at one NSD on loopback.

    python -m benchmarks.resolve [N [ROUNDS]]

Every contender is a process of its own and asks for the addresses of N names in a wildcard zone,
500 at once; dnspython for a tenth of them, for it is slow. `survey` is all of `blocklist resolve`:
addresses of both families and name servers, states, and the ledger. `ten times` is our transport
with ten times the names, to see whether its memory and its rate stay.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, record
from tests.e2e.servers import open_resolver

#: All names but those that cannot exist, or the survey takes the server for a liar.
# One name in com, for a resolver that knows neither com nor net nor org is taken for cut off.
_ZONE = "*.example. 60 A 192.0.2.1\na.com. 60 A 192.0.2.1\n"
_AT_ONCE = 500
_SLOW = 10
_REACH = 2.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Names a second, seconds of CPU for 100,000 names, and MiB of memory at most."""

    names: float
    cpu: float
    peak: float
    lost: int


def invented(count: int) -> Iterable[str]:
    """Yield different names."""
    return (f"name{number}.shop{number % 9973}.example" for number in range(count))


async def ours(port: int, count: int) -> int:
    """Ask with our transport, all its checks and retries on; return how many were not answered."""
    from blocklist.config.dns_servers import DnsServer
    from blocklist.resolve.dns.sockets import Question
    from blocklist.resolve.dns.transport import DnsTransport, Reply
    from blocklist.resolve.dns.upstream import QueryLimits
    from blocklist.resolve.dns.wire import DnsOutcome, RecordType

    good = 0

    def answered(_: Question, reply: Reply) -> tuple[Question, ...]:
        nonlocal good
        good += reply.outcome is DnsOutcome.ANSWER
        return ()

    transport = DnsTransport([DnsServer("127.0.0.1", port)], QueryLimits(window=_AT_ONCE))
    await transport.ask_all((Question(name, RecordType.A) for name in invented(count)), answered)
    transport.close()
    return count - good


async def survey(port: int, count: int) -> int:
    """Look at names as `blocklist resolve` does, and record what was seen."""
    from blocklist.config.dns_servers import DnsServer
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.resolve.survey import Survey, SurveySettings

    with (
        tempfile.TemporaryDirectory() as folder,
        open_ledger_writer(Path(folder) / "x.db", "bench") as writer,
    ):
        settings = SurveySettings([DnsServer("127.0.0.1", port)])
        report = await Survey(writer, settings, lambda _: None).run(list(invented(count)))
    return count - report.states["alive"]


async def c_ares(port: int, count: int) -> int:
    """Ask with aiodns."""
    # Not a requirement of ours, so types are unknown.
    aiodns: Any = import_module("aiodns")
    resolver = aiodns.DNSResolver(nameservers=["127.0.0.1"], udp_port=port, timeout=5, tries=3)
    return await _each(
        invented(count), lambda name: resolver.query_dns(name, "A"), aiodns.error.DNSError
    )


async def dnspython(port: int, count: int) -> int:
    """Ask with dnspython's own resolver."""
    import dns.asyncresolver
    import dns.exception

    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port
    return await _each(
        invented(count), lambda name: resolver.resolve(f"{name}.", "A"), dns.exception.DNSException
    )


async def _each(
    names: Iterable[str], ask: Callable[[str], Awaitable[object]], failure: type[Exception]
) -> int:
    lost, names = 0, iter(names)

    async def work() -> None:
        nonlocal lost
        for name in names:
            try:
                await ask(name)
            except failure:
                lost += 1

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return lost


_CONTENDERS = {
    "ours": ours,
    "ten times": ours,
    "survey": survey,
    "aiodns": c_ares,
    "dnspython": dnspython,
}


def measured(contender: str, port: int, count: int) -> Rate:
    """Run a contender in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.resolve", contender, str(port), str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Rate(**json.loads(done.stdout))


def contend(contender: str, port: int, count: int) -> None:
    """Be a contender, and print how it went."""
    start, before = time.perf_counter(), time.process_time()
    lost = asyncio.run(_CONTENDERS[contender](port, count))
    wall, cpu = time.perf_counter() - start, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"names": count / wall, "cpu": cpu * 1e5 / count, "peak": peak, "lost": lost}))


def main(count: int = 100_000, rounds: int = 3) -> None:
    """Measure, print a table, and write it down."""
    sizes = {"ours": count, "aiodns": count, "dnspython": count // _SLOW, "survey": count}
    if find_spec("aiodns") is None:
        print("aiodns is not installed, so it is left out; to compare: pip install aiodns")
        del sizes["aiodns"]
    with tempfile.TemporaryDirectory() as folder, open_resolver(Path(folder), _ZONE) as port:
        every = [
            {name: measured(name, port, size) for name, size in sizes.items()}
            for _ in range(rounds)
        ]
        found = {
            name: sorted((one[name] for one in every), key=lambda rate: rate.names)[rounds // 2]
            for name in sizes
        }
        found["ten times"] = measured("ten times", port, 10 * count)
    unit = found.get("aiodns", found["dnspython"])
    print(f"{count:,} names at one NSD, median of {rounds}; reach {_REACH} times aiodns")
    print(f"{'':10} {'names/s':>9} {'times':>6} {'cpu s/100k':>10} {'peak MiB':>9} {'lost':>5}")
    for name, rate in found.items():
        times = rate.names / unit.names
        print(
            f"{name:10} {rate.names:9,.0f} {times:6.1f} {rate.cpu:10.2f} {rate.peak:9,.0f} "
            f"{rate.lost:5,}"
        )
    sizes["ten times"] = 10 * count
    costs = {n: Cost(sizes[n] / r.names, r.cpu * sizes[n] / 1e5, r.peak) for n, r in found.items()}
    record("resolve", count, costs)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in _CONTENDERS:
        contend(sys.argv[1], *map(int, sys.argv[2:]))
    else:
        main(*map(int, sys.argv[1:]))
