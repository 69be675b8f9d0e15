"""Every feed that ships: what its file must say, and that it reads what its source publishes."""

import re
from urllib.parse import urlsplit

import pytest

from blocklist.config.feeds import EXTERNAL_PREFIX, Feed, build_feed
from blocklist.config.toml import load_toml
from blocklist.errors import ConfigError
from blocklist.model import Category, GuardClass
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.registry import load_formats
from tests.support.docs import ROOT

PATHS = sorted((ROOT / "feeds").glob("*.toml"))
FEEDS = {path.stem: build_feed(path.stem, load_toml(path), f"{path}: ") for path in PATHS}
#: Categories that say what a guard list protects.
PROTECTED = {
    Category.POPULAR,
    Category.BANK,
    Category.SERVICE,
    Category.CLOUD,
    Category.SHARED_HOST,
}
#: Categories whose feeds list addresses, or may.
OF_ADDRESSES = {Category.ATTACKER, Category.TOR, Category.CRIMINAL_NETWORK}

#: What a format looks like, invented; what it must give: (kind, value).
SAMPLES = {
    "domains": ("# made\nfraud-one.top\nwww.fraud-two.top\n", ("domain", "fraud-one.top")),
    "wildcard": ("# made\n*.fraud-one.top\n*.fraud-two.top\n", ("domain", "fraud-one.top")),
    "hosts": ("# made\n0.0.0.0 fraud-one.top\n", ("domain", "fraud-one.top")),
    "adblock": ("[Adblock Plus]\n! made\n||fraud-one.top^\n", ("domain", "fraud-one.top")),
    "urls": ("https://fraud-one.top/login\n", ("url", "https://fraud-one.top/login")),
    "ips": ("# made\n45.155.205.0/24 ; SBL1\n193.32.162.7\n", ("ip", "45.155.205.0/24")),
    "maltrail": ("# Reference: made\n\n45.155.205.7\nfraud-one.top\n", ("ip", "45.155.205.7")),
    "public-suffix": ("// made\ncom\n*.fraud-one.top\n", ("domain", "fraud-one.top")),
    "misp": ('{"list": ["fraud-one.top"], "type": "hostname"}', ("domain", "fraud-one.top")),
}
#: Lists of networks in a format that can hold both.
NETWORKS = '{"list": ["45.155.205.0/24"], "type": "cidr"}', ("ip", "45.155.205.0/24")
OF_NETWORKS = {
    name for name, feed in FEEDS.items() if feed.format == "misp" and feed.category == "cloud"
} | {"public-dns-v4", "public-dns-v6", "mail-senders"}
RANKED = "1,search-engine.top\n2,fraud-one.top\n", ("domain", "fraud-one.top")
DATAPLANE = (
    "# made\n64500  |  MADE-UP  |  45.155.205.7     |  2026-05-03 06:00:00  |  sshpwauth\n",
    ("ip", "45.155.205.7"),
)
#: A sample a feed, where its columns or paths are its own: made from its documented header.
OWN = {
    "phishtank": (
        "phish_id,url,phish_detail_url,submission_time,verified,verification_time,online,target\n"
        '1,"https://fraud-one.top/a,b",http://www.phishtank.com/phish_detail.php?phish_id=1,'
        '2026-05-03T06:00:00+00:00,yes,2026-05-03T06:00:00+00:00,yes,"Bank, made up"\n',
        ("url", "https://fraud-one.top/a,b"),
    ),
    "urlhaus-links": (
        "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n"
        '"1","2026-05-03 06:00:00","http://fraud-one.top/a.exe","online","2026-05-03 06:00:00",'
        '"malware_download","exe,made","https://urlhaus.abuse.ch/url/1/","nobody"\n'
        '"2","2026-05-03 06:00:00","http://fraud-two.top/a.exe","offline","","malware_download",'
        '"exe","https://urlhaus.abuse.ch/url/2/","nobody"\n',
        ("url", "http://fraud-one.top/a.exe"),
    ),
    "feodo": (
        "# made\nfirst_seen_utc,dst_ip,dst_port,c2_status,last_online,malware\n"
        '"2026-05-03 06:00:00","45.155.205.7","443","online","2026-05-03","Made"\n',
        ("ip", "45.155.205.7"),
    ),
    "threatfox-addresses": (
        '# "first_seen_utc","ioc_id","ioc_value","ioc_type","threat_type","fk_malware"\n'
        '"2026-05-03 06:00:00", "1", "45.155.205.7:443", "ip:port", "botnet_cc", "made.up"\n',
        ("ip", "45.155.205.7"),
    ),
    "c2intel-domains": ("#domain,ioc\nfraud-one.top,Made up\n", ("domain", "fraud-one.top")),
    "c2intel-addresses": ("#ip,ioc\n45.155.205.7,Made up\n", ("ip", "45.155.205.7")),
    "nrd-14day": ("# made\nfraud-one.top\nfraud-two.top\n", ("domain", "fraud-one.top")),
    "stalkerware": ("spy-app.top\nspy-two.top\n", ("domain", "spy-app.top")),
    "anj-gambling": (
        "SITE;URL;DATE DE LA DECISION\nMADE UP;www.fraud-one.top;03/05/2026\n",
        ("domain", "www.fraud-one.top"),
    ),
    "dataplane-ssh": DATAPLANE,
    "dataplane-telnet": DATAPLANE,
    "turris-greylist": (
        "# made\nAddress,Tags\n45.155.205.7,telnet\n",
        ("ip", "45.155.205.7"),
    ),
    "tranco": RANKED,
    "umbrella": RANKED,
    "majestic": (
        "GlobalRank,TldRank,Domain,TLD,RefSubNets,RefIPs\n1,1,fraud-one.top,top,9,9\n",
        ("domain", "fraud-one.top"),
    ),
    "metamask": (
        '{"version": 2, "whitelist": ["x.com"], "blacklist": ["fraud-one.top"]}',
        ("domain", "fraud-one.top"),
    ),
    "polkadot-phishing": ('{"allow": [], "deny": ["fraud-one.top"]}', ("domain", "fraud-one.top")),
    "scamsniffer": ('["fraud-one.top"]', ("domain", "fraud-one.top")),
    "circl-osint": (
        '[{"Event": {"info": "made", "Attribute": ['
        '{"type": "domain", "value": "fraud-one.top", "to_ids": true}]}}]',
        ("domain", "fraud-one.top"),
    ),
    "phishfort": ('["fraud-one.top"]', ("domain", "fraud-one.top")),
    "spamhaus-drop-v6": (
        '{"cidr": "2a0f:9400:1::/48", "sblid": "SBL1", "rir": "ripencc"}\n'
        '{"type": "metadata", "timestamp": 1, "records": 1}\n',
        ("ip", "2a0f:9400:1::/48"),
    ),
} | dict.fromkeys(OF_NETWORKS, NETWORKS)
#: Feeds of whose list no copy could be read; `evidence` gives the reason for each.
NEVER_VERIFIED = {
    "anj-gambling",
    "botvrij-addresses",
    "cert-pl",
    "circl-osint",
    "coi-risky-shops",
    "maltrail-malware",
    "metamask",
    "nrd-14day",
    "red-flag-domains",
    "sinking-yachts",
    "stopforumspam-networks",
    "threatfox",
    "threatview-addresses",
    "tranco",
    "umbrella",
}
#: Feeds of which only rows that a public document quotes were read.
QUOTED = {"threatfox-addresses"}
#: The place of a copy: repository, commit and path.
COPY = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/\S+")
#: Lists whose maintainers match the names below an entry, too.
OF_SUBTREES = {"matomo-referrers", "metamask", "polkadot-phishing", "ut1-gambling"}
#: A header row is no refusal, because its column has this name.
WITH_HEADERS = {"anj-gambling", "feodo", "majestic", "phishtank", "turris-greylist"}
feeds = pytest.mark.parametrize("feed", FEEDS.values(), ids=list(FEEDS))


def test_there_are_many() -> None:
    guards = [feed for feed in FEEDS.values() if feed.guard]
    assert len(FEEDS) - len(guards) >= 50
    assert {feed.guard for feed in guards} == set(GuardClass)
    wanted = set(Category) - {Category.UNKNOWN}
    assert {feed.category for feed in FEEDS.values()} == wanted


@feeds
def test_its_file_says_what_it_must(feed: Feed) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", feed.name)
    assert feed.format in load_formats()
    assert not feed.enabled
    for key in ("title", "maintainer", "homepage", "documented", "licence", "interval"):
        assert getattr(feed, key), f"{key} is missing"
    assert feed.reliability_reason if not feed.guard else feed.category in PROTECTED
    assert feed.guard or feed.category not in PROTECTED
    text = (ROOT / "feeds" / f"{feed.name}.toml").read_text("utf-8")
    assert text.startswith("# "), "say in a line what it lists"


@feeds
def test_a_copy_of_its_list_was_read_or_a_reason_is_given(feed: Feed) -> None:
    assert feed.evidence
    assert feed.is_unverified == (feed.name in NEVER_VERIFIED)
    if feed.verified:
        assert re.search(
            r"https://github\.com/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/", feed.evidence
        ) or (feed.evidence == "rows of export/csv/full in the README of a public parser")
        assert "2014-01-01" < feed.verified < "2027-01-01"


@feeds
def test_its_addresses_are_sound(feed: Feed) -> None:
    for url in (*feed.urls, feed.homepage, feed.documented):
        parts = urlsplit(url)
        assert parts.scheme in ("https", "misp+https", "taxii+https"), url
        assert "." in parts.netloc, url
        assert not parts.username, url


@feeds
def test_its_lineage_is_known(feed: Feed) -> None:
    for source in feed.lineage:
        assert source.startswith(EXTERNAL_PREFIX) or source in FEEDS, source
    assert feed.name not in feed.lineage


@feeds
def test_feeds_of_addresses_say_which_way(feed: Feed) -> None:
    if not feed.guard and (feed.format == "ips" or feed.category in OF_ADDRESSES):
        assert feed.direction


@feeds
def test_it_reads_what_its_source_publishes(feed: Feed) -> None:
    sample, expected = OWN.get(feed.name) or SAMPLES[feed.format]
    parsed = parse_snapshot(sample.encode(), feed.format, feed.parse_options)
    assert expected in list(parsed.indicators.select("kind", "value").iter_rows())
    assert parsed.share_accepted >= 0.5
    if feed.name in WITH_HEADERS:
        assert parsed.share_accepted == 1.0
    if feed.name in OF_SUBTREES:
        assert set(parsed.indicators["scope"]) == {"subtree"}


def test_no_two_feeds_are_the_same() -> None:
    urls = [url for feed in FEEDS.values() for url in feed.urls]
    assert len(urls) == len(set(urls))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("interval", "often", "as in 6h"),
        ("interval", "0h", "as in 6h"),
        ("category", "phising", "one of phishing"),
        ("direction", "up", "one of in, out, both"),
        ("redistribute", "yes", "true or false"),
        ("verified", "yes", "a date such as"),
        ("verified", "2026-8-19", "a date such as"),
        ("verified", "2026-02-30", "a date such as"),
        ("verified", "19.08.2026", "a date such as"),
        ("verified", "20260819", "a date such as"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: object, says: str) -> None:
    table = {"url": "x", "format": "domains", key: value}
    with pytest.raises(ConfigError, match=says) as refused:
        build_feed("x", table, "x.toml: ")
    assert f"x.toml: {key}" in str(refused.value)


def test_no_sample_stays_behind_when_its_feed_goes() -> None:
    assert OWN.keys() <= FEEDS.keys()
    assert FEEDS.keys() >= OF_NETWORKS


def test_rows_that_a_filter_leaves_out_are_not_listed() -> None:
    feed = FEEDS["urlhaus-links"]
    parsed = parse_snapshot(OWN[feed.name][0].encode(), feed.format, feed.parse_options)
    assert parsed.indicators["value"].to_list() == ["http://fraud-one.top/a.exe"]
