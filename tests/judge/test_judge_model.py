"""The judge against a model of it: the precedence in plain Python, one value at a time.

The model has a handful of public suffixes and iterates over sets; the judge reads the real list and
joins columns. They must agree on small random cases that are dense enough for all rules to meet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from ipaddress import ip_network
from math import prod
from random import Random
from unittest import mock
from urllib.parse import urlsplit

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from blocklist.frames.schemas import LISTINGS
from blocklist.judge.guards import GUARDS, GuardLists, load_guards
from blocklist.judge.judge import JudgeInput, decide_verdicts
from blocklist.model import Entry, GuardClass, Kind, Reason, Scope, Verdict
from tests.support.examples import at_most

LABELS = ["zq", "zk", "www"]
# `user.fm` has a wildcard rule; `weebly.com` is a platform of the shipped core.
BASES = ["com", "co.uk", "pages.dev", "user.fm", "weebly.com"]
PLATFORM = "weebly.com"
SUFFIXES = {"com", "uk", "co.uk", "dev", "pages.dev", "fm", PLATFORM}
NETWORKS = ["46.9.8.0/23", "46.9.9.0/24", "46.9.9.8/31", "46.9.9.9", "46.9.9.10", "46.9.8.7"]
NETWORKS += ["46.9.7.7"]
NETWORKS += ["2a00::/12", "2a00::/32", "2a00::1", "2a01::/32", "2a01::1", "10.1.2.3", "::/0"]
#: All that the shipped core protects of these addresses.
RESERVED = ["10.0.0.0/8", "::/8"]
#: A list of public suffixes has no entries, but rules.
LISTED_CLASSES = [each for each in GuardClass if each is not GuardClass.PUBLIC_SUFFIX]
RELIABILITY = {"a": "0.5", "b": "0.5", "c": "0.1", "d": "1", "e": "0"}
THRESHOLDS = ["0", "0.1", "0.5", "0.55", "0.75", "1"]

Listed = tuple[str, Kind, str, Scope]
Guard = tuple[Kind, str, GuardClass, bool]
Row = tuple[Kind, str, Scope, Verdict, Reason, float]


@dataclass(frozen=True)
class World:
    """The inputs of one case; a guard whose last field is true is the policy's own."""

    listed: list[Listed]
    guarded: list[Guard]
    entries: list[Entry]
    widen: bool
    threshold: str
    #: Whose entries a feed passes on.
    lineage: dict[str, list[str]]


# The model.


def above(name: str) -> Iterator[str]:
    """Yield the ancestors without the name itself."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


def at_or_above(name: str) -> list[str]:
    return [name, *above(name)]


def is_suffix(name: str) -> bool:
    return name in SUFFIXES or name.partition(".")[2] == "user.fm"


def is_registrable(name: str) -> bool:
    return not is_suffix(name) and is_suffix(name.partition(".")[2])


def meets(name: str, guard: Guard) -> bool:
    """Return whether a name and a guard's name protect each other."""
    _, entry, _, own = guard
    if name == entry or name in above(entry):
        return True
    if entry not in above(name):
        return False
    between = [x for x in above(name) if entry in at_or_above(x)]
    return own or not any(map(is_suffix, between))


def name_guards(world: World, name: str) -> Iterator[GuardClass]:
    if name != PLATFORM and is_suffix(name):
        yield GuardClass.PROTECTED
    below_it = (name in above(suffix) for suffix in [*SUFFIXES, "any.user.fm"])
    if any(below_it):
        yield GuardClass.PROTECTED
    core = [
        (Kind.DOMAIN, platform, GuardClass.SHARED_HOST, False)
        for platform in (PLATFORM, f"www.{PLATFORM}")
    ]
    for guard in [*core, *world.guarded]:
        if guard[0] is Kind.DOMAIN and meets(name, guard):
            yield guard[2]


def network_guards(world: World, value: str) -> Iterator[GuardClass]:
    reserved = [(Kind.IP, net, GuardClass.PROTECTED, True) for net in RESERVED]
    for kind, net, protects, _ in [*reserved, *world.guarded]:
        if kind is Kind.IP and ip_network(value).overlaps(ip_network(net)):
            yield protects
    if ip_network(value).prefixlen < (29 if ":" in value else 12):
        yield GuardClass.SHARED_HOST


def guard_of(world: World, kind: Kind, value: str) -> GuardClass | None:
    find = name_guards if kind is Kind.DOMAIN else network_guards
    met = set(find(world, value))
    return next((protects for protects in GuardClass if protects in met), None)


def covers(entry: Entry, kind: Kind, value: str, *, below: bool) -> bool:
    """Return whether an entry covers a value itself, or everything below it."""
    if entry.kind is not kind:
        return False
    if kind is Kind.IP:
        inner, outer = ip_network(value), ip_network(entry.value)
        return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
    if entry.value == value:
        return entry.scope.covers_below if below else entry.scope.covers_self
    return entry.value in above(value) and entry.scope.covers_below


def operator(world: World, kind: Kind, value: str, scope: Scope) -> Verdict | None:
    """Return the action of the most specific entry that covers all of a value."""
    parts = [False] * scope.covers_self + [True] * scope.covers_below
    covering = [
        entry
        for entry in world.entries
        if all(covers(entry, kind, value, below=part) for part in parts)
    ]
    if not covering:
        return None
    mildest_last = sorted(covering, key=severity)
    return max(
        mildest_last, key=lambda entry: (specificity(entry), mildest_last.index(entry))
    ).action


def severity(entry: Entry) -> int:
    """Return a smaller number for an action that opens more; the smallest wins a tie."""
    return [Verdict.BLOCK, Verdict.HOLD, Verdict.ALLOW].index(entry.action)


def specificity(entry: Entry) -> tuple[int, bool]:
    if entry.kind is Kind.IP:
        return ip_network(entry.value).prefixlen, False
    return entry.value.count("."), entry.scope is not Scope.SUBTREE


def score(world: World, feeds: set[str]) -> Fraction:
    """Group each feed with the first related feed, those with the fewest sources first."""
    believed = {feed: Fraction(RELIABILITY[feed]) for feed in RELIABILITY}
    passes = {feed: sources(world, feed) for feed in RELIABILITY}
    voices: list[list[str]] = []
    for feed in sorted(feeds, key=lambda one: (len(passes[one]), -believed[one], one)):
        for voice in voices:
            leader = voice[0]
            strangers = passes[feed] & passes[leader] - set(RELIABILITY)
            if leader in passes[feed] or feed in passes[leader] or strangers:
                voice.append(feed)
                break
        else:
            voices.append([feed])
    return 1 - prod(
        (1 - max(believed[one] for one in voice) for voice in voices), start=Fraction(1)
    )


def sources(world: World, feed: str) -> set[str]:
    found: set[str] = set()
    for _ in range(len(RELIABILITY)):
        for one in [feed, *found]:
            found.update(world.lineage.get(one, []))
    return found - {feed}


def host_of(url: str) -> tuple[Kind, str]:
    host = urlsplit(url).hostname or ""
    return (Kind.IP if host[-1].isdigit() else Kind.DOMAIN), host


@dataclass(frozen=True)
class Voices:
    """The feeds that list a value itself, everything below it, and more than a page on it."""

    here: set[str]
    below: set[str]
    as_such: set[str]


def voices(world: World, kind: Kind, value: str) -> Voices:
    here, below, as_such = set(), set(), set()
    for feed, listed_kind, listed, scope in world.listed:
        page = listed_kind is Kind.URL
        if (host_of(listed) if page else (listed_kind, listed)) != (kind, value):
            continue
        whole = not page or urlsplit(listed).path == "/"
        wider = world.widen and whole and kind is Kind.DOMAIN and is_registrable(value)
        if scope.covers_self:
            here.add(feed)
        if scope.covers_below or wider:
            below.add(feed)
        if whole:
            as_such.add(feed)
    return Voices(here, below, as_such)


def verdict_on(
    world: World, kind: Kind, value: str, *, alone: bool
) -> tuple[Scope, Verdict, Reason, float]:
    """Judge a name or network, or only the value itself without what is below it."""
    found = voices(world, kind, value)
    parts = {False: found.here, True: set() if alone else found.below}
    listed = {part: score(world, feeds) for part, feeds in parts.items() if feeds}
    enough = {part: said for part, said in listed.items() if said >= Fraction(world.threshold)}
    covered = sorted(enough or listed)
    scope = {
        (False,): Scope.EXACT,
        (True,): Scope.BELOW,
        (False, True): Scope.SUBTREE,
    }[tuple(covered)]
    shown = float(listed[min(listed)])
    action = operator(world, kind, value, scope)
    if action is not None:
        return scope, action, Reason.OPERATOR, shown
    guard = guard_of(world, kind, value)
    if guard is GuardClass.PROTECTED:
        return scope, Verdict.ALLOW, Reason.PROTECTED, shown
    if guard is not None:
        return scope, Verdict.HOLD, Reason(guard.value), shown
    if not enough:
        return scope, Verdict.CLEAR, Reason.WEAK, shown
    return scope, Verdict.BLOCK, Reason.LISTED, shown


def url_verdict(world: World, url: str) -> Row:
    kind, host = host_of(url)
    _, verdict, reason, shown = verdict_on(world, kind, host, alone=True)
    if verdict is Verdict.HOLD or (reason is Reason.PROTECTED and kind is Kind.DOMAIN):
        verdict, reason = Verdict.HOLD, Reason.URL_ONLY
    return Kind.URL, url, Scope.EXACT, verdict, reason, shown


def model(world: World) -> set[Row]:
    things = {(kind, value) for _, kind, value, _ in world.listed}
    hosts = {host_of(value) for kind, value in things if kind is Kind.URL}
    judged = [url_verdict(world, value) for kind, value in things if kind is Kind.URL]
    for kind, value in hosts | {thing for thing in things if thing[0] is not Kind.URL}:
        scope, verdict, reason, shown = verdict_on(world, kind, value, alone=False)
        guarded = reason.value in set(GuardClass)
        if not guarded or voices(world, kind, value).as_such:
            judged.append((kind, value, scope, verdict, reason, shown))
    own: dict[tuple[str, Scope], Row] = {}
    for entry in sorted(world.entries, key=severity):
        row = (entry.kind, entry.value, entry.scope, entry.action, Reason.OPERATOR, 1.0)
        own[entry.value, entry.scope] = row
    return {*own.values(), *(row for row in judged if (row[1], row[2]) not in own)}


# Worlds.


def names() -> st.SearchStrategy[str]:
    labels = st.lists(st.sampled_from(LABELS), max_size=2)
    return st.builds(lambda found, base: ".".join([*found, base]), labels, st.sampled_from(BASES))


SCOPES = st.sampled_from(list(Scope))
HOSTS = names() | st.sampled_from(["46.9.9.9", "46.9.9.10", "10.1.2.3"])
URLS = st.builds(lambda host, path: f"https://{host}/{path}", HOSTS, st.sampled_from(["", "p"]))
THINGS = st.one_of(
    st.tuples(st.just(Kind.DOMAIN), names(), SCOPES),
    st.tuples(st.just(Kind.DOMAIN), names(), st.just(Scope.EXACT)),
    st.tuples(st.just(Kind.IP), st.sampled_from(NETWORKS), st.just(Scope.EXACT)),
    st.tuples(st.just(Kind.URL), URLS, st.just(Scope.EXACT)),
)
LISTED = st.builds(lambda feed, thing: (feed, *thing), st.sampled_from(list(RELIABILITY)), THINGS)


def guard(thing: tuple[Kind, str, Scope], protects: GuardClass | None) -> Guard:
    kind, value, _ = thing
    return kind, value, protects or GuardClass.PROTECTED, protects is None


def entry(thing: tuple[Kind, str, Scope], action: Verdict) -> Entry:
    kind, value, scope = thing
    return Entry(kind, value, scope, action, "", "", None)


GUARDED = st.builds(
    guard,
    THINGS.filter(lambda thing: thing[0] is not Kind.URL),
    st.none() | st.sampled_from(LISTED_CLASSES),
)
# A rejection that new evidence casts doubt on comes to the judge as a hold.
ACTIONS = [Verdict.ALLOW, Verdict.BLOCK, Verdict.HOLD]
ENTRIES = st.builds(entry, THINGS, st.sampled_from(ACTIONS))
LINEAGE = st.dictionaries(
    st.sampled_from(list(RELIABILITY)),
    st.lists(st.sampled_from([*RELIABILITY, "ext:x"]), max_size=2, unique=True),
    max_size=4,
)
WORLDS = st.builds(
    World,
    st.lists(LISTED, max_size=14, unique=True),
    st.lists(GUARDED, max_size=5),
    st.lists(ENTRIES, max_size=6),
    st.booleans(),
    st.sampled_from(THRESHOLDS),
    st.just({}) | LINEAGE,
)


def judged(world: World) -> pl.DataFrame:
    own = tuple((kind, value) for kind, value, _, own in world.guarded if own)
    listed = [
        (kind, value, protects, "top", True)
        for kind, value, protects, own in world.guarded
        if not own
    ]
    case = JudgeInput(
        listings=pl.DataFrame(world.listed, schema=LISTINGS, orient="row"),
        reliability={feed: float(said) for feed, said in RELIABILITY.items()},
        guards=load_guards(own, GuardLists(pl.DataFrame(listed, schema=GUARDS, orient="row"))),
        entries=world.entries,
        upstream={feed: tuple(of) for feed, of in world.lineage.items()},
        widen=world.widen,
        threshold=float(world.threshold),
    )
    return decide_verdicts(case)


def rows(frame: pl.DataFrame) -> set[Row]:
    return {
        (Kind(kind), value, Scope(scope), Verdict(verdict), Reason(reason), shown)
        for kind, value, scope, verdict, reason, shown in frame.drop("cause").iter_rows()
    }


@at_most(80)
@given(WORLDS)
def test_the_judge_does_what_the_model_does(world: World) -> None:
    found = judged(world)
    assert found.select("value", "scope").is_unique().all()
    assert rows(found) == model(world)
    listed = pl.DataFrame(world.listed, schema=LISTINGS, orient="row")["value"]
    assert listed.is_in(found["value"].implode()).all(), "as counts by category take for granted"


@at_most(15)
@given(WORLDS, st.randoms(use_true_random=False))
def test_no_order_shows_in_a_verdict(world: World, random: Random) -> None:
    other = replace(
        world,
        listed=random.sample(world.listed, len(world.listed)),
        guarded=random.sample(world.guarded, len(world.guarded)),
        entries=random.sample(world.entries, len(world.entries)),
    )
    order = ["value", "scope"]
    assert judged(other).sort(order).equals(judged(world).sort(order))


@at_most(10)
@given(WORLDS)
def test_a_feed_split_in_two_has_two_voices_and_no_more(world: World) -> None:
    """Where the score decides nothing, it makes no difference which feed lists a value."""
    sure = replace(world, threshold="0")
    split = [(f"{value} {scope}", kind, value, scope) for _, kind, value, scope in world.listed]
    with mock.patch.dict(RELIABILITY, {feed: "1" for feed, *_ in split}):
        found = judged(replace(sure, listed=split))
    expected = judged(sure)
    assert rows(found.with_columns(score=0.0)) == rows(expected.with_columns(score=0.0))


def test_the_core_says_no_more_of_these_names_than_the_model_does() -> None:
    empty = pl.DataFrame(schema=GUARDS)
    core = load_guards((), GuardLists(empty)).entries.filter(pl.col("kind") == Kind.DOMAIN.value)[
        "value"
    ]
    plain = [entry for entry in core if any(entry in at_or_above(f"zq.{base}") for base in BASES)]
    assert plain == [PLATFORM]
