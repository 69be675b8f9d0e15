"""Redirects and proxies: no redirect leads into a private network."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from blocklist.fetch.ssrf import SsrfGuard, is_public_address
from tests.support.fault_server import says
from tests.support.http_feeds import (
    FRESH,
    GOOD,
    HttpFeeds,
)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("168.63.129.16", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:9.9.9.9", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public_address(address) is public


@pytest.mark.parametrize(
    ("own", "onward", "allowed", "why"),
    [
        (["192.0.78.9:80"], "9.9.9.9:80", True, "from the internet to the internet"),
        (["192.0.78.9:80"], "9.9.9.9:8443", True, "to any port"),
        (["10.0.0.5:80"], "10.0.0.5:80", True, "a server of your own that redirects to itself"),
        (["10.0.0.5:8080"], "10.0.0.5:8080", True, "also on another port"),
        (["10.0.0.5:80"], "10.0.0.5:443", True, "from http to https"),
        (["10.0.0.5:8080"], "10.0.0.5:443", False, "but not to another service of the machine"),
        (["10.0.0.5:80"], "10.0.0.5:6379", False, "such as a database"),
        (["127.0.0.1:18902"], "127.0.0.1:18900", False, "or a neighbour on the same machine"),
        (["10.0.0.5:80"], "9.9.9.9:80", True, "or out"),
        (["10.0.0.5:80"], "10.0.0.6:80", False, "but not to its neighbour"),
        (["192.0.78.9:80"], "10.0.0.5:80", False, "from the internet into your network"),
        (["10.0.0.5:80", "192.0.78.9:80"], "10.0.0.5:80", False, "nor by a name that has both"),
    ],
)
def test_where_a_redirect_may_lead(own: list[str], onward: str, allowed: bool, why: str) -> None:
    reach = SsrfGuard()
    for endpoint in own:
        address, port = endpoint.split(":")
        reach.check(address, int(port))
    reach.is_redirected = True
    address, port = onward.split(":")
    with nullcontext() if allowed else pytest.raises(PermissionError):
        reach.check(address, int(port))
    assert reach.refused_address == (None if allowed else address), why


def test_a_proxy_is_no_address_of_the_feeds_own() -> None:
    reach = SsrfGuard()
    reach.is_proxied = True
    reach.check("10.0.0.5", 80)
    reach.is_proxied, reach.is_redirected = False, True
    with pytest.raises(PermissionError):
        reach.check("10.0.0.5", 80)


def test_a_proxy_of_the_environment(http_feeds: HttpFeeds, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = http_feeds.feed("mine", says(GOOD))
    http_feeds.server.plays["http://lists.example/mine"] = says(GOOD)
    monkeypatch.setenv("http_proxy", http_feeds.server.url("", host="127.0.0.1"))
    monkeypatch.setenv("no_proxy", "127.0.0.2")
    assert http_feeds.update(replace(feed, urls=("http://lists.example/mine",)))[0].state is FRESH
    assert http_feeds.server.asked[-1].path == "http://lists.example/mine"
    assert http_feeds.update(feed)[0].is_good, "and who needs none goes straight"
    assert http_feeds.server.asked[-1].path.startswith("/")
