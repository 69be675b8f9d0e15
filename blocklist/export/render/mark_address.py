"""Mark of a list in a kernel: digest of its content -> an address in the discard-only prefix.

Tables of a firewall keep no comment that could be changed, so one more address shows which content
they have. Nobody has an address in 100::/64 (RFC 6666), so blocking one has no effect.
"""

from ipaddress import IPv6Network

MARK_NETWORK = IPv6Network("100::/64")
#: The first characters of every address of the network in canonical form.
MARK_START = "100::"
_HEX_DIGITS = 16


def derive_mark(digest: str) -> str:
    """Return the mark of a content, given its SHA-256 in hexadecimal digits.

    It is no canonical address, because heads of all contents must have the same length.
    """
    groups = (digest[start : start + 4] for start in range(0, _HEX_DIGITS, 4))
    return MARK_START + ":".join(groups)
