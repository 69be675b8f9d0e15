"""Addresses behind blocked names: blocked only if no other name uses them."""

from pathlib import Path

import polars as pl
import pytest

from blocklist.ledger.db.connection import open_read_write
from blocklist.resolve.dedicated_addresses import AddressObservations, classify_addresses
from tests.support.cli import Run, blocklist
from tests.support.resolver_server import FakeResolver, Play, has

OURS, SHARED, CDN, HELD, KNOWN = (
    "45.95.168.7", "45.95.168.8", "104.16.1.1", "45.95.168.9", "45.95.168.10",
)  # fmt: skip
FIVE = [f"fraud{number}.top" for number in range(5)]
NAMES = {
    **dict.fromkeys(FIVE, OURS),
    # Of the same domain: one voice with it.
    "login.fraud0.top": OURS,
    "few1.top": SHARED,
    "few2.top": SHARED,
    **dict.fromkeys((f"cdn{number}.top" for number in range(6)), CDN),
    **dict.fromkeys((f"held{number}.top" for number in range(5)), HELD),
    **dict.fromkeys((f"known{number}.top" for number in range(5)), KNOWN),
    "famous.top": HELD,
}
CONFIG = """
[policy]
widen = false
[feeds.fraud]
url = "fraud.txt"
format = "domains"
[guards.popular]
url = "popular.txt"
format = "domains"
[resolve]
timeout = 2
rate = 0
addresses = true
passive = ["passive.txt"]
[exports.plain]
target = "cidr"
path = "plain.txt"
[exports.names]
target = "cidr"
path = "names.txt"
behind_names = true
"""
PASSIVE = f"""
# what the own network has seen
our-baker.top {KNOWN} 3 times
{OURS},www.fraud1.top
nonsense
"""


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder where a first release is out, to be copied."""
    folder = tmp_path_factory.mktemp("addresses")
    (folder / "blocklist.toml").write_text(CONFIG)
    (folder / "fraud.txt").write_text("\n".join(NAMES))
    (folder / "popular.txt").write_text("famous.top")
    (folder / "passive.txt").write_text(PASSIVE)
    assert blocklist(folder, "run").code == 0
    return folder


def looked(run: Run) -> str:
    plays: dict[str, Play] = {name: has(address) for name, address in NAMES.items()}
    with FakeResolver(plays) as one:
        ended = run("resolve", "--server", str(one))
    assert ended.code == 0, ended
    assert run("run").code == 0
    return ended.out


def entries(path: str) -> set[str]:
    if not Path(path).exists():
        return set()
    return {line for line in Path(path).read_text().splitlines() if line and line[0] != "#"}


def test_five_on_one_address_give_a_block_and_names_on_shared_ones_none(run: Run) -> None:
    said = looked(run)
    assert "addresses: 1 blocked, 4 spared" in said
    found = {
        one["query"]: one for one in run("check", "--json", *set(NAMES.values())).json["answers"]
    }
    assert {query: one["verdict"] for query, one in found.items()} == {
        OURS: "block", SHARED: "clear", CDN: "clear", HELD: "clear", KNOWN: "clear",
    }  # fmt: skip
    (listing,) = found[OURS]["listings"]
    assert listing["feed"] == "resolved"
    assert listing["evidence"].startswith("5 blocked domains: fraud0.top, fraud1.top, ")
    assert found[OURS]["facts"]["until"] > listing["since"]
    why = {query: one["facts"]["not_blocked"] for query, one in found.items() if query != OURS}
    assert why == {
        SHARED: "2 of 5 blocked domains that it takes",
        CDN: "in a guarded network: shared: Cloudflare",
        HELD: "other names are on it, such as famous.top",
        KNOWN: "other names are on it, such as our-baker.top",
    }
    assert "not blocked for its names: in a guarded network" in run("check", CDN).out


def test_only_exports_that_ask_get_them(run: Run) -> None:
    looked(run)
    assert entries("plain.txt") == set()
    assert entries("names.txt") == {OURS}


def test_one_that_a_feed_lists_too_is_in_every_export(run: Run) -> None:
    with Path("blocklist.toml").open("a") as file:
        file.write('[feeds.servers]\nurl = "servers.txt"\nformat = "ips"\n')
    Path("servers.txt").write_text(OURS)
    looked(run)
    assert entries("plain.txt") == {OURS}


def test_it_ends_when_its_names_were_not_seen_lately(run: Run) -> None:
    looked(run)
    with open_read_write(Path("blocklist.db")) as opened:
        opened.execute("UPDATE address SET until = '2026-01-01T00:00:00Z'")
        opened.execute("UPDATE fact SET checked = '2026-01-01T00:00:00Z'")
    run("block", "add", "other.top")
    assert run("release", "build").code == 0
    (answer,) = run("check", "--json", OURS).json["answers"]
    assert answer["verdict"] == "clear"
    assert answer["listings"][0]["until"] is not None


def test_without_the_passive_data_nothing_new_is_blocked(run: Run) -> None:
    Path("passive.txt").unlink()
    with FakeResolver({name: has(address) for name, address in NAMES.items()}) as one:
        ended = run("resolve", "--server", str(one))
    assert (ended.code, "correct resolve.passive" in ended.err) == (2, True)
    run("run")
    assert run("check", OURS).code == 0


def test_passive_data_in_a_form_that_is_not_read_is_no_empty_data(run: Run) -> None:
    Path("passive.txt").write_text(f'{{"rrname": "our-baker.top", "rdata": "{KNOWN}"}}\n')
    with FakeResolver({name: has(address) for name, address in NAMES.items()}) as one:
        ended = run("resolve", "--server", str(one))
    assert (ended.code, "no line begins with a name and an address" in ended.err) == (2, True)
    run("run")
    assert run("check", KNOWN).code == 0
    Path("passive.txt").write_text("# nothing seen yet\n\n")
    assert run("run").code == 0


def test_a_famous_name_that_was_seen_there_long_ago_counts(run: Run) -> None:
    looked(run)
    Path("fraud.txt").write_text("\n".join(set(NAMES) - {"famous.top"}))
    assert run("run").code == 0
    with open_read_write(Path("blocklist.db")) as opened:
        opened.execute("UPDATE address SET until = '2026-01-01T00:00:00Z' WHERE reason IS NULL")
        sql = "UPDATE fact SET checked = '2026-01-01T00:00:00Z', addresses = ? WHERE name = ?"
        opened.execute(sql, [f'["{OURS}"]', "famous.top"])
    assert run("release", "build").code == 0
    facts = run("check", "--json", OURS).json["answers"][0]["facts"]
    assert facts["not_blocked"] == "other names are on it, such as famous.top"


def test_addresses_that_a_person_took_back_do_not_come_again_while_pinned(run: Run) -> None:
    looked(run)
    with open_read_write(Path("blocklist.db")) as opened:
        opened.execute("UPDATE listing_row SET until = since WHERE value = ?", [OURS])
        opened.execute(
            "INSERT INTO pin (run_id, feed_id, created, reason) "
            "SELECT 1, id, '2026-01-01T00:00:00Z', '' FROM feed WHERE name = 'resolved'"
        )
        opened.execute("DELETE FROM last_judged")  # no snapshot tells of what is changed by hand
    with FakeResolver({name: has(address) for name, address in NAMES.items()}) as one:
        for verdict, pinned in (("clear", True), ("block", False)):
            if not pinned:
                assert run("release", "unpin", "--feed", "resolved").code == 0
            assert run("resolve", *FIVE, "--server", str(one)).code == 0
            assert run("release", "build").code == 0
            assert run("check", "--json", OURS).json["answers"][0]["verdict"] == verdict


def test_an_export_can_only_ask_for_what_is_made(run: Run) -> None:
    path = Path("blocklist.toml")
    path.write_text(path.read_text().replace("addresses = true", ""))
    assert "set resolve.addresses" in run("run").err
    path.write_text(f"{CONFIG}[feeds.resolved]\nurl = 'x'\nformat = 'ips'\n")
    assert "feeds.resolved: the program uses this name itself" in run("run").err


def seen(*rows: tuple[str, str, str]) -> AddressObservations:
    blocked = [(address, domain, domain, until) for address, domain, until in rows]
    schema = ["address", "name", "domain", "until"]
    return AddressObservations(
        pl.DataFrame(blocked, schema=dict.fromkeys(schema, pl.String), orient="row"),
        pl.DataFrame(schema={"address": pl.String, "name": pl.String}),
    )


NONE = pl.DataFrame(schema={"value": pl.String, "source": pl.String})


def test_it_holds_until_too_few_sightings_are_fresh() -> None:
    rows = [(OURS, f"d{day}.top", f"2026-05-{day:02}") for day in (3, 9, 5, 7)]
    (row,) = classify_addresses(seen(*rows), NONE, 3).to_dicts()
    assert (row["until"], row["domains"], row["reason"]) == ("2026-05-05", 4, None)


@pytest.mark.parametrize(
    ("address", "guard", "why"),
    [
        ("45.95.168.7", "45.95.160.0/20", "a guard's network around it"),
        ("2a04:4e42::7", None, "a shared network of IPv6"),
        ("199.59.243.1", None, "parking"),
        ("184.105.192.2", None, "a sinkhole"),
        ("127.0.0.1", None, "nowhere"),
    ],
)
def test_networks_of_others(address: str, guard: str | None, why: str) -> None:
    del why
    rows = [(address, f"d{number}.top", "2026-05-03") for number in range(9)]
    guards = [(guard, "mine")] if guard else []
    guarded = pl.DataFrame(guards, schema=NONE.schema, orient="row")
    (row,) = classify_addresses(seen(*rows), guarded, 5).to_dicts()
    assert row["reason"].startswith("in a guarded network: ")
