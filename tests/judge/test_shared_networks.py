"""The built-in shared networks: dated, global, narrow, and front doors rather than whole clouds."""

from datetime import date
from importlib.resources import files
from ipaddress import ip_network

import polars as pl
import pytest

from blocklist.indicators.networks import format_network
from blocklist.judge.builtin_lists import BuiltinGroup, load_builtin_groups
from blocklist.judge.guards import GuardLists, load_guards
from blocklist.judge.judge import match_network_guards
from blocklist.model import GuardClass

GROUPS = load_builtin_groups("shared-networks")
NETWORKS = [ip_network(text) for group in GROUPS for text in group.networks]
RESERVED = [
    ip_network(text) for group in load_builtin_groups("reserved") for text in group.networks
]
KINDS = {
    "cdn",
    "front-door",
    "mail",
    "proxy",
    "registrar",
    "service",
    "site-builder",
    "web-hosting",
}
#: The widest that one operator has; wider is a mistake of a page.
WIDEST = {4: 8, 6: 19}
#: Groups that nobody has compared with their source yet.
UNDATED = {
    "Builders of sites and shops",
    "Forwarding and default pages of registrars",
    "Google: services and front doors",
    "Microsoft: its own services",
    "Sucuri, DDoS-Guard and other proxies against attacks",
}

#: What is held, and the group that holds it.
SHARED = {
    "104.21.5.7": "Cloudflare",
    "2606:4700::6810:84e5": "Cloudflare",
    "104.16.0.0/12": "Cloudflare",  # a feed's network that contains a shared one
    "151.101.1.140": "Fastly",
    "2a04:4e42::81": "Fastly",
    "23.32.3.3": "Akamai",
    "2a02:26f0::1": "Akamai",
    "13.32.5.5": "Amazon: CloudFront and Global Accelerator",
    "2600:9000:2000::1": "Amazon: CloudFront and Global Accelerator",
    "52.216.1.1": "Amazon: API Gateway, S3 and Route 53",
    "40.96.1.1": "Microsoft: Office 365",
    "2603:1026::1": "Microsoft: Office 365",
    "142.250.1.1": "Google: services and front doors",
    "209.85.221.171": "Google: senders of Gmail",
    "185.199.108.153": "GitHub: web, API and Pages",
    "2606:50c0:8000::153": "GitHub: web, API and Pages",
    "45.60.1.1": "Imperva",
    "192.124.249.7": "Sucuri, DDoS-Guard and other proxies against attacks",
    "23.227.38.65": "Builders of sites and shops",
    "2620:127:f00e::1": "Builders of sites and shops",
    "5.39.29.130": "Web hosting clusters of OVH",
    "192.64.119.9": "Forwarding and default pages of registrars",
    "149.154.167.99": "Telegram, Wikimedia and Facebook",
    "2620:0:861:ed1a::1": "Telegram, Wikimedia and Facebook",
    "2a03:2880:f12f:83::1": "Telegram, Wikimedia and Facebook",
    "165.225.1.1": "Zscaler",
}
#: Rented machines and lines of one customer each: feeds may block them.
RENTED = {
    "52.1.2.3": "Amazon EC2",
    "2600:1f18::1": "Amazon EC2",
    "20.42.1.1": "Azure VM",
    "34.16.1.1": "Google Compute Engine",
    "159.89.1.1": "DigitalOcean",
    "2604:a880::1": "DigitalOcean",
    "5.9.1.1": "Hetzner",
    "2a01:4f8::1": "Hetzner",
    "51.75.1.1": "OVH server",
    "45.33.1.1": "Linode",
    "45.76.1.1": "Vultr",
    "47.88.1.1": "Alibaba",
    "45.155.205.7": "a small hoster",
    "84.10.1.1": "a subscriber's line",
}
groups = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.title)


def find_causes(values: list[str]) -> dict[str, tuple[str, str]]:
    """Return the class and cause of each value that the built-in lists guard."""
    entries = load_guards((), GuardLists()).entries
    hits = match_network_guards(entries, pl.Series(values, dtype=pl.String))
    return {value: (guard, cause) for value, guard, cause, _ in hits.iter_rows()}


@groups
def test_a_group_says_kind_source_and_date(group: BuiltinGroup) -> None:
    assert group.kind in KINDS
    assert group.source.startswith("https://")
    if group.title in UNDATED:
        assert group.date == "unknown"
    else:
        assert date(2020, 1, 1) < date.fromisoformat(group.date) <= date(2099, 1, 1)


@groups
def test_a_group_is_canonical_merged_and_sorted(group: BuiltinGroup) -> None:
    parsed = [ip_network(text) for text in group.networks]
    assert [format_network(network) for network in parsed] == list(group.networks)
    key = [(network.version, int(network.network_address)) for network in parsed]
    assert key == sorted(key)


def test_every_network_is_global_and_not_too_wide() -> None:
    assert [net for net in NETWORKS if not net.is_global or net.is_multicast] == []
    assert [net for net in NETWORKS if net.prefixlen < WIDEST[net.version]] == []
    overlapping = [
        net
        for net in NETWORKS
        for reserved in RESERVED
        if net.version == reserved.version and net.overlaps(reserved)
    ]
    assert overlapping == []


def test_both_families_are_in_it_and_the_file_stays_small() -> None:
    count = {4: 0, 6: 0}
    for network in NETWORKS:
        count[network.version] += 1
    assert count[4] > 2000
    assert count[6] > 1000
    file = files("blocklist") / "judge" / "builtin" / "shared-networks.toml"
    assert len(file.read_bytes()) < 200_000


def test_a_shared_address_is_held_by_its_group_and_never_protected() -> None:
    causes = find_causes(list(SHARED))
    assert causes == {
        value: (GuardClass.SHARED_HOST, f"overlaps core: {title}")
        for value, title in SHARED.items()
    }


def test_a_rented_machine_is_not_guarded() -> None:
    assert find_causes(list(RENTED)) == {}


def test_a_renewed_list_protects_nothing() -> None:
    """A wrong prefix in a renewed file must stay visible for a person."""
    guards = load_guards((), GuardLists()).entries
    titles = [f"core: {group.title}" for group in GROUPS]
    classes = guards.filter(pl.col("source").is_in(titles))["class"].unique().to_list()
    assert classes == [GuardClass.SHARED_HOST]
