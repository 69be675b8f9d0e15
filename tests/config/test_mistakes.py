"""Mistakes as people make them in blocklist.toml: all are found, each in one line that helps."""

from pathlib import Path

import pytest

from blocklist.config.loader import load_config
from blocklist.errors import ConfigError
from tests.support.cli import blocklist
from tests.support.config_files import EXPORT, FEED, GUARD, RPZ, load, write

#: A text, the start of its only mistake after the file, and the reason for the row.
ONE: list[tuple[str, str, str]] = [
    # --- Keys
    ("databse = 'x'", "databse: unknown key; did you mean 'database'?", "a slip"),
    ("x = 1", "x: unknown key; known are collect, database, exports, feeds, gate, ", "no such key"),
    ("[polizy]", "polizy: unknown key; did you mean 'policy'?", "a slip in a table's name"),
    ("[collect]\nretries = 2", "collect.retries: unknown key; did you mean 'tries'?", "a slip"),
    (RPZ + "relaod = []", "exports.dns.relaod: unknown key; did you mean 'reload'?", "a slip"),
    (FEED + "colunm = 2", "feeds.mine.colunm: unknown key; did you mean 'column'?", "embedded"),
    ("[feeds.mine]\nulr = 'x'\nurls = ['x']\nformat = 'ips'",
     "feeds.mine.ulr: unknown key; did you mean 'url'?", "a key for one item"),
    (FEED + "name = 'x'", "feeds.mine.name: unknown key", "the name is the one of the table"),
    (FEED + "state = ['x']", "feeds.mine.state: unknown key", "a field that is no key"),
    ("[feeds.mine]\nurl = 'x'", "feeds.mine.format: missing; expected a text in", "no format"),
    ("[feeds.mine]\nformat = 'ips'", "feeds.mine.urls: missing; expected a list of", "no place"),
    (FEED + "urls = ['x']", "feeds.mine.url: give either url or urls, not both", "two places"),
    *(
        (f"[feeds.mine]\nurl = '{url}'\nformat = 'ips'",
         "feeds.mine.url: expected :// after the scheme of a URL", "it may hold a password")
        for url in (
            "http:user:secret@host/x", "HTTPS:/user:secret@host", "misp+https:x", "axfr:h/z",
            "file:x",
        )
    ),
    (EXPORT, "exports.dns.target: missing; expected a text in quotes", "no target"),
    ("[exports.dns]\ntarget = 'hosts'", "exports.dns.path: missing; expected a text", "no path"),
    # --- Names of feeds and guards
    ("[feeds.cert_pl]\nenabled = true",
     "feeds.cert_pl: there is no feed 'cert_pl'; did you mean 'cert-pl'? (a feed of your own needs "
     "url and format)", "an underscore"),
    ("[feeds.hagesi-tif]", "feeds.hagesi-tif: there is no feed 'hagesi-tif'; did you mean 'hagezi-",
     "an empty table"),
    ("[feeds.urlhause]\nreliability = 0.5\ninterval = '1d'",
     "feeds.urlhause: there is no feed 'urlhause'; did you mean 'urlhaus'?", "other keys"),
    ("[feeds.CERT-PL]\nenabled = false", "feeds.CERT-PL: there is no feed 'CERT-PL'", "capitals"),
    ("[feeds.zzz]\nenabled = true",
     "feeds.zzz: there is no feed 'zzz' (a feed of your own needs url and format)", "unlike any"),
    ("[guards.trancoo]\nmandatory = true",
     "guards.trancoo: there is no guard 'trancoo'; did you mean 'tranco'?", "a guard"),
    # --- Types
    ("database = 1", "database: expected a text in quotes, got 1", "a number for a text"),
    ("database = 2026-01-01", "database: expected a text in quotes, got 2026-01-01", "a date"),
    ("feeds = 1", "feeds: expected a table, got 1", "a value for a table"),
    ("policy = 'strict'", "policy: expected a table, got 'strict'", "a value for a section"),
    ("[[policy]]", "policy: expected a table, got a list", "a list of tables for a table"),
    ("[feeds]\nmine = 1", "feeds.mine: expected a table, got 1", "a value for a feed"),
    ("[policy.threshold]\nx = 1", "policy.threshold: expected a number from 0 to 1, got a table",
     "a table for a value"),
    ("[feeds.mine]\nurl = 1\nformat = 'ips'", "feeds.mine.url: expected a text in quotes, got 1",
     "a number for a place"),
    ("[feeds.mine]\nurl = ['a', 'b']\nformat = 'ips'",
     "feeds.mine.url: expected a text in quotes, got a list", "a list for one place"),
    ("[feeds.mine]\nurls = 'a'\nformat = 'ips'",
     "feeds.mine.urls: expected a list, each item a path or URL, got 'a'", "one place for a list"),
    (FEED + "enabled = 1", "feeds.mine.enabled: expected true or false, got 1", "no switch"),
    (FEED + "enabled = 'yes'", "feeds.mine.enabled: expected true or false, got 'yes'", "a word"),
    (FEED + "reliability = true", "feeds.mine.reliability: expected a number from 0 to 1, got true",
     "a switch for a number"),
    (FEED + "reliability = '1'", "feeds.mine.reliability: expected a number from 0 to 1, got '1'",
     "a number in quotes"),
    (FEED + "column = 1.5", "feeds.mine.column: expected a whole number from 1, got 1.5", "half"),
    ("[policy]\nown = 'x'",
     "policy.own: expected a list, each item a network or a name with a dot, got 'x'",
     "one name for a list"),
    (RPZ + "reload = 'rndc reload'",
     "exports.dns.reload: expected a list, each item a text in quotes, got 'rndc reload'",
     "a command in one text"),
    (RPZ + "reload = ['rndc', 1]", "exports.dns.reload[1]: expected a text in quotes, got 1",
     "a number in a command"),
    (EXPORT + "target = 'rpz'\nzone = 1", "exports.dns.zone: expected a text in quotes, got 1",
     "a number for a zone, which is then not missing"),
    (RPZ + "actions = 'drop'", "exports.dns.actions: expected a table, got 'drop'", "no table"),
    (RPZ + "actions = { gambling = 1 }",
     "exports.dns.actions.gambling: expected a text in quotes, got 1", "no action"),
    # --- Numbers out of range
    ("[collect]\nread_timeout = 0",
     "collect.read_timeout: expected a number of seconds above 0, got 0", "no time"),
    ("[collect]\nbackoff = -1", "collect.backoff: expected a number of seconds from 0, got -1",
     "less than nothing"),
    ("[collect]\ntries = 0", "collect.tries: expected a whole number from 1, got 0", "never"),
    ("[collect]\nmax_bytes = 1e9", "collect.max_bytes: expected a whole number from 1, got 10000",
     "a number in scientific notation is no whole number"),
    ("[collect]\nmax_bytes = 9999999999",
     "collect.max_bytes: expected a whole number below 2147483648, got 9999999999", "too large"),
    (f"[collect]\ntries = 0x{'f' * 20_000}",
     "collect.tries: expected a whole number below 2147483648, got a number of many digits",
     "more digits than Python converts"),
    ("[resolve]\nrate = -1", "resolve.rate: expected a number from 0, got -1", "less than none"),
    ("[resolve]\nlooks = 0", "resolve.looks: expected a whole number from 1, got 0", "never"),
    ("[resolve]\naddress_days = 1000000",
     "resolve.address_days: expected a whole number from 1 to 36500, got 1000000",
     "before all calendars"),
    ("[gate]\nmax_guard_days = 1000000",
     "gate.max_guard_days: expected a whole number from 1 to 36500", "before all calendars"),
    (FEED + "reliability = 2", "feeds.mine.reliability: expected a number from 0 to 1, got 2",
     "too much"),
    (FEED + "reliability = nan", "feeds.mine.reliability: expected a number from 0 to 1, got nan",
     "no number at all"),
    (FEED + "max_bytes = 0", "feeds.mine.max_bytes: expected a whole number from 1, got 0", "none"),
    (FEED + "max_shrink = 1.5", "feeds.mine.max_shrink: expected a number from 0 to 1", "more"),
    (FEED + "max_growth = 0.5", "feeds.mine.max_growth: expected a number from 1, got", "shrinks"),
    ("[policy]\nthreshold = -0.1", "policy.threshold: expected a number from 0 to 1", "negative"),
    ("[policy]\nmax_shrink = 50", "policy.max_shrink: expected a number from 0 to 1, got 50",
     "per cent"),
    ("[policy]\nmax_growth = nan", "policy.max_growth: expected a number from 1, got nan", "NaN"),
    (RPZ + "timeout = 0", "exports.dns.timeout: expected a number of seconds above 0", "no time"),
    # --- Names and forms
    (FEED + "scope = 'all'", "feeds.mine.scope: expected one of exact, subtree, below, got 'all'",
     "no such scope"),
    (FEED + "category = 'phising'",
     "feeds.mine.category: expected one of phishing, scam, fraud, fraud-shop, crypto-fraud, "
     "malware, c2, gambling, new-domain, suspicious, attacker, spam, tor, criminal-network, mixed, "
     "unknown, popular, bank, service, cloud, shared-host, got 'phising'; did you mean 'phishing'?",
     "a slip in a name"),
    ("[feeds.mine]\nurl = 'x'\nformat = 'host'",
     "feeds.mine.format: unknown format 'host'; did you mean 'hosts'?", "a slip in a format"),
    ("[feeds.mine]\nurl = ''\nformat = 'ips'", "feeds.mine.url: expected a path or URL, got ''",
     "an empty place"),
    ("[feeds.mine]\nurls = []\nformat = 'ips'",
     "feeds.mine.urls: expected a list of at least one path or URL, got an empty list", "no place"),
    (FEED + "interval = 'daily'",
     "feeds.mine.interval: expected a number and m, h, d or w, as in 6h, got 'daily'", "a word"),
    (FEED + "separator = ''", "feeds.mine.separator: expected one character, got ''", "none"),
    (FEED + "separator = ', '", "feeds.mine.separator: expected one character, got ', '", "two"),
    (FEED + 'title = "a\\u0000b"', "feeds.mine.title: expected a text in quotes, got 'a\\x00b'",
     "a NUL, which no other program accepts"),
    ("[feeds.mine]\nurl = 'axfr://192.0.2.1/x'\nformat = 'rpz'\nsha256 = 'sums'",
     "feeds.mine.sha256: expected none, because this kind of server does not send files",
     "a digest of a zone"),
    ("[feeds.mine]\nurl = 'axfr://192.0.2.1/x'\nformat = 'hosts'",
     "feeds.mine.format: expected rpz for axfr://", "a format that the server does not send"),
    ("[policy]\nown = ['a b']",
     "policy.own[0]: expected a network or a name with a dot, got 'a b' (bad-character)",
     "no name"),
    ("[policy]\nown = ['a.b', '']",
     "policy.own[1]: expected a network or a name with a dot, got '' (empty)", "nothing"),
    ("[policy]\nown = ['http://a.b/']",
     "policy.own[0]: expected a network or a name with a dot, got 'http://a.b/'",
     "a URL"),
    ("[policy]\nown = ['school']",
     "policy.own[0]: expected a network or a name with a dot, got 'school'",
     "protects nothing"),
    ("[policy]\nown = ['de']",
     "policy.own[0]: expected a network or a name with a dot, got 'de'",
     "protects a country"),
    ("[policy]\nown = ['*.de']",
     "policy.own[0]: expected a network or a name with a dot, got '*.de'",
     "so does this"),
    ("[policy]\nown = ['AS1234']",
     "policy.own[0]: expected a network or a name with a dot, got 'AS1234' (as-number)",
     "no name"),
    ("[resolve]\nservers = ['9.9.9.9', 'dns.example']",
     "resolve.servers[1]: expected an address or ADDRESS#PORT, as in", "a name for an address"),
    (RPZ.replace('"rpz"\nzone', "'rpx'\nzone"),
     "exports.dns.target: unknown target 'rpx'; did you mean 'rpz'?", "a slip in a target"),
    (EXPORT + "target = 'rpz'",
     "exports.dns.zone: missing; expected a name such as 'rpz.example.net'", "no zone"),
    (RPZ.replace('zone = "rpz"', "zone = 'a b'"),
     "exports.dns.zone: expected a domain name, got 'a b' (bad-character)", "a space"),
    (RPZ + "canary = 'a b'",
     "exports.dns.canary: expected a domain name, or an empty text, got 'a b' (bad", "a space"),
    *((RPZ + f"probe = ['::1', '{server}']",
       "exports.dns.probe[1]: expected an address or ADDRESS#PORT, as in '127.0.0.1#5353', got ",
       f"{server} is no server")
      for server in (
          "localhost", "127.0.0.1:53", "127.0.0.1#0", "127.0.0.1#65536", "::1#x", "::1#")),
    *((RPZ + f"probe = ['::1', '::2']\nprobe_quorum = {quorum}",
       "exports.dns.probe_quorum: expected a number of servers such as 2, or a share such as 0.5, ",
       why)
      for quorum, why in (
          ("0", "none"), ("-1", "fewer than none"), ("0.0", "no share"), ("1.5", "more than all"),
          ("nan", "not a number"), ("true", "no number"), ("'half'", "a word"), ("[1]", "a list"))),
    (RPZ + "probe = ['::1', '::2']\nprobe_quorum = 3",
     "exports.dns.probe_quorum: expected at most 2, the number of servers in probe",
     "more servers than there are"),
    (RPZ + "probe_quorum = 1",
     "exports.dns.probe_quorum: there is no server to count; set probe too", "no server"),
    (RPZ + "must_resolve = ['bank.example', 'bank..example']",
     "exports.dns.must_resolve[1]: expected a domain name, got 'bank..example' (empty-label)",
     "a dot too many"),
    # --- Keys that do not go together
    (FEED + "guard = 'popular'", "feeds.mine: a guard; write [guards.mine]", "the wrong table"),
    (GUARD + "guard = 'x'", "guards.top.guard: expected one of protected, popular", "no class"),
    (FEED + GUARD.replace("top", "mine"), "guards.mine: a feed has that name already", "twice"),
    (GUARD + "mandatory = true\nenabled = false",
     "guards.top.enabled: a mandatory guard cannot be switched off", "both at once"),
    ("[feeds.known-guard]\nenabled = true",
     "feeds.known-guard: a guard; write [guards.known-guard]", "it would be ignored"),
    ("[guards.known-feed]\nenabled = true",
     "guards.known-feed: a feed has that name already", "so would this"),
    (FEED.replace("mine", "resolved"),
     "feeds.resolved: the program uses this name itself; choose another", "a reserved name"),
    (GUARD.replace("top", "resolved"),
     "guards.resolved: the program uses this name itself; choose another", "so it is for guards"),
    (EXPORT + "target = 'domains'\nprobe = ['127.0.0.1']",
     "exports.dns.probe: the list has no canary that a server could be asked for",
     "a target without canaries"),
    (RPZ + "canary = ''\nprobe = ['127.0.0.1']",
     "exports.dns.probe: the list has no canary that a server could be asked for",
     "an export without canaries"),
    (RPZ + "feeds = ['urlhaus', 'urlhouse']",
     "exports.dns.feeds[1]: no such feed; did you mean 'urlhaus'?", "a slip in a feed's name"),
    (RPZ + "countries = ['DE']",
     "exports.dns.countries: no file has the countries of addresses; set resolve.country",
     "facts that nobody collects"),
    ("[exports.a]\ntarget = 'hosts'\npath = 'out/x'\n"
     "[exports.b]\ntarget = 'hosts'\npath = 'out/../out/x'",
     "exports.b.path: exports.a has this path already", "one would overwrite the other"),
    ("database = 'out/db'\n[exports.a]\ntarget = 'hosts'\npath = 'out/db'",
     "exports.a.path: the database has this path already", "an export would end the ledger"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "why"), ONE, ids=range(len(ONE)))
def test_one_mistake_is_one_line(folder: Path, text: str, message: str, why: str) -> None:
    known = 'url = "x"\nformat = "domains"\n'
    write(folder / "feeds" / "known-feed.toml", known)
    write(folder / "feeds" / "known-guard.toml", known + 'guard = "popular"')
    with pytest.raises(ConfigError) as raised:
        load(folder, text)
    (line,) = raised.value.mistakes
    assert line.startswith(f"{folder / 'blocklist.toml'}: {message}"), why
    assert str(raised.value) == line, why
    assert line.isprintable(), why
    assert raised.value.exit_code == 2


#: The texts of blocklist.toml and of files beside it, and the start of each mistake.
SEVERAL: list[tuple[dict[str, str], list[str], str]] = [
    (
        {"blocklist.toml": "[policy]\nthreshold = 2\nwidden = true\nown = ['a b', 'c d']\n"},
        [
            "blocklist.toml: policy.threshold: expected",
            "blocklist.toml: policy.widden: unknown",
            "blocklist.toml: policy.own[0]: expected",
            "blocklist.toml: policy.own[1]: expected",
        ],
        "in one table, in its order",
    ),
    (
        {"blocklist.toml": f"databse = 'x'\n[gate]\nalways = -1\n{FEED}scope = 1\n{EXPORT}"},
        [
            "blocklist.toml: databse: unknown",
            "blocklist.toml: gate.always: expected",
            "blocklist.toml: feeds.mine.scope: expected",
            "blocklist.toml: exports.dns.target: missing",
        ],
        "in all kinds of tables",
    ),
    (
        {"blocklist.toml": "[feeds.mine]\nformat = 'host'\nreliability = 7\n"},
        ["blocklist.toml: feeds.mine.reliability: expected", "blocklist.toml: feeds.mine.urls: m"],
        "one missing, one wrong",
    ),
    (
        {"blocklist.toml": "[exports.dns]\ntarget = 'rpx'\nprob = []\n"},
        [
            "blocklist.toml: exports.dns.target: unknown",
            "blocklist.toml: exports.dns.prob: unknown",
            "blocklist.toml: exports.dns.path: missing",
        ],
        "a wrong, an unknown and a missing key",
    ),
    (
        {"blocklist.toml": f"{RPZ}action = 'nxdomian'\nactions = {{ spam = 'x', tor = 'drop' }}\n"},
        [
            "blocklist.toml: exports.dns.action: expected one of",
            "blocklist.toml: exports.dns.actions.spam: expected one of",
        ],
        "conditions that depend on the target",
    ),
    (
        {"blocklist.toml": "[feeds.mine]\nurl = 'axfr://a/b'\nformat = 'ips'\nsha256 = 'x'\n"},
        ["blocklist.toml: feeds.mine.format: expected", "blocklist.toml: feeds.mine.sha256: expec"],
        "conditions on several keys",
    ),
    (
        {
            "feeds/a.toml": "url = 'x'\nformat = 'ips'\nreliability = 7\nscope = 'x'\n",
            "feeds/b.toml": "url 'x'\n",
            "feeds/c.toml": "url = 'x'\n",
            "feeds/fine.toml": "url = 'x'\nformat = 'ips'\n",
            "exports/d.toml": "title = 'D'\nkinds = ['name']\nscopes = []\nline = 'no field'\n",
            "blocklist.toml": "[policy]\nwiden = 1\n[exports.d]\ntarget = 'd'\npath = 'd'\n"
            "[exports.a]\ntarget = 'cidr'\npath = 'a'\nfeeds = ['a', 'b', 'c', 'fine']\n",
        },
        [
            "blocklist.toml: policy.widen: expected true or false",
            "feeds/a.toml: reliability: expected",
            "feeds/a.toml: scope: expected",
            "feeds/b.toml: not valid TOML: Expected '='",
            "feeds/c.toml: format: missing",
            "exports/d.toml: kinds[0]: expected one of domain, ip, url, got 'name'",
            "exports/d.toml: scopes: expected a list of at least one scope",
            "exports/d.toml: line: expected one of {value}",
            "exports/d.toml: dialect: missing",
        ],
        "in several files; nothing that refers to them is called unknown",
    ),
    (
        {
            "feeds/a.toml": "url = 'x'\nformat = 'ips'\nreliability = 7\n",
            "blocklist.toml": "[feeds.a]\nenabled = true\n",
        },
        ["feeds/a.toml: reliability: expected"],
        "the file with the mistake is named, not the one that enables the feed",
    ),
    (
        {"feeds/a.toml": "url = 'x'\nformat = 'ips'\n", "blocklist.toml": "[feeds.a]\nscope = 1\n"},
        ["blocklist.toml: feeds.a.scope: expected"],
        "and the other way round",
    ),
    (
        {"feeds/a.toml": "reliability = 7\n", "blocklist.toml": "[feeds.mine"},
        ["blocklist.toml: not valid TOML: Expected ']'", "feeds/a.toml: reliability: expected"],
        "a file that is no TOML does not hide the others",
    ),
    (
        {"feeds/resolved.toml": "url = 'x'\nformat = 'ips'\n"},
        ["feeds/resolved.toml: the program uses this name itself"],
        "a reserved name",
    ),
    (
        {"blocklist.toml": "'a\\nb' = 1\n\"c\\u001b[31m\" = 1\n".replace("'a\\nb'", '"a\\nb"')},
        ["blocklist.toml: 'a\\nb': unknown key", "blocklist.toml: 'c\\x1b[31m': unknown key"],
        "a line stays one line, and the terminal is not changed",
    ),
]


@pytest.mark.parametrize(("files", "expected", "why"), SEVERAL, ids=[why for _, _, why in SEVERAL])
def test_all_mistakes_are_reported_at_once(
    folder: Path, files: dict[str, str], expected: list[str], why: str
) -> None:
    for name, text in files.items():
        write(folder / name, text)
    with pytest.raises(ConfigError) as raised:
        load_config()
    # The configuration in the current folder is found by its name alone.
    lines = [line.removeprefix(f"{folder}/") for line in raised.value.mistakes]
    assert len(lines) == len(expected), (why, lines)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start), why


def test_a_table_of_something_else_is_not_listed_in_full(folder: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(folder, "".join(f"key{number} = {number}\n" for number in range(5000)))
    assert len(raised.value.mistakes) == 101
    assert raised.value.mistakes[-1] == "and 4,900 more mistakes"


def test_the_commands_print_a_line_for_each_mistake(folder: Path) -> None:
    write(folder / "blocklist.toml", "[policy]\nthreshold = 2\nwidden = true\n")
    ended = blocklist(folder, "feeds", "list")
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "blocklist: blocklist.toml: policy.threshold: expected a number from 0 to 1, got 2",
        "blocklist: blocklist.toml: policy.widden: unknown key; did you mean 'widen'?",
    ]
    findings = blocklist(folder, "doctor", "--json").json["findings"]
    assert [finding["what"] for finding in findings] == [
        line.removeprefix("blocklist: ") for line in ended.err.splitlines()
    ]


def test_a_name_is_looked_up_while_the_configuration_has_mistakes(folder: Path) -> None:
    write(folder / "blocklist.toml", "database = 'x.db'\n[policy]\nthreshold = 2\n")
    assert blocklist(folder, "check", "a.example").code == 0
