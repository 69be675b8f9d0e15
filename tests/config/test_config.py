"""Load configurations without mistakes: which file, paths, defaults, and the catalogue."""

from pathlib import Path

import pytest

from blocklist.config.dns_servers import DnsServer, parse_dns_servers
from blocklist.config.loader import load_config
from blocklist.config.paths import ConfigSource
from blocklist.config.sections import PolicyConfig
from blocklist.config.targets import load_targets
from blocklist.errors import ConfigError
from blocklist.model import GuardClass, Kind, Scope
from tests.support.config_files import load, write
from tests.support.users import as_user, open_to_all


def test_built_in_defaults(folder: Path) -> None:
    loaded = load_config()
    assert loaded.path is None
    assert loaded.database == folder / "blocklist.db"
    assert loaded.policy == PolicyConfig()
    assert loaded.enabled_sources == []
    assert loaded.exports == {}


def test_all_that_can_be_said(folder: Path) -> None:
    loaded = load(
        folder / "etc",
        """
        database = "../var/our.db"
        [feeds.mine]
        urls = ["lists/mine.hosts", "/srv/mine.hosts", "file:///srv/mine.hosts"]
        format = "hosts"
        category = "phishing"
        reliability = 1
        scope = "subtree"
        max_shrink = 0
        [feeds.off]
        url = "off.txt"
        format = "csv"
        column = 2
        separator = ";"
        enabled = false
        [guards.top]
        url = "top.txt"
        format = "domains"
        rank_limit = 10
        mandatory = true
        [guards.bank]
        url = "bank.txt"
        format = "domains"
        guard = "protected"
        [policy]
        own = ["Example.org.", "192.0.2.0/24", "2001:db8::1"]
        widen = false
        threshold = 0.5
        max_growth = 2
        [exports.office]
        target = "rpz"
        path = "out/db.rpz"
        zone = "RPZ.Office.example."
        reload = ["rndc", "reload"]
        probe = ["127.0.0.1", "::1#5353"]
        probe_quorum = 1.0
        must_resolve = ["Bank.example."]
        """,
    )
    etc = folder / "etc"
    assert loaded.database.resolve() == folder / "var" / "our.db"
    mine = loaded.feeds["mine"]
    assert mine.urls == (
        str(etc / "lists/mine.hosts"),
        "/srv/mine.hosts",
        "file:///srv/mine.hosts",
    )
    assert (mine.enabled, mine.parse_options.scope, mine.reliability) == (True, Scope.SUBTREE, 1.0)
    assert (mine.max_shrink, loaded.policy.max_shrink) == (0.0, 0.5)
    assert [feed.name for feed in loaded.enabled_sources] == ["top", "bank", "mine"], "guards first"
    assert loaded.guards["top"].guard is GuardClass.POPULAR
    assert loaded.guards["bank"].guard is GuardClass.PROTECTED
    assert loaded.policy.max_growth == 2.0
    office = loaded.exports["office"]
    assert (office.path, office.zone) == (etc / "out/db.rpz", "rpz.office.example")
    assert Kind.DOMAIN in office.target.kinds
    told = office.installation
    assert (told.reload, told.shell) == (("rndc", "reload"), False)
    assert parse_dns_servers(told.probe) == [
        DnsServer("127.0.0.1", 53),
        DnsServer("::1", 5353),
    ]
    assert isinstance(told.probe_quorum, float), "all of them; 1 is one"
    assert told.must_resolve == ("bank.example", "example.org"), "one's own names are added"


def test_places_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = write(folder / "xdg" / "blocklist" / "blocklist.toml", "database = 'user.db'")
    assert load_config().database == user.parent / "user.db"
    write(folder / "blocklist.toml", "database = 'here.db'")
    assert load_config().database == folder / "here.db"
    given = write(folder / "other" / "x.toml", "database = 'given.db'")
    assert load_config(given).database == folder / "other" / "given.db"
    assert ConfigSource(given).database == load_config(given).database
    assert ConfigSource().database == load_config().database
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(folder))
    (folder / "blocklist.toml").unlink()
    assert load_config().path is None


IMPORTS = """
import sys
from pathlib import Path
from blocklist.config.loader import load_config
from blocklist.errors import StorageError
load_config()
"""
LOAD = """
try:
    load_config(Path(sys.argv[1]))
except StorageError as error:
    print(error, end="")
"""


@pytest.mark.parametrize("closed", ["blocklist.toml", "feeds", "feeds/x.toml"])
def test_what_may_not_be_read(public_path: Path, closed: str) -> None:
    folder = public_path
    given = write(folder / "blocklist.toml", "")
    write(folder / "feeds" / "x.toml", 'url = "x"\nformat = "domains"\n')
    open_to_all(folder)
    (folder / closed).chmod(0)
    expected = f"{folder / closed}: cannot be read: Permission denied"
    assert as_user(IMPORTS, LOAD, given) == expected
    (folder / closed).chmod(0o755)


def test_the_shipped_catalogue_is_sound(folder: Path) -> None:
    loaded = load_config()
    known = load_targets(folder)
    assert {"hosts", "domains", "rpz", "nftables", "cidr"} <= known.keys()
    assert not [feed for feed in (*loaded.feeds.values(), *loaded.guards.values()) if feed.enabled]
    for feed in (*loaded.feeds.values(), *loaded.guards.values()):
        assert feed.title, feed.name
        assert feed.licence, feed.name


def test_the_users_catalogue_wins(folder: Path) -> None:
    write(folder / "feeds" / "urlhaus.toml", 'url = "own.txt"\nformat = "hosts"\n')
    write(folder / "feeds" / "notes.txt", "not a feed")
    write(folder / "feeds" / "new.toml", 'url = "x"\nformat = "ips"\nguard = "protected"\n')
    target = 'title = "Mine"\ndialect = "lines"\nkinds = ["domain"]\nscopes = ["exact"]\n'
    write(folder / "exports" / "hosts.toml", target)
    loaded = load(folder, "[exports.x]\ntarget = 'hosts'\npath = 'x'\n")
    assert loaded.feeds["urlhaus"].urls == (str(folder / "own.txt"),)
    assert loaded.guards["new"].guard is GuardClass.PROTECTED
    assert loaded.exports["x"].target.title == "Mine"


def test_blocklist_toml_changes_a_catalogue_feed(folder: Path) -> None:
    write(
        folder / "feeds" / "known.toml",
        'urls = ["a", "b"]\nformat = "hosts"\ntitle = "T"\nreliability = 0.9\n',
    )
    loaded = load(folder, "[feeds.known]\nenabled = true\nurl = 'c'\n")
    known = loaded.feeds["known"]
    assert known.enabled
    assert known.urls == (str(folder / "c"),), "the user's url takes the place of the urls"
    assert (known.title, known.reliability, known.format) == ("T", 0.9, "hosts")


@pytest.mark.parametrize(
    ("path", "taker"),
    [
        ("blocklist.toml", "the configuration"),
        ("blocklist.db", "the database"),
        ("blocklist.db-wal", "the database"),
        ("lists/mine.txt", "the list of feeds.mine"),
    ],
)
def test_no_export_overwrites_what_is_read(tmp_path: Path, path: str, taker: str) -> None:
    (tmp_path / "blocklist.toml").write_text(
        f'[feeds.mine]\nurl = "lists/mine.txt"\nformat = "domains"\n'
        f'[exports.n]\ntarget = "hosts"\npath = "{path}"\n'
    )
    with pytest.raises(ConfigError, match=taker):
        load_config(tmp_path / "blocklist.toml")
