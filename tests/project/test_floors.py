"""`make floors`: good pages renew a group, and no bad page ever replaces one."""

import json
import tomllib
from pathlib import Path

import pytest

from blocklist.config.sections import CollectConfig
from blocklist.config.tables import build_dataclass
from blocklist.errors import ConfigError
from blocklist.judge.builtin_lists import BuiltinGroup, load_builtin_groups
from tests.support import fault_server as faults
from tests.support.fault_server import Play, says
from tests.support.floors.__main__ import main
from tests.support.floors.render import render_groups
from tests.support.floors.renewal import Renewal, renew_group
from tests.support.floors.sources import load_sources
from tests.support.http_feeds import HttpFeeds

TODAY = "2026-09-01"
LIMITS = CollectConfig(tries=1, connect_timeout=20, read_timeout=20, max_bytes=50_000)
OLD = [f"45.155.{number}.0/24" for number in range(0, 40, 4)] + ["2a0f:9400::/32"]
OLD_GROUP = BuiltinGroup("Made", "Invented.", "https://made.example", networks=tuple(OLD))


def page(*networks: str) -> Play:
    return says("\n".join(["# made", *networks]).encode())


#: What a page answers, why, and the networks afterwards.
RENEWED = [
    ("the same", page(*OLD), OLD),
    ("in another order, twice", page(*reversed(OLD), *OLD), OLD),
    ("one more", page(*OLD, "2a0f:9500::/32"), [*OLD, "2a0f:9500::/32"]),
    ("one less", page(*OLD[1:]), OLD[1:]),
    ("merged halves", page(*OLD[1:], "45.155.0.0/25", "45.155.0.128/25"), OLD),
    (
        "a wider network around one",
        page(*OLD[:-1], "2a0f:9400::/31"),
        [*OLD[:-1], "2a0f:9400::/31"],
    ),
    ("host bits", page(*OLD[1:], "45.155.0.9/24"), OLD),
    ("Windows lines", says("\r\n".join(OLD).encode()), OLD),
    (
        "reserved networks are dropped",
        page(*OLD, "10.0.0.0/8", "127.0.0.1", "::1", "fe80::/64"),
        OLD,
    ),
]
#: What a page answers, why, and the reason of the refusal.
REFUSED = [
    ("an error page", says(b"<html><body>Sorry<br>Try again</body></html>"), "0% of its entries"),
    ("nothing", says(b""), "0% of its entries"),
    ("only comments", page("# moved"), "0% of its entries"),
    ("names", page("a.example", "b.example"), "0% of its entries"),
    (
        "half debris",
        page(*OLD, *(f"<li>{number}</li>" for number in range(9))),
        "55% of its entries",
    ),
    ("half of it", page(*OLD[:6]), "5 of 11 networks are gone"),
    ("others instead", page(*(f"46.155.{n}.0/24" for n in range(0, 40, 4))), "are gone"),
    ("smaller parts of all", page(*(net.replace("/24", "/25") for net in OLD)), "are gone"),
    ("half of the Internet", page(*OLD, "128.0.0.0/1"), "too wide"),
    ("all of IPv6", page(*OLD, "::/0"), "too wide"),
    ("a whole /8", page(*OLD, "46.0.0.0/8"), "times as many IPv4"),
    ("a whole /20 of IPv6", page(*OLD, "2600::/20"), "times as many IPv6"),
    ("many addresses", page(*OLD, *(f"46.0.{n}.1" for n in range(120))), "instead of 11"),
    ("only reserved ones", page("10.0.0.0/8", "192.168.0.0/16"), "no networks"),
    ("too long", says(b"45.155.0.1\n" * 9000), "50,000"),
    ("cut off", faults.hangs_up("\n".join(OLD).encode()), ""),
    ("gone", says(b"gone", status="404 Not Found"), "404"),
    ("binary", says(bytes(range(256)) * 20), "0% of its entries"),
]


def renew(http_feeds: HttpFeeds, play: Play, keys: str = 'format = "ips"') -> Renewal:
    """Return the renewal of the invented group from one page."""
    http_feeds.server.plays["/list"] = play
    return renew_from(http_feeds, f'[[group.page]]\nurl = "{url(http_feeds)}"\n{keys}\n')


def renew_from(http_feeds: HttpFeeds, keys: str, old: BuiltinGroup | None = OLD_GROUP) -> Renewal:
    path = http_feeds.config.database.with_name("sources.toml")
    head = 'title = "Made"\nkind = "cdn"\nwhy = "Invented."\nsource = "https://made.example"\n'
    path.write_text(f"[[group]]\n{head}{keys}", encoding="utf-8")
    [source] = load_sources(path)
    return renew_group(source, old, TODAY, LIMITS)


def url(http_feeds: HttpFeeds, path: str = "/list", kind: str = "https") -> str:
    return http_feeds.server.url(path, kind)


@pytest.mark.parametrize(("why", "play", "networks"), RENEWED, ids=[row[0] for row in RENEWED])
def test_a_good_page_renews_a_group(
    why: str, play: Play, networks: list[str], http_feeds: HttpFeeds
) -> None:
    renewal = renew(http_feeds, play)
    assert not renewal.refusal, why
    assert renewal.group is not None
    assert list(renewal.group.networks) == networks
    assert renewal.group.date == TODAY
    assert renewal.added == [net for net in networks if net not in OLD]
    assert renewal.removed == [net for net in OLD if net not in networks]


@pytest.mark.parametrize(("why", "play", "cause"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_bad_page_keeps_the_old_group(
    why: str, play: Play, cause: str, http_feeds: HttpFeeds
) -> None:
    renewal = renew(http_feeds, play)
    assert renewal.group is OLD_GROUP, why
    assert renewal.refusal
    assert cause in renewal.refusal


def test_a_certificate_that_nobody_signed_keeps_the_old_group(http_feeds: HttpFeeds) -> None:
    http_feeds.server.plays["/list"] = page(*OLD)
    keys = f'[[group.page]]\nurl = "{url(http_feeds, kind="self-signed")}"\nformat = "ips"\n'
    assert renew_from(http_feeds, keys).group is OLD_GROUP


def test_one_bad_page_of_two_keeps_the_old_group(http_feeds: HttpFeeds) -> None:
    http_feeds.server.plays |= {"/list": page(*OLD), "/other": says(b"<html>")}
    pages = [f'[[group.page]]\nurl = "{url(http_feeds, path)}"\nformat = "ips"\n' for path in
             ("/list", "/other")]  # fmt: skip
    assert "/other: 0% of its entries" in renew_from(http_feeds, "".join(pages)).refusal


def test_a_path_selects_the_networks_of_a_document(http_feeds: HttpFeeds) -> None:
    document = {"addresses": OLD[:-1], "ipv6_addresses": OLD[-1:], "other": ["52.0.0.0/10"]}
    keys = 'format = "json"\npath = "[addresses, ipv6_addresses][]"'
    renewal = renew(http_feeds, says(json.dumps(document).encode()), keys)
    assert renewal.group
    assert list(renewal.group.networks) == OLD
    missing = renew(http_feeds, says(b'{"error": "no such page"}'), keys)
    assert missing.group is OLD_GROUP


def test_a_link_on_a_page_is_followed(http_feeds: HttpFeeds) -> None:
    link = url(http_feeds, "/Tags_20260901.txt")
    http_feeds.server.plays["/Tags_20260901.txt"] = page(*OLD)
    keys = "format = 'ips'\nlink = 'https?://[^\"]+/Tags_[0-9]{8}\\.txt'"
    html = '<p><a href="/x">old</a> <a href="{}">new</a></p>'
    renewal = renew(http_feeds, says(html.format(link).encode()), keys)
    assert not renewal.refusal
    assert "no link" in renew(http_feeds, says(b"<p>moved</p>"), keys).refusal
    insecure = html.format(link.replace("https", "http")).encode()
    assert "is not https://" in renew(http_feeds, says(insecure), keys).refusal


def test_networks_kept_by_hand_need_no_page_and_keep_their_date(http_feeds: HttpFeeds) -> None:
    renewal = renew_from(http_feeds, 'networks = ["45.155.0.0/24"]\ndate = "unknown"\n')
    assert renewal.group
    assert (renewal.group.date, renewal.group.networks) == ("unknown", ("45.155.0.0/24",))


def test_the_oldest_part_dates_a_group(http_feeds: HttpFeeds) -> None:
    http_feeds.server.plays["/list"] = page(*OLD)
    by_hand = 'networks = ["45.200.0.0/24"]\ndate = "2024-04-22"\n'
    pages = f'[[group.page]]\nurl = "{url(http_feeds)}"\nformat = "ips"\n'
    renewal = renew_from(http_feeds, by_hand + pages)
    assert renewal.group
    assert renewal.group.date == "2024-04-22"
    assert renewal.added == ["45.200.0.0/24"]


def test_a_new_group_without_its_page_is_left_out(http_feeds: HttpFeeds) -> None:
    http_feeds.server.plays["/list"] = says(b"<html>")
    pages = f'[[group.page]]\nurl = "{url(http_feeds)}"\nformat = "ips"\n'
    renewal = renew_from(http_feeds, pages, old=None)
    assert renewal.group is None
    assert renewal.refusal


def test_the_whole_renewal_writes_the_file_and_a_report(
    http_feeds: HttpFeeds, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fastly = next(g for g in load_builtin_groups("shared-networks") if g.title == "Fastly")
    http_feeds.server.plays["/fastly"] = page(*fastly.networks[1:], "45.155.0.0/24")
    sources = tmp_path / "sources.toml"
    group = '[[group]]\ntitle = "{}"\nkind = "cdn"\nwhy = "Made."\nsource = "https://x.example"\n'
    pages = '[[group.page]]\nurl = "{}"\nformat = "ips"\n'
    sources.write_text(
        group.format("Fastly") + pages.format(url(http_feeds, "/fastly"))
        + group.format("Cloudflare") + pages.format(url(http_feeds, "/nothing")),
        encoding="utf-8",
    )  # fmt: skip
    target = tmp_path / "shared-networks.toml"
    assert main(sources, target, LIMITS) == 1
    first, added, removed, refused = capsys.readouterr().out.splitlines()
    assert first == f"Fastly: {len(fastly.networks)} networks, 1 added, 1 removed"
    assert (added, removed) == ("  + 45.155.0.0/24", f"  - {fastly.networks[0]}")
    assert refused.startswith("Cloudflare: REFUSED, the old networks stay: ")
    tables = tomllib.loads(target.read_text(encoding="utf-8"))["group"]
    assert [table["title"] for table in tables] == ["Fastly", "Cloudflare"]
    assert fastly.networks[0] not in tables[0]["networks"]


def test_the_shipped_file_is_what_the_script_writes() -> None:
    groups = load_builtin_groups("shared-networks")
    assert [group.title for group in groups] == [source.title for source in load_sources()]
    written = tomllib.loads(render_groups(groups))["group"]
    assert [build_dataclass(BuiltinGroup, table, "x") for table in written] == list(groups)
    for source, group in zip(load_sources(), groups, strict=True):
        assert (source.kind, source.why, source.source) == (group.kind, group.why, group.source)


@pytest.mark.parametrize(
    ("keys", "cause"),
    [
        ('[[group.page]]\nurl = "http://made.example"\nformat = "ips"\n', "https"),
        ('[[group.page]]\nurl = "lists/made.txt"\nformat = "ips"\n', "https"),
        ('[[group.page]]\nurl = "https://made.example"\nformat = "ip"\n', "unknown format"),
        ('[[group.page]]\nurl = "https://made.example"\nformat = "json"\npath = "[["\n', "path"),
        ('networks = ["45.155.0.0/24"]\n', "need a date"),
        ('network = ["45.155.0.0/24"]\n', "unknown key"),
    ],
)
def test_a_mistake_in_the_sources_is_named(keys: str, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "sources.toml"
    head = 'title = "Made"\nkind = "cdn"\nwhy = "Invented."\nsource = "https://made.example"\n'
    path.write_text(f"[[group]]\n{head}{keys}", encoding="utf-8")
    with pytest.raises(ConfigError, match=cause):
        load_sources(path)
