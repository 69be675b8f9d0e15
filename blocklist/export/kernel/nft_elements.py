"""Ask the kernel for elements of an nftables set: `python -m ... FAMILY TABLE SET NETWORK...`.

`nft get element` first reads all elements of all sets of a table, which takes seconds. This program
sends the request for the elements alone (`NFT_MSG_GETSETELEM`, linux/netfilter/nf_tables.h).
"""

import errno
import os
import socket
import struct
import sys
from ipaddress import ip_network

_NETLINK_NETFILTER = 12
_SUBSYSTEM, _GET_ELEMENT = 10 << 8, 13
_REQUEST_FLAGS = 1
_ERROR_TYPE = 2
_NESTED = 0x8000
_TABLE, _SET, _ELEMENTS = 1, 2, 3
#: The first attribute in a list, an element and a value.
_FIRST = 1
_FAMILIES = {"inet": 1, "ip": 2, "ip6": 10}
_REPLY_BYTES = 65536
_LIMIT_SECONDS = 5


def main(words: list[str]) -> int:
    """Return 0 if the set has all elements; print why not, and return 1, if not."""
    family, table, name, *rest = words
    networks = " ".join(rest).replace(",", " ").split()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
        kernel.settimeout(_LIMIT_SECONDS)
        for network in networks:
            code = _get_element(kernel, family, table, name, network)
            if code:
                sys.stderr.write(f"{network}: {os.strerror(code)}\n")
                return 1
    return 0


def _get_element(kernel: socket.socket, family: str, table: str, name: str, network: str) -> int:
    """Return 0 if the element is there, else the number of the error."""
    key = ip_network(network).network_address.packed
    element = _nest(_FIRST, _nest(_FIRST, _attribute(_FIRST, key)))
    body = (
        struct.pack("=BBH", _FAMILIES[family], 0, 0)
        + _attribute(_TABLE, table.encode() + b"\0")
        + _attribute(_SET, name.encode() + b"\0")
        + _nest(_ELEMENTS, _nest(_FIRST, element[4:]))
    )
    kind = _SUBSYSTEM | _GET_ELEMENT
    kernel.send(struct.pack("=IHHII", 16 + len(body), kind, _REQUEST_FLAGS, 0, 0) + body)
    reply = kernel.recv(_REPLY_BYTES)
    kind, code = struct.unpack_from("=4xH10xi", reply)
    return -code if kind == _ERROR_TYPE else 0


def _attribute(kind: int, content: bytes) -> bytes:
    padding = b"\0" * (-len(content) % 4)
    return struct.pack("=HH", 4 + len(content), kind) + content + padding


def _nest(kind: int, content: bytes) -> bytes:
    return _attribute(kind | _NESTED, content)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as error:
        sys.exit(f"{os.strerror(error.errno or errno.EIO)}")
