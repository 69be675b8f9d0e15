"""The kernel takes the files for ipset and iptables, and the next ones take their place."""

from pathlib import Path

import pytest

from tests.support.exports import export_to, run
from tests.support.networks import IPV4, RELEASE, in_a_network

NEXT = "block 203.0.113.0/24"
MARK = " 100::"


def list_rules(listing: str) -> list[str]:
    """Return the rules of the chain, without the mark."""
    rules = (line for line in listing.splitlines() if line.startswith("-A BLOCKLIST"))
    return [line for line in rules if "--comment" not in line]


@pytest.mark.e2e("ipset", "unshare")
def test_sets_are_swapped(tmp_path: Path) -> None:
    first, second = (export_to(tmp_path / name, "ipset") for name in ("first", "second"))
    run(first, RELEASE)
    run(second, NEXT)
    script = """
        ipset restore -file "$1"; ipset save; echo ----
        ipset restore -file "$2"; ipset restore -file "$2"; ipset save
    """
    before, after = in_a_network(script, first.path, second.path).split("----")
    added = {line for line in before.splitlines() if line.startswith("add") and MARK not in line}
    assert added == {*(f"add blocklist4 {net}" for net in IPV4), "add blocklist6 2001:db8::/32"}
    assert after.count("create") == 2, "no set is left over"
    added = {line for line in after.splitlines() if line.startswith("add") and MARK not in line}
    assert added == {"add blocklist4 203.0.113.0/24"}


@pytest.mark.slow
@pytest.mark.e2e("ipset", "unshare")
def test_a_set_of_more_than_65536(tmp_path: Path) -> None:
    export = export_to(tmp_path, "ipset")
    rows = [f"block 10.{n >> 15}.{n >> 7 & 255}.{(n & 127) * 2}" for n in range(70_000)]
    run(export, "\n".join(rows))
    out = in_a_network('ipset restore -file "$1"; ipset save | grep -c ^add', export.path)
    assert int(out) == len(rows) + 1, "and the mark"


@pytest.mark.e2e("iptables-restore", "ip6tables-restore", "unshare")
def test_one_file_serves_both_families(tmp_path: Path) -> None:
    first, second = (export_to(tmp_path / name, "iptables") for name in ("first", "second"))
    run(first, RELEASE)
    run(second, NEXT)
    script = """
        iptables -A FORWARD -s 10.0.0.1 -j ACCEPT
        for file in "$1" "$1" "$2"; do
            iptables-restore --noflush --test "$file"
            iptables-restore --noflush "$file"; ip6tables-restore --noflush "$file"
            iptables -S; ip6tables -S; echo ----
        done
    """
    _, again, last, _ = in_a_network(script, first.path, second.path).split("----")
    rules = list_rules(again)
    assert len(rules) == 2 * (len(IPV4) + 1), "loading twice doubles nothing"
    assert "-A BLOCKLIST -d 192.0.2.76/32 -j DROP" in rules
    assert "-A BLOCKLIST -s 2001:db8::/32 -j DROP" in rules
    assert "-A FORWARD -s 10.0.0.1/32 -j ACCEPT" in again, "the rest stays"
    assert list_rules(last) == [
        "-A BLOCKLIST -s 203.0.113.0/24 -j DROP",
        "-A BLOCKLIST -d 203.0.113.0/24 -j DROP",
    ]
