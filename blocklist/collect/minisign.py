"""Minisign: Ed25519 over a list or over its BLAKE2b-512, and over a comment that is trusted, too.

Source: https://jedisct1.github.io/minisign/, "Signature format" and "Public key format".
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass

from blocklist.collect.errors import Unacceptable

_LEGACY, _PREHASHED = b"Ed", b"ED"
_UNTRUSTED, _TRUSTED = b"untrusted comment:", b"trusted comment: "
_ID, _KEY, _SIGNATURE = 8, 32, 64


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature file says."""

    #: Whether it is over the BLAKE2b-512 of the list, as minisign does since 0.10.
    prehashed: bool
    key_id: bytes
    of_list: bytes
    comment: bytes
    #: Over `of_list` and the comment.
    of_all: bytes


def read(text: bytes) -> Signature:
    """Return what a signature file says; raise `Unacceptable` when it is none."""
    lines = text.splitlines()
    if len(lines) < 4 or not lines[0].startswith(_UNTRUSTED) or not lines[2].startswith(_TRUSTED):
        raise Unacceptable("is no minisign signature")
    signed, of_all = (_decoded(lines[place]) for place in (1, 3))
    kind, rest = signed[:2], signed[2:]
    if kind not in (_LEGACY, _PREHASHED) or len(rest) != _ID + _SIGNATURE:
        raise Unacceptable("is no minisign signature")
    comment = lines[2].removeprefix(_TRUSTED)
    return Signature(kind == _PREHASHED, rest[:_ID], rest[_ID:], comment, of_all)


def _decoded(line: bytes) -> bytes:
    try:
        return b64decode(line.strip(), validate=True)
    except ValueError:
        raise Unacceptable("is no minisign signature") from None


def verify(
    key: str, signature: Signature, digests: frozenset[str], body: Callable[[], bytes]
) -> None:
    """Raise `Unacceptable` unless the key has signed the list.

    `digests` are hexadecimal BLAKE2b-512 of the list as published and unpacked; `body` is asked
    for only where a signature is over the list itself.
    """
    identity, public = _key(key)
    if signature.key_id != identity:
        raise Unacceptable("is by another key")
    if not _fits(public, signature.of_list + signature.comment, signature.of_all):
        raise Unacceptable("has a trusted comment that was not signed with it")
    signed = map(bytes.fromhex, digests) if signature.prehashed else iter([body()])
    if not any(_fits(public, message, signature.of_list) for message in signed):
        raise Unacceptable("is not of this list")


def _key(text: str) -> tuple[bytes, bytes]:
    raw = b64decode(text)[len(_LEGACY) :]
    return raw[:_ID], raw[_ID:]


def _fits(public: bytes, message: bytes, signature: bytes) -> bool:
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    try:
        VerifyKey(public).verify(message, signature)
    except (CryptoError, ValueError):
        return False
    return True
