"""Parsing that depends on more than one line: zones, header rows, paths, pieces of a text."""

import json
import re
import subprocess
import sys
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.config.feeds import build_feed
from blocklist.errors import ConfigError
from blocklist.frames.parallel import iter_text_pieces
from blocklist.parse import parser
from blocklist.parse.options import ParseOptions
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.registry import load_format, load_formats
from blocklist.parse.result import ParseResult
from blocklist.plugins import FORMAT_EXTENSIONS
from tests.support.parse_checks import list_indicators
from tests.support.parse_tables import TABLE, Is, event, ip, sub, url

# --- rpz --------------------------------------------------------------------------------------

SOA = "@ IN SOA localhost. root.localhost. 1 2 3 4 5\n"


@pytest.mark.parametrize(
    ("zone", "expected", "why"),
    [
        ("a.example CNAME .\n*.a.example CNAME .\n", [sub("a.example")], "x and *.x: the subtree"),
        ("*.A.example CNAME .\na.example CNAME .\n", [sub("a.example")], "in any order and case"),
        (
            "*.a.example CNAME .\na.example CNAME rpz-passthru.\n",
            [Is("a.example", "below")],
            "a pass-through is no part of a subtree",
        ),
        (
            "*.a.example CNAME .\nb.a.example CNAME .\n",
            [Is("a.example", "below"), Is("b.a.example")],
            "another name",
        ),
        ("$ORIGIN rpz.test.\n" + SOA + "a.example CNAME .\n", [Is("a.example")], "$ORIGIN"),
        (
            "rpz.test. 60 IN SOA a. b. 1 2 3 4 5\na.example.RPZ.test. 60 IN CNAME .\n",
            [Is("a.example")],
            "absolute owners, as dig writes them",
        ),
        (
            "$ORIGIN rpz.test.\n" + SOA + "$ORIGIN example.rpz.test.\na CNAME .\n*.a CNAME .\n",
            [sub("a.example")],
            "an $ORIGIN below the zone",
        ),
        ("$ORIGIN rpz.test.\na.other.test. CNAME .\n", [], "not in the zone"),
        ("$ORIGIN .\nrpz.test SOA a. b. 1 2 3 4 5\nb.example CNAME .\n", [Is("b.example")], "root"),
        (
            SOA + "  NS localhost.\na.example A 0.0.0.0\n\tAAAA ::\n",
            [Is("a.example")],
            "omitted owner",
        ),
        (
            "@ SOA a. b. (\n  1 ; serial\n  1h 15m\n  30d 2h )\n  NS a.\na.example CNAME .\n",
            [Is("a.example")],
            "a SOA over several lines",
        ),
    ],
)
def test_a_zone(zone: str, expected: list[Is], why: str) -> None:
    parsed = parse_snapshot(zone.encode(), "rpz")
    assert list_indicators(parsed) == expected, why
    assert set(parsed.refusal_counts) <= {"exception", "outside-zone"}, why


def test_the_zone_as_an_option() -> None:
    body = b"a.example.rpz.test. CNAME .\n"
    assert list_indicators(parse_snapshot(body, "rpz", ParseOptions(zone="RPZ.test."))) == [
        Is("a.example")
    ]
    assert parse_snapshot(body, "rpz").refusal_counts == {"outside-zone": 1}


def test_redirects_of_a_zone_are_counted() -> None:
    body = b"a.example CNAME garden.example.\nb.example A 0.0.0.0\nc.example A 192.0.2.1\n"
    assert parse_snapshot(body, "rpz").dropped_counts == {"redirect-address": 2}


def test_local_data_does_not_count_against_a_feed() -> None:
    body = b'local-zone: "a.example" redirect\nlocal-data: "a.example A 192.0.2.1"\n' * 2
    parsed = parse_snapshot(body, "unbound")
    assert parsed.refusal_counts == {"local-data": 2}
    assert parsed.share_accepted == 1.0


# --- csv --------------------------------------------------------------------------------------

URLHAUS = """\
# a comment
# id,url,url_status,tags
"1","http://a.example/x","online","x,y"
"2","http://b.example/x","offline",""
"3","http://c.example/x","unknown"
"""


@pytest.mark.parametrize(
    ("options", "expected", "why"),
    [
        (ParseOptions(column_name="url"), "abc", "by name"),
        (ParseOptions(column=2), "abc", "by number"),
        (ParseOptions(column_name="url", filters=("url_status=online",)), "a", "rows of a value"),
        (ParseOptions(column=2, filters=("3=online",)), "a", "the same by number"),
        (
            ParseOptions(column_name="url", filters=("url_status=online", "url_status = unknown")),
            "ac",
            "either value",
        ),
        (
            ParseOptions(column_name="url", filters=("url_status=online", "id=2")),
            "",
            "both columns",
        ),
        (ParseOptions(column=2, filters=("4=x,y",)), "a", "a separator in quotes"),
        (
            ParseOptions(column=2, filters=("4=",)),
            "b",
            "an empty value",
        ),
        (ParseOptions(column_name="host"), "", "no such column"),
        (
            ParseOptions(column_name="url", filters=("state=online",)),
            "",
            "no such filter column",
        ),
    ],
)
def test_columns(options: ParseOptions, expected: str, why: str) -> None:
    parsed = parse_snapshot(URLHAUS.encode(), "csv", options)
    assert list_indicators(parsed) == [url(f"http://{name}.example/x") for name in expected], why
    assert parsed.lines == 5
    assert parsed.comments == 2


def test_a_column_with_the_scope() -> None:
    body = b"scope,value\nsubtree,a.example\nbelow,b.example\nwide,c.example\nexact,192.0.2.1\n"
    options = ParseOptions(column_name="value", scope_column="scope")
    parsed = parse_snapshot(body, "csv", options)
    assert list_indicators(parsed) == [
        sub("a.example"),
        Is("b.example", "below"),
        ip("192.0.2.1"),
    ]
    assert parsed.refusal_counts == {"header": 1, "unknown-scope": 1}


def test_objects_with_a_scope() -> None:
    entries = [{"n": "a.example", "s": "subtree"}, {"n": "b.example"}, {"n": "c.example", "s": 7}]
    options = ParseOptions(path="[].{value: n, scope: s}")
    parsed = parse_snapshot(json.dumps([*entries, {"n": None}]).encode(), "json", options)
    assert list_indicators(parsed) == [sub("a.example"), Is("b.example")]
    assert parsed.refusal_counts == {"not-a-text": 1, "unknown-scope": 1}


def test_filtered_rows_do_not_count_against_a_feed() -> None:
    options = ParseOptions(column_name="url", filters=("url_status=online",))
    parsed = parse_snapshot(URLHAUS.encode(), "csv", options)
    assert parsed.refusal_counts == {"filtered": 2}
    assert parsed.share_accepted == 1.0


def test_a_header_that_is_no_comment() -> None:
    body = b"rank;host\n1;a.example\n"
    parsed = parse_snapshot(body, "csv", ParseOptions(column_name="host", separator=";"))
    assert list_indicators(parsed) == [Is("a.example")]
    assert parsed.refusal_counts == {"header": 1}


def test_the_comment_mark_of_a_feed() -> None:
    parsed = parse_snapshot(b"% a.example\nb.example\n", "domains", ParseOptions(comment="%"))
    assert list_indicators(parsed) == [Is("b.example")]
    assert parsed.comments == 1


# --- misp -------------------------------------------------------------------------------------


def test_a_value_that_was_deleted_and_added_again() -> None:
    gone, back = (event(("domain", "a.example"), deleted=mark) for mark in (True, False))
    parsed = parse_snapshot(f"[{gone}, {back}]".encode(), "misp")
    assert list_indicators(parsed) == [Is("a.example")]
    assert parsed.refusal_counts == {"deleted": 1}
    assert parsed.share_accepted == 1.0, "what was deleted does not count against the feed"


# --- stix -------------------------------------------------------------------------------------


def version(name: str, day: int | None, **fields: object) -> dict[str, object]:
    """Return a version of one indicator, modified on a day of May 2026."""
    modified = {} if day is None else {"modified": f"2026-05-{day:02}T00:00:00.000Z"}
    pattern = f"[domain-name:value = '{name}.example']"
    return {"type": "indicator", "id": "indicator--1", "pattern": pattern, **modified, **fields}


@pytest.mark.parametrize(
    ("versions", "expected", "why"),
    [
        ([version("a", 1), version("b", 2)], ["b"], "the latest counts"),
        ([version("b", 2), version("a", 1)], ["b"], "in any order"),
        ([version("a", 1), version("a", 2, revoked=True)], [], "the latest is revoked"),
        ([version("a", 2, revoked=True), version("a", 1)], [], "also if it comes first"),
        ([version("a", 1, revoked=True), version("a", 1)], [], "of equal times the revoked one"),
        (
            [version("a", 1), version("a", 2, valid_until="2020-01-01T00:00:00Z")],
            [],
            "the latest has expired",
        ),
        ([version("a", 1), version("b", 1)], ["b"], "of equal times the later one"),
        ([version("a", None), version("b", None)], ["b"], "without times the later one"),
        ([version("b", 1), version("a", None)], ["b"], "without a time the oldest"),
        ([version("b", 1), version("a", 2, modified="soon")], ["b"], "no time"),
        (
            [version("b", 1, modified="2026-05-01T02:00:00+01:00"), version("a", 1)],
            ["b"],
            "in another zone",
        ),
        (
            [version("a", 1), version("b", 2, id="Indicator--1")],
            ["b"],
            "an id in another case",
        ),
        ([version("a", 1), version("b", 2, id="indicator--2")], ["a", "b"], "two objects"),
        ([version("a", 1, id=None), version("b", 2, id=None)], ["a", "b"], "objects without id"),
        ([version("a", 1), version("x", 2, type="malware")], [], "the latest is another kind"),
        ([version("a", 1), version("x", 2, pattern="[")], [], "the latest is not readable"),
        (
            [version("a", 1, created="2026-05-09T00:00:00Z"), version("b", 2)],
            ["b"],
            "`modified` counts, not `created`",
        ),
    ],
)
def test_versions_of_an_object(
    versions: list[dict[str, object]], expected: list[str], why: str
) -> None:
    body = json.dumps({"type": "bundle", "objects": versions}).encode()
    parsed = parse_snapshot(body, "stix")
    assert list_indicators(parsed) == [Is(f"{name}.example") for name in expected], why
    assert parsed.lines == len(versions)


# --- json -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "path", "expected", "why"),
    [
        (
            '[{"d": "a.example"}, {"d": "b.example"}]',
            "[].d",
            [Is("a.example"), Is("b.example")],
            "",
        ),
        ('{"d": ["a.example"], "i": ["192.0.2.1"]}', "i", [ip("192.0.2.1")], "one of several"),
        ('{"a.example": 1}', "keys(@)", [Is("a.example")], "the keys of an object"),
        ('{"d": "a.example"}', "d", [Is("a.example")], "a lone text"),
        (
            '{"d": "a.example"}\n{"d": "b.example"}\n',
            "d",
            [Is("a.example"), Is("b.example")],
            "lines",
        ),
        ('[{"d": "a.example", "on": true}, {"d": "b.example"}]', "[?on].d", [Is("a.example")], "?"),
        ('{"d": ["a.example"]}', "e", "not-found", "nothing there"),
        ('{"d": ["a.example"]}', "length(d)", "not-found", "a number"),
        ('{"d": 7}', "keys(d)", "not-found", "a function for objects only"),
        ('{"d": [["a.example"]]}', "d", "not-a-text", "nested arrays"),
    ],
)
def test_paths(body: str, path: str, expected: list[Is] | str, why: str) -> None:
    parsed = parse_snapshot(body.encode(), "json", ParseOptions(path=path))
    if isinstance(expected, str):
        assert list(parsed.refusal_counts) == [expected], why
    else:
        assert list_indicators(parsed) == expected, why


def test_a_document_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blocklist.parse.json_documents.MAX_DOCUMENT_BYTES", 10)
    for name in ("json", "misp", "stix"):
        assert parse_snapshot(b'["a.example"]', name).refusal_counts == {"document-too-large": 1}


def test_other_attributes_do_not_count_against_an_event() -> None:
    parsed = parse_snapshot(event(("md5", "0" * 32), ("domain", "a.example")).encode(), "misp")
    assert parsed.refusal_counts == {"other-kind": 1}
    assert parsed.share_accepted == 1.0


# --- Pieces -----------------------------------------------------------------------------------

text = st.lists(
    st.sampled_from([row[1] for row in TABLE] + ["$ORIGIN x.", "\ta A 0.0.0.0", "x,y"]), max_size=12
)
PIECEWISE = sorted(each.name for each in load_formats().values() if not each.needs_whole_text)


def summarize(parsed: ParseResult, name: str) -> tuple[object, ...]:
    """Return the parts of a result; for zones without scopes, which depend on the piece."""
    columns = ["value", "line"] if name == "rpz" else parsed.indicators.columns
    refused = parsed.refusals.rows()
    listed = parsed.indicators.select(columns).unique(maintain_order=True).rows()
    return parsed.lines, parsed.accepted, parsed.comments, refused, listed


RANKED = """rank,name
7,a.example
1,a.example
50,b.example
51,c.example
0,d.example
-3,e.example
x,f.example
,g.example
1.5,h.example
99999999999,i.example
 4 ,j.example
3;k.example
"""


@pytest.mark.parametrize("size", [1_000, 20], ids=["whole", "pieces"])
def test_ranks_are_read_from_their_column(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "iter_text_pieces", partial(iter_text_pieces, size=size))
    options = ParseOptions(column=2, rank_column=1, rank_limit=50)
    parsed = parse_snapshot(RANKED.encode(), "csv", options)
    ranks = dict(parsed.indicators.select("value", "rank").iter_rows())
    assert ranks == {"a.example": 1, "b.example": 50, "j.example": 4}, "the best rank counts"
    assert parsed.refusal_counts == {"bad-rank": 7, "beyond-rank-limit": 1, "no-such-column": 1}
    assert parsed.dropped_counts == {"duplicate": 1}
    assert parsed.accepted + parsed.refusals.height == parsed.lines


@given(
    lines=text,
    name=st.sampled_from(PIECEWISE),
    size=st.integers(1, 80),
    options=st.builds(
        ParseOptions,
        rank_limit=st.none() | st.integers(1, 5),
        column_name=st.sampled_from(["", "x"]),
    ),
)
def test_pieces_give_the_same_result_as_the_whole(
    lines: list[str], name: str, size: int, options: ParseOptions
) -> None:
    # A header row is searched in the first piece.
    body = "\n".join(["x,y", *lines]).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parser, "iter_text_pieces", partial(iter_text_pieces, size=size))
        by_pieces = parse_snapshot(body, name, options)
    assert summarize(by_pieces, name) == summarize(parse_snapshot(body, name, options), name)


@given(
    body=st.binary(max_size=60).map(lambda body: body.replace(b"\1", b"\n")), size=st.integers(1, 9)
)
def test_pieces_are_whole_lines(body: bytes, size: int) -> None:
    pieces = list(iter_text_pieces(body, size))
    assert b"".join(pieces) == body
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])


# --- Options of a feed -------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"filters": ["online"]}, "filters[0]: expected a text such as"),
        ({"filters": ["=online"]}, "filters[0]: expected a text such as"),
        ({"comment": ""}, "comment: expected at least one character"),
        ({"path": "[?"}, "path: expected a JMESPath expression"),
    ],
)
def test_invalid_options_are_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build_feed("x", {"url": "x", "format": "csv", **table}, "x: ")


def test_options_of_a_feed_reach_the_parser() -> None:
    keys: dict[str, object] = {
        "column_name": "url",
        "filters": ["a=b"],
        "comment": "%",
        "path": "[].x",
        "zone": "rpz.example",
    }
    feed = build_feed("x", {"url": "x", "format": "csv", **keys}, "x: ")
    assert feed.parse_options == ParseOptions(
        column_name="url", filters=("a=b",), comment="%", path="[].x", zone="rpz.example"
    )


@pytest.mark.parametrize("name", FORMAT_EXTENSIONS.builtin_names())
def test_every_module_of_formats_defines_a_format_of_its_name(name: str) -> None:
    assert load_format(name).name == name


def test_ranks_of_detection_are_all_different() -> None:
    ranks = [each.detection_rank for each in load_formats().values()]
    assert ranks[:3] == [10, 20, 30]
    assert ranks[-1] is None
    ranked = [rank for rank in ranks if rank is not None]
    assert len(set(ranked)) == len(ranked), "in a tie, the name would decide"


def test_names_of_formats_are_known_without_loading_any() -> None:
    code = """
import sys
from blocklist.plugins import FORMAT_EXTENSIONS
assert FORMAT_EXTENSIONS.has("hosts") and FORMAT_EXTENSIONS.has("stix")
assert not [name for name in ("polars", "importlib.metadata") if name in sys.modules]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
