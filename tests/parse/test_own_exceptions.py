"""A list's own exceptions: they narrow the blocks of the same list, and count as read."""

from pathlib import Path

import pytest

from blocklist.parse import parser
from blocklist.parse.parser import parse_snapshot
from tests.support.cli import blocklist
from tests.support.parse_checks import assert_counts, list_indicators
from tests.support.parse_tables import Is, ip, sub

NOTHING: list[Is] = []


@pytest.mark.parametrize(
    ("rules", "expected", "why"),
    [
        ("||a.example^ @@||a.example^", NOTHING, "the same name"),
        ("@@||a.example^ ||a.example^", NOTHING, "in any order"),
        ("||x.a.example^ @@||a.example^", NOTHING, "a block below: an exception wins"),
        ("||a.example^ @@||x.a.example^", [Is("a.example")], "an exception below narrows"),
        ("||b.example^ @@||xb.example^", [sub("b.example")], "another name with the same end"),
        ("||a.example^ @@||b.example^", [sub("a.example")], "another name"),
        ("||a.example^ |a.example^ @@||x.a.example^", [Is("a.example")], "two become one"),
        ("||*.a.example^ @@||x.a.example^", NOTHING, "only names below, and a hole among them"),
        ("||a.example^ @@||*.a.example^", [Is("a.example")], "all names below"),
        ("||a.example^ @@|a.example^", [Is("a.example", "below")], "the name alone"),
        ("||a.example^ @@a.example", NOTHING, "a plain exception"),
        ("||A.example^ @@||a.EXAMPLE.^", NOTHING, "case and a final dot"),
        ("||a.example^$important @@||a.example^", [sub("a.example")], "an important block"),
        ("||a.example^$important @@||a.example^$important", NOTHING, "an important exception"),
        ("||a.example^$important @@||x.a.example^", [sub("a.example")], "also from below"),
        ("||a.example^ @@||a.example^$third-party", [sub("a.example")], "for some pages only"),
        ("||192.0.2.1^ @@||192.0.2.1^", NOTHING, "an address"),
        ("||a.example^ ||a.example^$badfilter", NOTHING, "a rule that is cancelled"),
        ("||a.example^$badfilter ||a.example^", NOTHING, "in any order"),
        ("||A.example^ ||a.example^$badfilter", NOTHING, "in any case"),
        ("||a.example^$important ||a.example^$badfilter", [sub("a.example")], "another text"),
        (
            "||a.example^$important,all ||a.example^$all,badfilter,important",
            NOTHING,
            "modifiers in another order",
        ),
        ("||x.a.example^ ||a.example^$badfilter", [sub("x.a.example")], "never a name below"),
        (
            "||a.example^ @@||a.example^ @@||a.example^$badfilter",
            [sub("a.example")],
            "an exception that is cancelled",
        ),
        ("a.example a.example$badfilter", NOTHING, "a plain name"),
        ("||badfilter.example^", [sub("badfilter.example")], "a name with the word"),
    ],
)
def test_rules_of_adblock(rules: str, expected: list[Is], why: str) -> None:
    parsed = parse_snapshot(rules.replace(" ", "\n").encode(), "adblock")
    assert list_indicators(parsed) == expected, why
    assert_counts(parsed)


@pytest.mark.parametrize(
    ("name", "lines", "expected", "why"),
    [
        ("dnsmasq", "local=/a.example/ server=/x.a.example/#", [Is("a.example")], "a hole"),
        ("dnsmasq", "local=/a.example/ server=/x.a.example/192.0.2.53", [Is("a.example")], "fwd"),
        ("dnsmasq", "local=/x.a.example/ server=/a.example/#", [sub("x.a.example")], "closer"),
        ("dnsmasq", "local=/a.example/ server=/*.a.example/#", [Is("a.example")], "exact"),
        (
            "dnsmasq",
            "server=/a.example/# local=/*.a.example/",
            [Is("a.example", "below")],
            "the rule for names below is closer to them",
        ),
        (
            "unbound",
            "local-zone:a.example.,static local-zone:x.a.example.,always_transparent",
            [Is("a.example")],
            "a hole",
        ),
        (
            "unbound",
            "local-zone:a.example.,always_transparent local-zone:x.a.example.,static",
            [sub("x.a.example")],
            "the closer zone decides",
        ),
        (
            "rpz",
            "a.example,CNAME,. *.a.example,CNAME,. x.a.example,CNAME,rpz-passthru.",
            [Is("a.example")],
            "a hole",
        ),
        (
            "rpz",
            "*.a.example,CNAME,rpz-passthru. x.a.example,CNAME,.",
            [Is("x.a.example")],
            "the closer record decides",
        ),
        (
            "rpz",
            "30.0.2.0.192.rpz-ip,CNAME,. 32.1.2.0.192.rpz-ip,CNAME,rpz-passthru.",
            [ip("192.0.2.0"), ip("192.0.2.2/31")],
            "an address in a network",
        ),
        (
            "ips",
            "add,x,192.0.2.0/30 add,x,192.0.2.1,nomatch",
            [ip("192.0.2.0"), ip("192.0.2.2/31")],
            "an address that ipset leaves out",
        ),
    ],
)
def test_exceptions_of_other_formats(name: str, lines: str, expected: list[Is], why: str) -> None:
    text = lines.replace(" ", "\n").replace(",", " ")
    assert list_indicators(parse_snapshot(text.encode(), name)) == expected, why


def test_exceptions_are_counted_and_do_not_count_against_a_list() -> None:
    body = b"||a.example^\n@@||x.a.example^\n||b.example^\n@@||b.example^\n||c.example^$badfilter\n"
    parsed = parse_snapshot(body, "adblock")
    assert parsed.dropped_counts == {"exempted": 1, "narrowed-to-exact": 1}
    assert parsed.refusal_counts == {"exception": 2, "cancelled": 1}
    assert parsed.share_accepted == 1.0
    assert parsed.exempting.to_list() == ["a.example"]


def test_exceptions_reach_all_pieces_of_a_long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def split_small(text: bytes) -> list[bytes]:
        return [line + b"\n" for line in text.splitlines()]

    monkeypatch.setattr(parser, "iter_text_pieces", split_small)
    body = b"||a.example^\n||b.example^\n||c.example^\n@@||a.example^\n||b.example^$badfilter\n"
    assert list_indicators(parse_snapshot(body, "adblock")) == [sub("c.example")]


def test_an_exception_reaches_no_other_list_and_is_not_widened(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(
        "||easy-host.top^\n@@||kb.easy-host.top^\n||gone.top^\n@@||gone.top^\n"
    )
    (tmp_path / "two.txt").write_text("kb.easy-host.top\ngone.top\n")
    feed = '[feeds.{0}]\nurl = "{0}.txt"\nformat = "{1}"\n'
    config = tmp_path / "blocklist.toml"
    names = ["easy-host.top", "x.easy-host.top", "kb.easy-host.top", "gone.top"]
    for feeds, blocked in (
        ([feed.format("one", "adblock")], [True, False, False, False]),
        ([feed.format("one", "adblock"), feed.format("two", "domains")], [True, False, True, True]),
    ):
        config.write_text("".join(feeds))
        assert blocklist(tmp_path, "run").code == 0
        answers = blocklist(tmp_path, "check", "--json", *names).json["answers"]
        assert [answer["verdict"] == "block" for answer in answers] == blocked
