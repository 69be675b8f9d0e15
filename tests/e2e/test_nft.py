"""The kernel takes an exported file, and the next one takes its place. In a network of its own."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.config.installation import Installation
from blocklist.errors import ExportFailed
from blocklist.export.render.mark_address import MARK_START
from tests.support.exports import export_to, run
from tests.support.networks import IPV4, RELEASE, in_a_network

pytestmark = pytest.mark.e2e("nft", "unshare")

CHECK = ("nft", "-c", "-f", "{file}")


def elements(listing: str) -> dict[str, list[str]]:
    """Return the elements of each set as `nft -j list ruleset` shows them."""
    sets = [item["set"] for item in json.loads(listing)["nftables"] if "set" in item]
    shown_sets = {found["name"]: map(shown, found.get("elem", [])) for found in sets}
    return {
        name: [one for one in shown if one[:5] != MARK_START] for name, shown in shown_sets.items()
    }


def shown(element: object) -> str:
    match element:
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"range": [first, last]}:
            return f"{first}-{last}"
    return str(element)


def test_a_file_passes_the_check_and_loads(tmp_path: Path) -> None:
    export = export_to(tmp_path, "nftables", check=("unshare", "-rn", *CHECK))
    run(export, RELEASE)
    loaded = elements(in_a_network('nft -f "$1"; nft -j list ruleset', export.path))
    assert loaded == {
        "blocklist4": IPV4,
        "blocklist6": ["2001:db8::/32"],
    }


def test_the_next_file_replaces_the_first_and_leaves_the_users_chain(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    run(export_to(first, "nftables"), RELEASE)
    run(export_to(second, "nftables"), "block 203.0.113.0/24")
    script = """
        nft -f "$1"
        nft add chain inet blocklist guard '{ type filter hook forward priority filter - 5; }'
        nft add rule inet blocklist guard ip daddr @blocklist4 counter reject
        nft -f "$2"; nft -f "$2"
        nft -j list ruleset
    """
    paths = first / "nftables.out", second / "nftables.out"
    listing = in_a_network(script, *paths)
    assert elements(listing) == {"blocklist4": ["203.0.113.0/24"], "blocklist6": []}
    assert any("rule" in item for item in json.loads(listing)["nftables"])


def test_a_file_that_the_kernel_refuses_is_undone(tmp_path: Path) -> None:
    good = ("unshare", "-rn", "nft", "-f", "{file}")
    export = replace(export_to(tmp_path, "nftables"), installation=Installation(reload=good))
    first = run(export, RELEASE)
    before = export.path.read_bytes()
    refused = ("unshare", "-rn", "nft", "-f", "{file}.none")
    export = replace(export, installation=Installation(reload=refused))
    with pytest.raises(ExportFailed, match=r"reload failed: unshare: .*No such file"):
        run(export, "block 203.0.113.0/24", first.state, 8)
    assert export.path.read_bytes() == before


def test_an_empty_file_loads(tmp_path: Path) -> None:
    export = export_to(tmp_path, "nftables")
    run(export, "block exact only-a-name.example")
    loaded = elements(in_a_network('nft -f "$1"; nft -j list ruleset', export.path))
    assert loaded == {"blocklist4": [], "blocklist6": []}
