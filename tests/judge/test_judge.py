"""The judge in small cases: each rule of the precedence, and each pair of rules."""

from dataclasses import dataclass, replace

import polars as pl
import pytest

from blocklist.frames.schemas import LISTINGS
from blocklist.indicators.query import parse_query
from blocklist.judge.guards import GUARDS, GuardLists, Guards, load_guards
from blocklist.judge.judge import JudgeInput, decide_verdicts
from blocklist.model import Entry, Kind, Scope, Verdict

# `evil.com` stands for itself, `.evil.com` for it and all below, `*.evil.com` for all below.
_MARKS = {"*.": Scope.BELOW, ".": Scope.SUBTREE}
_SHOWN = {Scope.EXACT: "", Scope.SUBTREE: ".", Scope.BELOW: "*."}


def indicator(text: str) -> tuple[Kind, str, Scope]:
    for mark, scope in _MARKS.items():
        if text.startswith(mark):
            return Kind.DOMAIN, parse_query(text.removeprefix(mark)).value, scope
    found = parse_query(text)
    return found.kind, found.value, Scope.EXACT


def listings(text: str) -> pl.DataFrame:
    """Read `FEED INDICATOR, ...`."""
    rows = []
    for part in filter(None, text.split(", ")):
        feed, listed = part.split()
        kind, value, scope = indicator(listed)
        rows.append((feed, kind, value, scope))
    return pl.DataFrame(rows, schema=LISTINGS, orient="row")


def guarded(text: str) -> Guards:
    """Read `CLASS INDICATOR, ...`; the class `own` is the policy's own names and networks."""
    own, listed = [], []
    for part in filter(None, text.split(", ")):
        kind_of_guard, name = part.split()
        found = parse_query(name)
        if kind_of_guard == "own":
            own.append((found.kind, found.value))
        else:
            listed.append((found.kind, found.value, kind_of_guard, f"top-{kind_of_guard}", True))
    frame = pl.DataFrame(listed, schema=GUARDS, orient="row")
    return load_guards(tuple(own), GuardLists(frame))


def entries(text: str) -> list[Entry]:
    """Read `ACTION INDICATOR, ...`."""
    found = []
    for part in filter(None, text.split(", ")):
        action, name = part.split()
        kind, value, scope = indicator(name)
        found.append(Entry(kind, value, scope, Verdict(action), f"{action} {name}", "", None))
    return found


@dataclass(frozen=True)
class World:
    """Listings, guards and entries of one case, and its expected verdicts."""

    why: str
    listed: str
    expected: str
    guard: str = ""
    entry: str = ""
    widen: bool = True
    threshold: float = 0.0
    #: All other feeds are believed by 0.5.
    reliability: str = ""


def case(world: World) -> JudgeInput:
    listed = listings(world.listed)
    reliability = dict.fromkeys(listed["feed"].unique().to_list(), 0.5)
    for part in world.reliability.split():
        feed, _, number = part.partition("=")
        reliability[feed] = float(number)
    return JudgeInput(
        listings=listed,
        reliability=reliability,
        guards=guarded(world.guard),
        entries=entries(world.entry),
        widen=world.widen,
        threshold=world.threshold,
    )


def verdicts(world: World) -> list[str]:
    found = decide_verdicts(case(world))
    assert found.select("value", "scope").is_unique().all()
    return sorted(
        f"{verdict} {reason} {_SHOWN[Scope(scope)]}{value}"
        for value, scope, verdict, reason in found.select(
            "value", "scope", "verdict", "reason"
        ).iter_rows()
    )


def check(world: World) -> None:
    assert verdicts(world) == sorted(filter(None, world.expected.split(", "))), world.why


SCOPES = [
    World("nothing is listed", "", ""),
    World("a registrable domain is widened", "a evil.com", "block listed .evil.com"),
    World("and is not when the policy says so", "a evil.com", "block listed evil.com", widen=False),
    World("a name below it is not", "a x.evil.com", "block listed x.evil.com"),
    World("below two labels of suffix", "a evil.co.uk", "block listed .evil.co.uk"),
    World("nor is its child", "a x.evil.co.uk", "block listed x.evil.co.uk"),
    World("a subtree stays one", "a .x.evil.com", "block listed .x.evil.com"),
    World("so does what is only below", "a *.evil.com", "block listed *.evil.com"),
    World(
        "exact and below are a subtree", "a x.evil.com, b *.x.evil.com", "block listed .x.evil.com"
    ),
    World(
        "whatever is not widened keeps each listed part",
        "a evil.com, a *.evil.com",
        "block listed .evil.com",
        widen=False,
    ),
    World("a name of no known top level", "a evil.nowhere", "block listed .evil.nowhere"),
]

URLS = [
    World(
        "a page speaks of its host, not of what is below it",
        "a https://evil.com/login",
        "block listed evil.com, block listed https://evil.com/login",
    ),
    World(
        "a query is a page too",
        "a https://evil.com/?id=1",
        "block listed evil.com, block listed https://evil.com/?id=1",
    ),
    World(
        "a URL without a path speaks of its host, and is widened",
        "a https://evil.com/",
        "block listed .evil.com, block listed https://evil.com/",
    ),
    World(
        "a page beside a name takes nothing from the name",
        "a evil.com, b https://evil.com/login",
        "block listed .evil.com, block listed https://evil.com/login",
    ),
    World(
        "a page beside what is below widens nothing but itself",
        "a *.evil.com, a https://evil.com/login",
        "block listed .evil.com, block listed https://evil.com/login",
    ),
    World(
        "a page says nothing about a shared host; it is left to a proxy",
        "a https://sites.google.com/view/x",
        "hold url-only https://sites.google.com/view/x",
    ),
    World("a shortener", "a https://bit.ly/x", "hold url-only https://bit.ly/x"),
    World(
        "a popular host",
        "a https://www.shop.com/x",
        "hold url-only https://www.shop.com/x",
        guard="popular shop.com",
    ),
    World(
        "a protected host",
        "a https://www.paypal.com/x",
        "hold url-only https://www.paypal.com/x",
    ),
    World(
        "a platform",
        "a https://weebly.com/x",
        "hold url-only https://weebly.com/x",
    ),
    World("a public suffix", "a https://pages.dev/x", "hold url-only https://pages.dev/x"),
    World(
        "a tenant of it",
        "a https://victim.pages.dev/x",
        "block listed victim.pages.dev, block listed https://victim.pages.dev/x",
    ),
    World(
        "a shared host that is named itself is held itself",
        "a https://bit.ly/",
        "hold shared-host .bit.ly, hold url-only https://bit.ly/",
    ),
    World(
        "a page on an address",
        "a http://198.18.0.1/x, a http://8.7.6.5:8080/x",
        "block listed 8.7.6.5, block listed http://8.7.6.5:8080/x, "
        "allow protected http://198.18.0.1/x",
    ),
    World(
        "a page on an IPv6 address",
        "a http://[2a00:1098::1]/x",
        "block listed 2a00:1098::1, block listed http://[2a00:1098::1]/x",
    ),
    World(
        "an address written as browsers read it",
        "a 0000153.0000255.0000011.0000125",
        "block listed 107.173.9.85",
    ),
    World(
        "a weak page does not profit from what is said of the names below its host",
        "weak https://x.evil.com/p, a *.x.evil.com",
        "block listed *.x.evil.com, clear weak https://x.evil.com/p",
        reliability="weak=0.1",
        threshold=0.4,
    ),
]

GUARDED = [
    World("a reserved name", "a localhost", "allow protected localhost"),
    World("and all below it", "a x.y.local", "allow protected x.y.local"),
    World("a special-use domain", "a www.example.com", "allow protected www.example.com"),
    World("reverse lookups", "a 1.0.168.192.in-addr.arpa", "allow protected "
          "1.0.168.192.in-addr.arpa"),
    World("a bogon", "a 10.1.2.3", "allow protected 10.1.2.3"),
    World("a network that holds a bogon", "a 8.0.0.0/6", "allow protected 8.0.0.0/6"),
    World("everything", "a 0.0.0.0/0", "allow protected 0.0.0.0/0"),
    World("a slip of the pen", "a 45.1.2.0/24, a 45.0.0.0/12, a 32.0.0.0/4",
          "block listed 45.1.2.0/24, block listed 45.0.0.0/12, hold shared-host 32.0.0.0/4"),
    World("the last address before it", "a 9.255.255.255", "block listed 9.255.255.255"),
    World("an IPv6 bogon", "a fe80::1", "allow protected fe80::1"),
    World("an IPv6 network that holds one", "a 2000::/3", "allow protected 2000::/3"),
    World("what stands for an IPv4 address", "a 64:ff9b::9.9.9.9, a 2002:909:909::1",
          "allow protected 64:ff9b::909:909, allow protected 2002:909:909::1"),
    World("IPv6 beside it", "a 2a00::/29", "block listed 2a00::/29"),
    World("a top level", "a com", "allow protected com"),
    World("a public suffix", "a co.uk", "allow protected co.uk"),
    World("a public suffix and all below", "a .co.uk", "allow protected .co.uk"),
    World("all below a public suffix", "a *.co.uk", "allow protected *.co.uk"),
    World("a private suffix", "a pages.dev", "allow protected pages.dev"),
    World("its tenant", "a victim.pages.dev", "block listed .victim.pages.dev"),
    World("the tenant of a wildcard rule", "a evil.any.ck", "block listed .evil.any.ck"),
    World("the suffix that it makes", "a any.ck", "allow protected any.ck"),
    World("an exception to it", "a www.ck", "block listed .www.ck"),
    World("a name with suffixes below it", "a .cdn77.org", "allow protected .cdn77.org"),
    World("whatever part of it is listed", "a cdn77.org", "allow protected cdn77.org", widen=False),
    World("below a wildcard's own name all are suffixes", "a user.fm", "allow protected .user.fm"),
    World("and their tenants are not", "a x.y.user.fm", "block listed .x.y.user.fm"),
    World("a platform is held", "a weebly.com", "hold shared-host weebly.com"),
    World("whatever part of it is listed", "a *.weebly.com", "hold shared-host *.weebly.com"),
    World("its front page too", "a www.weebly.com", "hold shared-host .www.weebly.com"),
    World("its tenant is not", "a victim.weebly.com", "block listed .victim.weebly.com"),
    World("nor what is below that", "a www.victim.weebly.com", "block listed "
          "www.victim.weebly.com"),
    World("the never-block core", "a paypal.com", "allow protected .paypal.com"),
    World("and what is below it", "a x.www.paypal.com", "allow protected x.www.paypal.com"),
    World("what only looks like it", "a paypal.com.evil.com, a evil-paypal.com",
          "block listed paypal.com.evil.com, block listed .evil-paypal.com"),
    World("a name above one of the core", "a gov.uk, a dns.google", "allow protected gov.uk, "
          "allow protected .dns.google"),
    World("a tenant below a name of the core", "a bucket.s3.amazonaws.com",
          "block listed .bucket.s3.amazonaws.com"),
    World("own name", "a own.com", "allow protected .own.com", guard="own own.com"),
    World("below it", "a x.own.com", "allow protected x.own.com", guard="own own.com"),
    World("above it", "a own.com", "allow protected .own.com", guard="own www.own.com"),
    World("beside it", "a y.own.com", "block listed y.own.com", guard="own www.own.com"),
    World("an own platform takes its tenants along", "a x.pages.dev",
          "allow protected .x.pages.dev", guard="own pages.dev"),
    World("own network", "a 46.9.9.9", "allow protected 46.9.9.9", guard="own 46.9.9.0/24"),
    World("a part of it", "a 46.9.9.0/28", "allow protected 46.9.9.0/28", guard="own 46.9.9.0/24"),
    World("around it", "a 46.9.0.0/16", "allow protected 46.9.0.0/16", guard="own 46.9.9.0/24"),
    World("beside it", "a 46.9.8.0/24", "block listed 46.9.8.0/24", guard="own 46.9.9.0/24"),
    World("an own IPv6 network", "a 2a00::1, a 2a00::/12, a 2a01::1",
          "allow protected 2a00::1, allow protected 2a00::/12, block listed 2a01::1",
          guard="own 2a00::/32"),
    World("popular is held", "a shop.com", "hold popular .shop.com", guard="popular shop.com"),
    World("below it too", "a x.shop.com", "hold popular x.shop.com", guard="popular shop.com"),
    World("above it too", "a shop.com", "hold popular .shop.com", guard="popular www.shop.com"),
    World("not beside it", "a x.shop.com", "block listed x.shop.com",
          guard="popular www.shop.com"),
    World("not a stranger's name that ends alike", "a workshop.com",
          "block listed .workshop.com", guard="popular shop.com"),
    World("a popular suffix says nothing about its tenants", "a x.github.io",
          "block listed .x.github.io", guard="popular github.io"),
    World("a popular tenant is held, its neighbour is not", "a x.github.io, a y.github.io",
          "hold popular .x.github.io, block listed .y.github.io", guard="popular x.github.io"),
    World("nor does it where a name beside them is popular", "a y.x.github.io",
          "block listed y.x.github.io", guard="popular github.io, popular a.x.github.io"),
    World("a popular address", "a 46.9.9.9", "hold popular 46.9.9.9", guard="popular 46.9.9.0/24"),
    World("a guard list of shared hosts", "a h.com", "hold shared-host .h.com",
          guard="shared-host h.com"),
    World("a shared host of the core", "a bit.ly", "hold shared-host .bit.ly"),
    World("protected before popular", "a paypal.com", "allow protected .paypal.com",
          guard="popular paypal.com"),
    World("popular before shared host", "a bit.ly", "hold popular .bit.ly",
          guard="popular bit.ly"),
    World("a guard before the score", "a bit.ly", "hold shared-host .bit.ly", threshold=0.9),
    World("a protected guard list", "a x.bank.com", "allow protected x.bank.com",
          guard="protected bank.com"),
]  # fmt: skip

SCORES = [
    World("under the threshold", "a evil.com", "clear weak .evil.com", threshold=0.6),
    World("on the threshold", "a evil.com", "block listed .evil.com", threshold=0.5),
    World("two voices: 1 - 0.5 * 0.5", "a evil.com, b evil.com", "block listed .evil.com",
          threshold=0.75),
    World("no more than that", "a evil.com, b evil.com", "clear weak .evil.com",
          threshold=0.76),
    World("a feed has one voice", "a x.evil.com, a .x.evil.com, a https://x.evil.com/p",
          "clear weak .x.evil.com, clear weak https://x.evil.com/p", threshold=0.6),
    World("a score is no float's error away from its number", "a evil.com",
          "block listed .evil.com", threshold=0.1, reliability="a=0.1"),
    World("a sure feed is sure", "a evil.com, b evil.com", "block listed .evil.com",
          threshold=1.0, reliability="a=1.0"),
    World("a feed that nobody believes", "a evil.com", "clear weak .evil.com",
          threshold=0.01, reliability="a=0"),
    World("blocks where all blocks", "a evil.com", "block listed .evil.com", reliability="a=0"),
    World("only the part that is attested well enough", "a x.evil.com, b .x.evil.com",
          "block listed x.evil.com", threshold=0.6),
    World("below as well as here", "a *.x.evil.com, b .x.evil.com",
          "block listed *.x.evil.com", threshold=0.6),
    World("a widened voice counts below too", "a evil.com, b *.evil.com",
          "block listed *.evil.com", threshold=0.6),
    World("a page's voice counts for the host only", "a evil.com, b https://evil.com/p",
          "block listed evil.com, block listed https://evil.com/p", threshold=0.6),
    World("an address", "a 46.9.9.9, b 46.9.9.9, a 46.9.9.8",
          "block listed 46.9.9.9, clear weak 46.9.9.8", threshold=0.6),
]  # fmt: skip

OPERATOR = [
    World("an entry stands though nothing is listed", "", "block operator .x.com",
          entry="block .x.com"),
    World("in place of the listing", "a x.com", "allow operator .x.com", entry="allow .x.com"),
    World("before protected", "a paypal.com", "block operator .paypal.com",
          entry="block .paypal.com"),
    World("before a public suffix", "a pages.dev, a x.pages.dev",
          "block operator .pages.dev, block operator pages.dev, block operator .x.pages.dev",
          entry="block .pages.dev"),
    World("before own", "a 46.9.9.9", "block operator 46.9.9.9", entry="block 46.9.9.9",
          guard="own 46.9.9.0/24"),
    World("before popular", "a shop.com", "allow operator .shop.com", entry="allow .shop.com",
          guard="popular shop.com"),
    World("before the score", "a evil.com", "block operator .evil.com", entry="block .evil.com",
          threshold=1.0),
    World("a subtree covers what is below", "a x.evil.com",
          "allow operator .evil.com, allow operator x.evil.com", entry="allow .evil.com"),
    World("an exact entry does not", "a x.evil.com",
          "allow operator evil.com, block listed x.evil.com", entry="allow evil.com"),
    World("an entry of what is below does", "a x.evil.com",
          "allow operator *.evil.com, allow operator x.evil.com", entry="allow *.evil.com"),
    World("but not the name itself", "a evil.com",
          "allow operator *.evil.com, block listed evil.com", entry="allow *.evil.com",
          widen=False),
    World("a narrower name stands beside the candidate", "a evil.com",
          "allow operator .x.evil.com, block listed .evil.com", entry="allow .x.evil.com"),
    World("a narrower scope stands beside it", "a evil.com",
          "allow operator evil.com, block listed .evil.com", entry="allow evil.com"),
    World("and what is below it", "a evil.com",
          "allow operator *.evil.com, block listed .evil.com", entry="allow *.evil.com"),
    World("the most specific name wins", "a y.x.evil.com, a z.evil.com",
          "allow operator .evil.com, block operator .x.evil.com, block operator y.x.evil.com, "
          "allow operator z.evil.com", entry="allow .evil.com, block .x.evil.com"),
    World("whichever it is", "a y.x.evil.com",
          "block operator .evil.com, allow operator .x.evil.com, allow operator y.x.evil.com",
          entry="block .evil.com, allow .x.evil.com"),
    World("what is below is more specific than a subtree", "a x.evil.com",
          "allow operator .evil.com, block operator *.evil.com, block operator x.evil.com",
          entry="allow .evil.com, block *.evil.com"),
    World("but a nearer subtree is more specific yet", "a y.x.evil.com",
          "block operator *.evil.com, allow operator .x.evil.com, allow operator y.x.evil.com",
          entry="block *.evil.com, allow .x.evil.com"),
    World("exact is more specific than a subtree", "a x.evil.com",
          "allow operator .x.evil.com, block operator x.evil.com",
          entry="allow .x.evil.com, block x.evil.com"),
    World("a tie is an allow", "a evil.com, a x.evil.com",
          "allow operator .evil.com, allow operator x.evil.com",
          entry="block .evil.com, allow .evil.com"),
    World("a tie of networks too", "a 46.9.9.9",
          "allow operator 46.9.9.0/24, allow operator 46.9.9.9",
          entry="block 46.9.9.0/24, allow 46.9.9.0/24"),
    World("names that only end alike are strangers", "a notevil.com",
          "allow operator .evil.com, block listed .notevil.com", entry="allow .evil.com"),
    World("a network covers what is in it", "a 46.9.9.9, a 46.9.8.0/24",
          "allow operator 46.9.9.0/24, allow operator 46.9.9.9, block listed 46.9.8.0/24",
          entry="allow 46.9.9.0/24"),
    World("a narrower network stands beside the candidate", "a 46.9.0.0/16",
          "allow operator 46.9.9.0/24, block listed 46.9.0.0/16", entry="allow 46.9.9.0/24"),
    World("the narrowest network wins", "a 46.9.9.9, a 46.9.8.8",
          "allow operator 46.9.0.0/16, block operator 46.9.9.0/24, block operator 46.9.9.9, "
          "allow operator 46.9.8.8", entry="allow 46.9.0.0/16, block 46.9.9.0/24"),
    World("an IPv6 network", "a 2a00::1, a 2a01::1",
          "allow operator 2a00::/32, allow operator 2a00::1, block listed 2a01::1",
          entry="allow 2a00::/32"),
    World("all of IPv6 is not IPv4", "a 2a00::1, a 46.9.9.9",
          "allow operator ::/0, allow operator 2a00::1, block listed 46.9.9.9",
          entry="allow ::/0"),
    World("all of IPv4 is not IPv6", "a 2a00::9, a 46.9.9.9",
          "allow operator 0.0.0.0/0, allow operator 46.9.9.9, block listed 2a00::9",
          entry="allow 0.0.0.0/0"),
    World("a network whose text begins alike is another", "a 46.9.9.99",
          "allow operator 46.9.9.9, block listed 46.9.9.99", entry="allow 46.9.9.9"),
    World("a URL of its own", "a https://bit.ly/x, a https://bit.ly/y",
          "block operator https://bit.ly/x, hold url-only https://bit.ly/y",
          entry="block https://bit.ly/x"),
    World("a URL follows its host", "a https://x.evil.com/p",
          "allow operator .evil.com, allow operator x.evil.com, "
          "allow operator https://x.evil.com/p", entry="allow .evil.com"),
    World("and its address", "a http://46.9.9.9/p",
          "block operator 46.9.0.0/16, block operator 46.9.9.9, block operator http://46.9.9.9/p",
          entry="block 46.9.0.0/16", guard="own 46.9.9.9"),
    World("a page on a host that only the operator lets through", "a .evil.com, b https://evil.com/p",
          "allow operator evil.com, block listed .evil.com, allow operator https://evil.com/p",
          entry="allow evil.com"),
    World("a guarded host is spoken of when the operator blocks it", "a https://bit.ly/x",
          "block operator .bit.ly, block operator bit.ly, block operator https://bit.ly/x",
          entry="block .bit.ly"),
]  # fmt: skip


WORLDS = [*SCOPES, *URLS, *GUARDED, *SCORES, *OPERATOR]


@pytest.mark.parametrize(
    "world", [pytest.param(world, id=f"{n}: {world.why}") for n, world in enumerate(WORLDS)]
)
def test_who_wins(world: World) -> None:
    check(world)


@pytest.mark.parametrize("listed", ["shop.com", "46.9.9.9"])
@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_of_two_guards_always_the_same_is_named(listed: str, order: list[str]) -> None:
    """Otherwise a verdict would change, and a release be made, without any change of the inputs."""
    found = parse_query(listed)
    rows = [(found.kind, found.value, "popular", source, True) for source in order]
    frame = pl.DataFrame(rows, schema=GUARDS, orient="row")
    world = replace(
        case(World("", f"feed {listed}", "")), guards=load_guards((), GuardLists(frame))
    )
    (cause,) = decide_verdicts(world)["cause"]
    assert cause in {"shop.com (a)", "overlaps a"}
