"""Define the shared vocabulary as types: kinds, scopes, verdicts, reasons, listings and entries.

No heavy imports, because `check` starts here.
"""

from dataclasses import dataclass
from enum import StrEnum

#: Nobody can own this name: ISO 3166 leaves ZZ to its users, so it never becomes a top-level
#: domain. No resolver answers it by itself, as resolvers do below test and invalid. And it is the
#: last name in DNS order, in which BIND applies the names of a zone over some seconds.
DEFAULT_CANARY = "blocklist-canary.zz"
#: The addresses that mark the content of a list in a kernel, in canonical form.
MARK_PATTERN = "^100::[0-9a-f:]+$"


class Kind(StrEnum):
    """The kind of an indicator: a domain name, an IP network (or single address), or a URL."""

    DOMAIN = "domain"
    IP = "ip"
    URL = "url"


class Scope(StrEnum):
    """The names that a listing covers; addresses, networks and URLs are always `exact`."""

    EXACT = "exact"
    SUBTREE = "subtree"
    BELOW = "below"

    @property
    def covers_self(self) -> bool:
        """Whether the name itself is covered."""
        return self is not Scope.BELOW

    @property
    def covers_below(self) -> bool:
        """Whether the names below it are covered."""
        return self is not Scope.EXACT


class Verdict(StrEnum):
    """The decision about an indicator; `hold` means that a person must decide."""

    BLOCK = "block"
    HOLD = "hold"
    ALLOW = "allow"
    CLEAR = "clear"


class Reason(StrEnum):
    """The rule that decided a verdict, in the order in which the judge applies the rules."""

    OPERATOR = "operator"
    PROTECTED = "protected"
    POPULAR = "popular"
    SHARED_HOST = "shared-host"
    URL_ONLY = "url-only"
    WEAK = "weak"
    STALE = "stale"
    LISTED = "listed"
    UNLISTED = "unlisted"
    INVALID = "invalid"


class GuardClass(StrEnum):
    """The protection by a guard list: `protected` is never blocked, the next two are held.

    `public-suffix` is a list of names under which anybody can register; they are protected.
    """

    PROTECTED = "protected"
    POPULAR = "popular"
    SHARED_HOST = "shared-host"
    PUBLIC_SUFFIX = "public-suffix"


class Category(StrEnum):
    """The subject of a feed. The last five are for guard lists."""

    PHISHING = "phishing"
    SCAM = "scam"
    FRAUD = "fraud"
    FRAUD_SHOP = "fraud-shop"
    CRYPTO = "crypto-fraud"
    MALWARE = "malware"
    C2 = "c2"
    GAMBLING = "gambling"
    NEW = "new-domain"
    SUSPICIOUS = "suspicious"
    ATTACKER = "attacker"
    SPAM = "spam"
    TOR = "tor"
    CRIMINAL_NETWORK = "criminal-network"
    MIXED = "mixed"
    UNKNOWN = "unknown"
    POPULAR = "popular"
    BANK = "bank"
    SERVICE = "service"
    CLOUD = "cloud"
    SHARED_HOST = "shared-host"


class Direction(StrEnum):
    """The connections that a feed of addresses is about: incoming, outgoing, or both."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class FeedState(StrEnum):
    """The result of the last update of a feed."""

    FRESH = "fresh"
    UNCHANGED = "unchanged"
    STALE = "stale"
    REFUSED = "refused"
    FAILED = "failed"
    NEVER = "never"

    @property
    def is_good(self) -> bool:
        """Whether the last fetch confirmed the listings in force: fresh or unchanged."""
        return self in (FeedState.FRESH, FeedState.UNCHANGED)


class Liveness(StrEnum):
    """The state of a name in DNS over time; `unknown` without any answer so far."""

    ALIVE = "alive"
    PARKED = "parked"
    SINKHOLED = "sinkholed"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Indicator:
    """A domain name, IP network or URL in canonical form."""

    kind: Kind
    value: str


@dataclass(frozen=True)
class Listing:
    """Feed `feed` listed an indicator from `since` until `until` (ISO 8601, UTC), or still does."""

    feed: str
    indicator: str
    scope: Scope
    since: str
    until: str | None
    evidence: str


@dataclass(frozen=True)
class Entry:
    """An operator's decision on a name, network or URL; it overrides every feed and guard."""

    kind: Kind
    value: str
    scope: Scope
    action: Verdict
    reason: str
    created: str
    expires: str | None
    #: The user who made it, as reported by the system.
    author: str = ""
    #: For a review decision: the feeds that listed it then, and the text in each. None for other
    #: entries.
    seen: tuple[tuple[str, str], ...] | None = None
    #: For an imported entry: when its author made it, by the file, and who imported it.
    first_created: str | None = None
    imported_by: str | None = None


@dataclass(frozen=True, slots=True)
class Validators:
    """Validators of the last accepted answer, for a conditional request (RFC 9110, 8.8)."""

    etag: str | None = None
    modified: str | None = None
    #: A hash of the URL that answered; the validators are valid for this URL only.
    source: str | None = None


#: Stands for a request without conditions.
NO_VALIDATORS = Validators()


@dataclass(frozen=True, slots=True)
class FeedWeight:
    """The current weight of a feed in scores, and the feeds whose entries it passes on."""

    feed: str
    #: The probability that a listing is right, 0 to 1, after the reduction for overdue feeds.
    reliability: float
    #: For how many days the feed has been overdue.
    overdue_days: int = 0
    upstream: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Echo:
    """A feed whose entries another feed, the leader, lists as well and never later."""

    follower: str
    leader: str
    #: The share of the follower's entries that the leader lists.
    contained: float
    #: The number of shared entries of which it is known which feed listed them first.
    dated: int
    #: The share of these that the leader listed earlier or in the same run.
    behind: float


@dataclass(frozen=True)
class Match:
    """The judged indicator that decides about a queried name, and its scope."""

    indicator: str
    scope: Scope
