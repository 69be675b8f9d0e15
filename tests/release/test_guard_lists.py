"""Top lists with ranks and suffix lists: from the feed to the verdict, good days and bad ones."""

from pathlib import Path

import pytest

from blocklist.errors import ConfigError
from tests.support.cli import Run, blocklist
from tests.support.releases import all_releases, load_folder

CONFIG = """
[feeds.one]
url = "one.txt"
format = "domains"
reliability = 0.5

[guards.top]
url = "top.csv"
format = "csv"
column = 2
rank_column = 1
rank_limit = 1000000

[guards.public-suffix]
url = "suffixes.dat"
"""
TOP = "1,famous.com\n35102,shop.com\n900000,late.com\n2000000,beyond.com\n"
SUFFIXES = "// ===BEGIN ICANN DOMAINS===\ncom\nco.uk\n// ===BEGIN PRIVATE DOMAINS===\nfree.com\n"
#: So many rules that a loss shows.
MANY = SUFFIXES + "".join(f"s{number}.net\n" for number in range(2000))


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a release of a feed, a top list and a suffix list, to be copied."""
    folder = tmp_path_factory.mktemp("guards")
    listed = "famous.com shop.com late.com beyond.com free.com a.free.com fraud.com next.com"
    for name, text in {
        "blocklist.toml": CONFIG,
        "one.txt": listed.replace(" ", "\n"),
        "top.csv": TOP,
        "suffixes.dat": MANY,
    }.items():
        (folder / name).write_text(text)
    assert blocklist(folder, "run").code == 0
    return folder


def verdict(run: Run, name: str) -> str:
    (answer,) = run("check", name, "--json").json["answers"]
    return f"{answer['verdict']} {answer['reason']}: {answer['cause']}"


SHOP = "hold popular: rank 35,102 of top (of shop.com), needed 0.93, given 0.50"


def test_the_first_release(run: Run) -> None:
    assert verdict(run, "famous.com") == (
        "hold popular: rank 1 of top (of famous.com), always held"
    )
    assert verdict(run, "shop.com") == SHOP
    assert verdict(run, "beyond.com") == "block listed: widened"
    assert verdict(run, "free.com") == "allow protected: a public suffix"
    assert verdict(run, "a.free.com") == "block listed: widened"
    (shop,) = [
        item for item in run("review", "list", "--json").json["items"]
        if item["indicator"] == "shop.com"
    ]  # fmt: skip
    assert shop["rank"] == 35_102
    assert "7 popular: rank 35,102 of top (of shop.com), needed 0.93, given 0.50  <- decides" in (
        run("check", "--explain", "shop.com").out
    )


def test_an_unchanged_day_makes_no_release(run: Run) -> None:
    assert "unchanged" in run("run").err
    assert run("release", "show", "2").code == 2


def test_other_ranks_of_the_same_names_are_judged(run: Run, tmp_path: Path) -> None:
    (tmp_path / "top.csv").write_text(TOP.replace("35102", "9000"))
    assert run("run").code == 0
    assert verdict(run, "shop.com") == "hold popular: rank 9,000 of top (of shop.com), always held"
    (tmp_path / "top.csv").write_text(TOP.replace("35102", "1500000"))
    assert run("run").code == 0
    assert verdict(run, "shop.com") == "block listed: widened"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("name\nfamous.com\nshop.com\nlate.com\n", "no column of ranks"),
        ("famous.com,1\nshop.com,35102\nlate.com,900000\n", "columns in another order"),
        (",famous.com\n,shop.com\n1,late.com\n", "most ranks are missing"),
        ("0,famous.com\n0,shop.com\n0,late.com\n", "zeros"),
        ("-1,famous.com\n-2,shop.com\n-3,late.com\n", "below zero"),
        ("1e5,famous.com\n2.5,shop.com\nx,late.com\n", "no whole numbers"),
        ("99999999999999999999,famous.com\n99999999999,shop.com\n", "gigantic ones"),
        ("<!doctype html>\n<title>Down</title>\n", "a web page"),
    ],
)
def test_a_bad_top_list_is_refused(run: Run, tmp_path: Path, body: str, why: str) -> None:
    (tmp_path / "top.csv").write_text(body)
    assert run("run").code == 4, why
    assert verdict(run, "shop.com") == SHOP, why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("900000,late.com\n2000000,beyond.com\n35102,shop.com\n1,famous.com\n", "another order"),
        (f"{TOP}400000,shop.com\n", "a name twice: the best rank counts"),
        (f"400000,shop.com\n{TOP}", "also if it comes later"),
        (f"{TOP}x,other.com\n", "a row that cannot be read"),
        (f"{TOP}35102,other.com\n", "a rank twice"),
        (TOP.replace("35102", '"35102"'), "quoted"),
    ],
)
def test_a_top_list_in_another_form(run: Run, tmp_path: Path, body: str, why: str) -> None:
    (tmp_path / "top.csv").write_text(body)
    assert run("run").code == 0, why
    assert verdict(run, "shop.com") == SHOP, why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<!doctype html>\n<title>Down</title>\n", "a web page"),
        ("", "empty"),
        ("// nothing but a comment\n", "no rule"),
        (MANY[: len(MANY) // 2], "half of it"),
        ("\0" * 9999, "zeros"),
        ('{"error": "gone"}\n', "JSON"),
        (MANY + "".join(f"evil{number}.com\n" for number in range(2000)), "twice as many rules"),
    ],
)
def test_a_bad_suffix_list_is_refused(run: Run, tmp_path: Path, body: str, why: str) -> None:
    (tmp_path / "suffixes.dat").write_text(body)
    assert run("run").code == 4, why
    assert verdict(run, "free.com") == "allow protected: a public suffix", why
    assert verdict(run, "fraud.com") == "block listed: widened", why


def test_a_changed_suffix_list_is_judged(run: Run, tmp_path: Path) -> None:
    (tmp_path / "suffixes.dat").write_text(MANY.replace("free.com", "next.com"))
    assert run("run").code == 0
    assert verdict(run, "next.com") == "allow protected: a public suffix"
    assert verdict(run, "free.com") == "block listed: widened"
    newest = all_releases(tmp_path)[0]
    # Of a.free.com only the scope changes: it is no registrable domain any more.
    assert (newest.added, newest.removed) == (2, 2), "the gate counts these"


@pytest.mark.parametrize(("name", "code"), [("free.com", 2), ("co.uk", 2), ("fraud.com", 0)])
def test_an_entry_on_a_suffix_of_either_list_asks(run: Run, name: str, code: int) -> None:
    ended = run("allow", "add", name)
    assert ended.code == code
    assert ("is a public suffix" in ended.err) is bool(code)
    assert run("allow", "add", name, "--public-suffix").code == 0


def test_a_block_of_a_famous_name_says_so(run: Run) -> None:
    assert run("block", "add", "shop.com").code == 0
    assert (
        "shop.com is blocked by your entry, although it is popular: "
        "rank 35,102 of top (of shop.com)"
    ) in run("run").err


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ('[feeds.x]\nurl = "x"\nformat = "csv"\nrank_column = 1', "rank_column"),
        ('[guards.x]\nurl = "x"\nformat = "domains"\nrank_column = 1', "rank_column"),
        ('[guards.x]\nurl = "x"\nformat = "csv"\nrank_column = 0', "rank_column"),
        ('[guards.x]\nurl = "x"\nformat = "csv"\nrank_column = 1\nguard = "protected"', "rank_col"),
        ('[guards.x]\nurl = "x"\nformat = "public-suffix"\nguard = "popular"', "x.guard"),
        ('[guards.x]\nurl = "x"\nformat = "domains"\nguard = "public-suffix"', "x.guard"),
        ('[feeds.x]\nurl = "x"\nformat = "public-suffix"', "x.guard"),
        ("[policy]\npopular_score = 1.5", "popular_score"),
        ("[policy]\npopular_always = -1", "popular_always"),
    ],
)
def test_a_configuration_that_means_nothing(tmp_path: Path, table: str, fault: str) -> None:
    (tmp_path / "blocklist.toml").write_text(table)
    with pytest.raises(ConfigError, match=fault):
        load_folder(tmp_path)
