"""Read the networks of a group: pages and networks kept by hand -> merged networks."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from blocklist.config.feeds import Feed
from blocklist.config.sections import CollectConfig
from blocklist.fetch.fetch import fetch_feed
from blocklist.indicators.networks import Network, format_network
from blocklist.judge.builtin_lists import load_builtin_groups
from blocklist.model import Kind
from blocklist.parse.parser import parse_snapshot
from tests.support.floors.sources import GroupSource, Page

#: The largest of these pages, Azure's service tags, has about 5 MB.
LIMITS = CollectConfig(total_timeout=120.0, max_bytes=16 << 20)
#: The part of a page's entries that must be networks; an error page has none.
MIN_SHARE = 0.9
#: The widest network that one operator has: Akamai's 104.64.0.0/10 is the widest today.
WIDEST_PREFIX = {4: 8, 6: 19}


class PageRefused(Exception):
    """A page is not the expected list, or lists networks that no operator shares."""


def read_networks(source: GroupSource, limits: CollectConfig = LIMITS) -> list[str]:
    """Return the networks of a group, merged and sorted, IPv4 first.

    Networks that overlap reserved ones are dropped. Raise `FetchError` if a page cannot be fetched,
    and `PageRefused` if its content is not a list of networks.
    """
    texts = [*source.networks, *(text for page in source.pages for text in _read(page, limits))]
    return merge_networks(map(ip_network, texts))


def merge_networks(networks: Iterable[Network]) -> list[str]:
    """Return the canonical texts of networks: merged, without reserved ones, IPv4 first."""
    reserved = [
        ip_network(text) for group in load_builtin_groups("reserved") for text in group.networks
    ]
    public = [network for network in networks if not _overlaps_any(network, reserved)]
    ipv4 = collapse_addresses(n for n in public if isinstance(n, IPv4Network))
    ipv6 = collapse_addresses(n for n in public if isinstance(n, IPv6Network))
    return [*map(format_network, ipv4), *map(format_network, ipv6)]


def _overlaps_any(network: Network, others: Iterable[Network]) -> bool:
    return any(network.version == other.version and network.overlaps(other) for other in others)


def _read(page: Page, limits: CollectConfig) -> list[str]:
    """Return the networks that a page lists."""
    feed = page.feed if page.link is None else _follow_link(page, limits)
    parsed = parse_snapshot(_fetch(feed, limits), feed.format, feed.parse_options)
    is_network = parsed.indicators["kind"] == Kind.IP.value
    networks = parsed.indicators.filter(is_network)["value"].to_list()
    share = (parsed.accepted - (~is_network).sum()) / max(1, parsed.lines - parsed.comments)
    if share < MIN_SHARE:
        raise PageRefused(f"{feed.urls[0]}: {share:.0%} of its entries are networks")
    for text in networks:
        _require_narrow(text, feed.urls[0])
    return networks


def _follow_link(page: Page, limits: CollectConfig) -> Feed:
    assert page.link is not None
    found = page.link.search(_fetch(page.feed, limits).decode(errors="replace"))
    if not found:
        raise PageRefused(f"{page.feed.urls[0]}: no link {page.link.pattern}")
    if not found[0].startswith("https://"):
        raise PageRefused(f"{page.feed.urls[0]}: the link {found[0]} is not https://")
    return replace(page.feed, urls=(found[0],))


def _fetch(feed: Feed, limits: CollectConfig) -> bytes:
    body = fetch_feed(feed, limits).body
    assert body is not None  # a request without validators has no answer "unchanged"
    return body


def _require_narrow(text: str, url: str) -> None:
    network = ip_network(text)
    if network.prefixlen < WIDEST_PREFIX[network.version]:
        raise PageRefused(f"{url}: {text} is too wide to be one operator's")
