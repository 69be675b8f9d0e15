"""Configuration and catalogue: what is read, and errors that name file, key and expectation."""

from pathlib import Path

import pytest

from blocklist.config.dns_servers import DnsServer, parse_dns_servers
from blocklist.config.loader import Config, load_config
from blocklist.config.paths import find_database
from blocklist.config.sections import CollectConfig, PolicyConfig, ResolveConfig
from blocklist.config.targets import load_targets
from blocklist.errors import ConfigError, StorageError
from blocklist.model import GuardClass, Kind, Scope
from tests.support.users import as_user, open_to_all

FEED = '[feeds.mine]\nurl = "a.txt"\nformat = "domains"\n'
GUARD = '[guards.top]\nurl = "top.txt"\nformat = "domains"\n'
EXPORT = '[exports.dns]\npath = "out/db.rpz"\n'
RPZ = EXPORT + 'target = "rpz"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str) -> Config:
    return load_config(write(folder / "blocklist.toml", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("read_timeout = 0", "collect.read_timeout: expected a number of seconds above 0"),
        ("backoff = -1", "collect.backoff: expected a number of 0 or more"),
        ("tries = 0", "collect.tries: expected a whole number from 1"),
        ("retries = 2", "collect.retries: unknown key; did you mean 'tries'?"),
    ],
)
def test_how_patient_collecting_is(folder: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(folder, f"[collect]\n{text}\n")
    assert message in str(raised.value)
    assert load(folder, "[collect]\ntries = 1\n").collect == CollectConfig(tries=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate = -1", "resolve.rate: expected a number of 0 or more"),
        ("timeout = 0", "resolve.timeout: expected a number of seconds above 0"),
        ("looks = 0", "resolve.looks: expected a whole number from 1"),
        ("days = -1", "resolve.days: expected a whole number of 0 or more"),
    ],
)
def test_how_names_are_looked_up(folder: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(folder, f"[resolve]\n{text}\n")
    assert message in str(raised.value)
    assert load(folder, "[resolve]\ndays = 0\n").resolve == ResolveConfig(days=0)


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
    assert (mine.enabled, mine.scope, mine.reliability) == (True, Scope.SUBTREE, 1.0)
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
    assert told.must_resolve == ("bank.example", "example.org"), "one's own names are added"


@pytest.mark.parametrize(
    ("text", "message", "why"),
    [
        ("databse = 'x'", "databse: unknown key; did you mean 'database'?", "a slip"),
        (
            "x = 1",
            "x: unknown key; known are collect, database, exports, feeds, gate",
            "a stranger",
        ),
        ("database = 1", "database: expected a text in quotes, got 1", "a number"),
        ("feeds = 1", "feeds: expected a table, got 1", "no table"),
        ("[feeds]\nmine = 1", "feeds.mine: expected a table, got 1", "nor within"),
        ("[feeds.mine]\nurl = 'x'", "feeds.mine.format: missing; expected a text in", "no format"),
        ("[feeds.mine]\nformat = 'x'", "feeds.mine.urls: missing; expected a list", "no place"),
        (FEED + "urls = ['x']", "feeds.mine: give either url or urls, not both", "two places"),
        ("[feeds.mine]\nurl = 1\nformat = 'x'", "feeds.mine.urls[0]: expected a text", "a number"),
        ("[feeds.mine]\nurl = ''\nformat = 'x'", "feeds.mine.urls: expected at least", "nothing"),
        ("[feeds.mine]\nurls = []\nformat = 'x'", "feeds.mine.urls: expected at least", "no place"),
        (FEED + "enabled = 1", "feeds.mine.enabled: expected true or false, got 1", "no switch"),
        (FEED + "reliability = 2", "feeds.mine.reliability: expected a number from 0", "too sure"),
        (FEED + "reliability = nan", "feeds.mine.reliability: expected a number from 0", "NaN"),
        (FEED + "reliability = true", "reliability: expected a number, got true", "no number"),
        (FEED + "reliability = '1'", "reliability: expected a number, got '1'", "no number"),
        (
            FEED + "scope = 'all'",
            "scope: expected one of exact, subtree, below, got 'all'",
            "what?",
        ),
        (
            "[feeds.mine]\nurl = 'axfr://192.0.2.1/x'\nformat = 'rpz'\nsha256 = 'sums'",
            "feeds.mine.sha256: expected none, for what these servers send is no file",
            "a digest of a zone",
        ),
        (FEED + "column = 0", "feeds.mine.column: expected the number of a column, from 1", "0"),
        (FEED + "column = 1.5", "feeds.mine.column: expected a whole number, got 1.5", "half"),
        (FEED + "separator = ''", "feeds.mine.separator: expected one character", "none"),
        (FEED + "separator = ', '", "feeds.mine.separator: expected one character", "two"),
        (FEED + "rank_limit = 0", "feeds.mine.rank_limit: expected a whole number", "nothing"),
        (FEED + "max_shrink = 1.5", "feeds.mine.max_shrink: expected a number from 0 to", "more"),
        (FEED + "max_growth = 0.5", "feeds.mine.max_growth: expected a number of 1 or", "shrinks"),
        (FEED + "name = 'x'", "feeds.mine.name: unknown key", "the name is the table's"),
        (FEED + "guard = 'popular'", "feeds.mine: a guard; write [guards.mine]", "wrong table"),
        (GUARD + "guard = 'x'", "guards.top.guard: expected one of protected, popular", "what?"),
        (GUARD + "mandatory = 'yes'", "guards.top.mandatory: expected true or false", "no switch"),
        (FEED + GUARD.replace("top", "mine"), "guards.mine: a feed has that name already", "twice"),
        (
            "[feeds.known-guard]\nenabled = true",
            "feeds.known-guard: a guard; write [guards.known-guard]",
            "would be ignored in silence",
        ),
        (
            "[guards.known-feed]\nenabled = true",
            "guards.known-feed: a feed has that name already",
            "so would this",
        ),
        ("[policy]\nwiden = 'yes'", "policy.widen: expected true or false, got 'yes'", "no switch"),
        ("[policy]\nown = 'x'", "policy.own: expected a list, each item a text in", "no list"),
        ("[policy]\nown = ['a b']", "policy.own[0]: 'a b': bad-character", "no name"),
        ("[policy]\nown = ['a.b', '']", "policy.own[1]: '': empty", "nothing"),
        ("[policy]\nown = ['http://a.b/']", "policy.own[0]: expected a name or a network", "a URL"),
        ("[policy]\nthreshold = -0.1", "policy.threshold: expected a number from 0 to 1", "less"),
        (
            "[policy]\nmax_shrink = 50",
            "policy.max_shrink: expected a number from 0 to 1",
            "per cent",
        ),
        (
            "[gate]\nmax_guard_days = 1000000",
            "gate.max_guard_days: expected a whole number from 1 to 36500",
            "before all calendars",
        ),
        (
            "[resolve]\naddress_days = 1000000",
            "resolve.address_days: expected a whole number from 1 to 36500",
            "before all calendars",
        ),
        ("[policy]\nmax_growth = nan", "policy.max_growth: expected a number of 1 or more", "NaN"),
        (EXPORT, "exports.dns.target: missing; expected a text in quotes", "no target"),
        (EXPORT + "target = 'rpx'", "target: unknown target 'rpx'; did you mean 'rpz'?", "a slip"),
        ("[exports.dns]\ntarget = 'rpz'", "exports.dns.path: missing; expected a text", "no path"),
        (RPZ, "exports.dns.zone: missing; expected a name such as 'rpz.example.net'", "no zone"),
        (
            RPZ + "zone = 'a b'",
            "exports.dns.zone: 'a b' is no domain name: bad-character",
            "spaces",
        ),
        (
            EXPORT + "target = 'domains'\nprobe = ['127.0.0.1']",
            "exports.dns.probe: the list has no canary that a server could be asked for",
            "a target without canaries",
        ),
        (
            RPZ + "zone = 'rpz'\ncanary = ''\nprobe = ['127.0.0.1']",
            "exports.dns.probe: the list has no canary that a server could be asked for",
            "an export that wants none",
        ),
        *(
            (
                RPZ + f"zone = 'rpz'\nprobe = ['::1', '{server}']",
                "exports.dns.probe[1]: expected an address, or ADDRESS#PORT",
                "no server",
            )
            for server in ("localhost", "127.0.0.1:53", "127.0.0.1#0", "127.0.0.1#65536", "::1#x")
        ),
        (
            RPZ + "zone = 'rpz'\nmust_resolve = ['bank.example', 'bank..example']",
            "exports.dns.must_resolve[1]: 'bank..example' is no domain name: empty-label",
            "no name",
        ),
        (RPZ + "zone = 'rpz'\ntimeout = 0", "exports.dns.timeout: expected a number of", "no time"),
        (
            RPZ + "zone = 'rpz'\nreload = 'rndc reload'",
            "exports.dns.reload: expected a list, each item a text in quotes",
            "a command in one text",
        ),
        (RPZ + "zone = 'rpz'\nrelaod = []", "exports.dns.relaod: unknown key; did you", "a typo"),
        (
            RPZ + "zone = 'rpz'\ncanary = 'a b'",
            "exports.dns.canary: 'a b' is no domain name: bad-character",
            "spaces",
        ),
        (RPZ + "zone = 1", "exports.dns.zone: expected a text in quotes, got 1", "a number"),
        (
            "[exports.a]\ntarget = 'hosts'\npath = 'out/x'\n"
            "[exports.b]\ntarget = 'hosts'\npath = 'out/../out/x'",
            "exports.b.path: exports.a is there already",
            "one would overwrite the other",
        ),
        (
            "database = 'out/db'\n[exports.a]\ntarget = 'hosts'\npath = 'out/db'",
            "exports.a.path: the database is there already",
            "an export would end the ledger",
        ),
        ("[feeds.mine", "not valid TOML: ", "cut off"),
        ("a = 1\na = 2", "not valid TOML: Cannot overwrite a value", "twice"),
    ],
)
def test_errors_name_file_key_and_expectation(
    folder: Path, text: str, message: str, why: str
) -> None:
    known = 'url = "x"\nformat = "domains"\n'
    write(folder / "feeds" / "known-feed.toml", known)
    write(folder / "feeds" / "known-guard.toml", known + 'guard = "popular"')
    with pytest.raises(ConfigError) as raised:
        load(folder, text)
    assert str(raised.value).startswith(f"{folder / 'blocklist.toml'}: "), why
    assert message in str(raised.value), why
    assert raised.value.exit_code == 2


def test_places_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = write(folder / "xdg" / "blocklist" / "blocklist.toml", "database = 'user.db'")
    assert load_config().database == user.parent / "user.db"
    write(folder / "blocklist.toml", "database = 'here.db'")
    assert load_config().database == folder / "here.db"
    given = write(folder / "other" / "x.toml", "database = 'given.db'")
    assert load_config(given).database == folder / "other" / "given.db"
    assert find_database(given) == load_config(given).database
    assert find_database(None) == load_config().database
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(folder))
    (folder / "blocklist.toml").unlink()
    assert load_config().path is None


@pytest.mark.parametrize(
    ("name", "message", "why"),
    [
        ("missing.toml", "cannot be read: No such file or directory", "a missing file"),
        ("a-folder", "cannot be read: Is a directory", "a folder"),
        ("file.toml/x.toml", "cannot be read: Not a directory", "below a file"),
        ("bytes.toml", "not valid TOML: 'utf-8' codec can't decode", "no text"),
    ],
)
def test_a_configuration_that_cannot_be_read(
    folder: Path, name: str, message: str, why: str
) -> None:
    (folder / "a-folder").mkdir()
    write(folder / "file.toml", "")
    (folder / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    for load_ in (load_config, find_database):
        with pytest.raises((ConfigError, StorageError), match=r"^[^:]*" + name) as raised:
            load_(folder / name)
        assert message in str(raised.value), why


def test_a_folder_in_the_place_of_the_configuration_is_not_passed_over(folder: Path) -> None:
    (folder / "blocklist.toml").mkdir()
    with pytest.raises(StorageError, match=r"blocklist\.toml: cannot be read: Is a directory"):
        load_config()


def test_a_byte_order_mark_and_crlf_are_read(folder: Path) -> None:
    path = folder / "x.toml"
    path.write_bytes(b"\xef\xbb\xbfdatabase = 'x.db'\r\n[policy]\r\n")
    assert load_config(path).database == folder / "x.db"


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
def test_what_may_not_be_read(folder: Path, closed: str) -> None:
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
    ("name", "text", "message", "why"),
    [
        ("feeds/x.toml", "url = 'x'", "x.toml: format: missing", "no format"),
        ("feeds/x.toml", "nonsense", "x.toml: not valid TOML", "no TOML"),
        (
            "feeds/x.toml",
            "url = 'x'\nformat = 'ips'\nreliability = 7",
            "x.toml: reliability: ",
            "7",
        ),
        ("exports/x.toml", "title = 'X'", "x.toml: dialect: missing", "no dialect"),
        (
            "exports/x.toml",
            "title = 'X'\ndialect = 'lines'\nkinds = ['name']\nscopes = []",
            "x.toml: kinds[0]: expected one of domain, ip, url, got 'name'",
            "no such kind",
        ),
    ],
)
def test_errors_in_the_users_catalogue(
    folder: Path, name: str, text: str, message: str, why: str
) -> None:
    write(folder / name, text)
    with pytest.raises(ConfigError) as raised:
        load_config()
    assert str(raised.value).startswith(str(folder / name)), why
    assert message in str(raised.value), why


def test_an_error_in_a_changed_feed_is_the_configurations(folder: Path) -> None:
    write(folder / "feeds" / "known.toml", 'url = "x"\nformat = "hosts"\n')
    with pytest.raises(ConfigError, match=r"blocklist\.toml: feeds\.known\.scope: expected one of"):
        load(folder, "[feeds.known]\nscope = 1\n")


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
