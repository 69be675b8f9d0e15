"""Real kernels that lost their list, in part or whole: found, loaded again, changed by elements."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.config.exports import Export
from blocklist.config.installation import Installation
from blocklist.errors import ExportFailed
from blocklist.export.kernel.look import look_at_kernel
from blocklist.export.update import confirm_loaded
from tests.support.examples import at_most
from tests.support.exports import export_to, run
from tests.support.networks import RELEASE, kept_network, run_in

pytestmark = pytest.mark.e2e("nft", "ipset", "iptables-restore", "unshare", "nsenter")

Network = tuple[str, ...]
LOAD = {
    "nftables": ("nft", "-f"),
    "ipset": ("ipset", "restore", "-file"),
    "iptables": ("iptables-restore", "--noflush"),
}
LIST = {
    "nftables": "nft list table inet blocklist",
    "ipset": "ipset save blocklist4 | sort; ipset save blocklist6 | sort",
}
DELETE_V4 = "192.0.2.0/26 192.0.2.64/29 192.0.2.72/30 192.0.2.76 192.0.2.78/31 192.0.2.80/28"
LOSSES = [
    ("nftables", "nft flush ruleset", "a reboot"),
    ("nftables", "nft delete table inet blocklist", "the table is gone"),
    ("nftables", "nft flush set inet blocklist blocklist4", "an empty set beside the mark"),
    ("nftables", "nft flush set inet blocklist blocklist6", "an empty set with the mark"),
    (
        "nftables",
        f"for n in {DELETE_V4}; do nft delete element inet blocklist blocklist4 {{ $n }}; done",
        "most elements deleted by hand",
    ),
    ("ipset", "ipset destroy", "a reboot"),
    ("ipset", "ipset flush blocklist4", "an empty set beside the mark"),
    ("ipset", "ipset flush blocklist6", "an empty set with the mark"),
    ("ipset", f"for n in {DELETE_V4}; do ipset del blocklist4 $n; done", "deleted by hand"),
    ("iptables", "iptables -F BLOCKLIST; iptables -X BLOCKLIST", "a reboot"),
    ("iptables", "iptables -F BLOCKLIST", "an empty chain"),
    ("iptables", "for n in 1 2 3 4 5 6 7 8 9 10; do iptables -D BLOCKLIST 2; done", "by hand"),
]


@pytest.fixture
def network() -> Iterator[Network]:
    with kept_network() as words:
        yield words


def export_into(network: Network, folder: Path, target: str, **changes: object) -> Export:
    """Return an export that loads into the kernel of a network, and looks into it."""
    keys: dict[str, object] = {"reload": (*network, *LOAD[target], "{file}"), "look_with": network}
    installation = Installation(**{**keys, **changes})  # type: ignore[arg-type]
    return replace(export_to(folder, target), installation=installation)


@pytest.mark.parametrize(("target", "loss", "why"), LOSSES)
def test_a_lost_list_is_found_and_loaded_again(
    tmp_path: Path, network: Network, target: str, loss: str, why: str
) -> None:
    export = export_into(network, tmp_path, target)
    result = run(export, RELEASE)
    assert look_at_kernel(export, result.state).release == 7
    run_in(network, loss)
    assert look_at_kernel(export, result.state).fault, why
    again = confirm_loaded(export, result)
    assert [server.release for server in again.servers or ()] == [7], again
    assert "the file is loaded again" in again.said[0]


@pytest.mark.parametrize("target", LOAD)
def test_an_older_list_is_found(tmp_path: Path, network: Network, target: str) -> None:
    export = export_into(network, tmp_path, target)
    first = run(export, RELEASE)
    second = run(export, "block 203.0.113.0/24", first.state, 8)
    assert look_at_kernel(export, second.state).release == 8
    assert look_at_kernel(export, first.state).fault


def test_a_list_that_reload_does_not_load_is_a_failure(tmp_path: Path, network: Network) -> None:
    export = export_into(network, tmp_path, "nftables", reload=("true",))
    result = run(export, RELEASE)
    with pytest.raises(ExportFailed, match=r"set exports\.office\.kernel = false"):
        confirm_loaded(export, result)


@pytest.mark.parametrize("target", LIST)
def test_a_failing_change_loads_the_whole_file(
    tmp_path: Path, network: Network, target: str
) -> None:
    export = export_into(network, tmp_path, target, reload_change=("false",))
    first = run(export, RELEASE)
    second = run(export, "block 203.0.113.0/24", first.state, 8)
    assert look_at_kernel(export, second.state).release == 8


def write_network(action: str, host: int, length: int) -> str:
    """Return a line of a release with a canonical network."""
    first = host >> (32 - length) << (32 - length)
    return f"{action} 10.0.0.{first}/{length}".removesuffix("/32")


networks = st.builds(
    write_network,
    st.sampled_from(["block", "block", "allow"]),
    st.integers(0, 255),
    st.integers(26, 32),
)


def shown_elements(listing: str) -> list[str]:
    """Return what a listing shows, in any order and without what each new set of ipset has."""
    return sorted(line for line in listing.splitlines() if not line.startswith("create "))


releases = st.lists(networks, min_size=1, max_size=8).map(
    lambda lines: "\n".join([*lines, "block 192.0.2.1", "block 2001:db8::/32"])
)


@pytest.mark.parametrize("target", LIST)
def test_a_change_gives_what_the_whole_file_gives(target: str) -> None:
    @at_most(8)
    @given(old=releases, new=releases)
    def compare(old: str, new: str) -> None:
        with TemporaryDirectory() as folder:
            run_in(kernel, "nft flush ruleset; ipset destroy")
            change = (*kernel, *LOAD[target], "{change}")
            export = export_into(kernel, Path(folder), target, reload_change=change)
            state = run(export, old).state
            # Only the change can load it now.
            changed = replace(export.installation, reload=("false",))
            run(replace(export, installation=changed), new, state, 8)
            by_elements = shown_elements(run_in(kernel, LIST[target]))
            run_in(kernel, f"{' '.join(LOAD[target])} {export.path}")
            assert shown_elements(run_in(kernel, LIST[target])) == by_elements

    with kept_network() as kernel:
        compare()
