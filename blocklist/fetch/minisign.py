"""Verify minisign signatures: public key, signature file and list -> nothing, or a refusal.

Ed25519 signs the list or its BLAKE2b-512; a second signature covers the trusted comment.
Source: https://jedisct1.github.io/minisign/, "Signature format" and "Public key format".
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass

from blocklist.fetch.types import ContentRefused

_LEGACY, _PREHASHED = b"Ed", b"ED"
_UNTRUSTED_PREFIX, _TRUSTED_PREFIX = b"untrusted comment:", b"trusted comment: "
_ID_BYTES, _KEY_BYTES, _SIGNATURE_BYTES = 8, 32, 64


@dataclass(frozen=True, slots=True)
class MinisignSignature:
    """What a signature file says."""

    #: Whether it is over the BLAKE2b-512 of the list, as minisign does since 0.10.
    is_prehashed: bool
    key_id: bytes
    list_signature: bytes
    trusted_comment: bytes
    #: Over `of_list` and the comment.
    global_signature: bytes


def parse_signature(text: bytes) -> MinisignSignature:
    """Return what a signature file says; raise `Unacceptable` when it is none."""
    lines = text.splitlines()
    if (
        len(lines) < 4
        or not lines[0].startswith(_UNTRUSTED_PREFIX)
        or not lines[2].startswith(_TRUSTED_PREFIX)
    ):
        raise ContentRefused("is no minisign signature")
    signed, of_all = (_decode_base64(lines[place]) for place in (1, 3))
    kind, rest = signed[:2], signed[2:]
    if kind not in (_LEGACY, _PREHASHED) or len(rest) != _ID_BYTES + _SIGNATURE_BYTES:
        raise ContentRefused("is no minisign signature")
    comment = lines[2].removeprefix(_TRUSTED_PREFIX)
    return MinisignSignature(
        kind == _PREHASHED, rest[:_ID_BYTES], rest[_ID_BYTES:], comment, of_all
    )


def _decode_base64(line: bytes) -> bytes:
    try:
        return b64decode(line.strip(), validate=True)
    except ValueError:
        raise ContentRefused("is no minisign signature") from None


def verify_signature(
    key: str, signature: MinisignSignature, digests: frozenset[str], body: Callable[[], bytes]
) -> None:
    """Raise `Unacceptable` unless the key has signed the list.

    `digests` are hexadecimal BLAKE2b-512 of the list as published and unpacked; `body` is asked
    for only where a signature is over the list itself.
    """
    identity, public = _split_key(key)
    if signature.key_id != identity:
        raise ContentRefused("is by another key")
    if not _is_signed_by(
        public, signature.list_signature + signature.trusted_comment, signature.global_signature
    ):
        raise ContentRefused("has a trusted comment that was not signed with it")
    signed = map(bytes.fromhex, digests) if signature.is_prehashed else iter([body()])
    if not any(_is_signed_by(public, message, signature.list_signature) for message in signed):
        raise ContentRefused("is not of this list")


def _split_key(text: str) -> tuple[bytes, bytes]:
    raw = b64decode(text)[len(_LEGACY) :]
    return raw[:_ID_BYTES], raw[_ID_BYTES:]


def _is_signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    try:
        VerifyKey(public).verify(message, signature)
    except (CryptoError, ValueError):
        return False
    return True
