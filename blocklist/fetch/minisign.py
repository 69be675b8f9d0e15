"""Verify minisign signatures: public key, signature file and list -> nothing, or a refusal.

Ed25519 signs the list or its BLAKE2b-512; a second signature covers the trusted comment. Source:
https://jedisct1.github.io/minisign/, "Signature format" and "Public key format".
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
    """The content of a signature file."""

    #: Whether the BLAKE2b-512 of the list is signed, as minisign does since 0.10.
    is_prehashed: bool
    key_id: bytes
    list_signature: bytes
    trusted_comment: bytes
    #: Covers `list_signature` and the comment.
    global_signature: bytes


def parse_signature(text: bytes) -> MinisignSignature:
    """Return the content of a signature file; raise `ContentRefused` if it is malformed."""
    lines = text.splitlines()
    if (
        len(lines) < 4
        or not lines[0].startswith(_UNTRUSTED_PREFIX)
        or not lines[2].startswith(_TRUSTED_PREFIX)
    ):
        raise ContentRefused("is no minisign signature")
    signature_bytes, global_signature = (_decode_base64(lines[index]) for index in (1, 3))
    algorithm, rest = signature_bytes[:2], signature_bytes[2:]
    if algorithm not in (_LEGACY, _PREHASHED) or len(rest) != _ID_BYTES + _SIGNATURE_BYTES:
        raise ContentRefused("is no minisign signature")
    comment = lines[2].removeprefix(_TRUSTED_PREFIX)
    return MinisignSignature(
        algorithm == _PREHASHED, rest[:_ID_BYTES], rest[_ID_BYTES:], comment, global_signature
    )


def _decode_base64(line: bytes) -> bytes:
    try:
        return b64decode(line.strip(), validate=True)
    except ValueError:
        raise ContentRefused("is no minisign signature") from None


def verify_signature(
    public_key: str,
    signature: MinisignSignature,
    digests: frozenset[str],
    read_body: Callable[[], bytes],
) -> None:
    """Raise `ContentRefused` unless the key signed the list.

    `digests` are hexadecimal BLAKE2b-512 of the list as published and decompressed. `read_body` is
    called only if the signature covers the list itself.
    """
    key_id, verify_key = _split_key(public_key)
    if signature.key_id != key_id:
        raise ContentRefused("is by another key")
    if not _is_signed_by(
        verify_key, signature.list_signature + signature.trusted_comment, signature.global_signature
    ):
        raise ContentRefused("has a trusted comment that was not signed with it")
    messages = map(bytes.fromhex, digests) if signature.is_prehashed else iter([read_body()])
    if not any(
        _is_signed_by(verify_key, message, signature.list_signature) for message in messages
    ):
        raise ContentRefused("is not of this list")


def _split_key(text: str) -> tuple[bytes, bytes]:
    raw = b64decode(text)[len(_LEGACY) :]
    return raw[:_ID_BYTES], raw[_ID_BYTES:]


def _is_signed_by(verify_key: bytes, message: bytes, signature: bytes) -> bool:
    from nacl.exceptions import CryptoError
    from nacl.signing import VerifyKey

    try:
        VerifyKey(verify_key).verify(message, signature)
    except (CryptoError, ValueError):
        return False
    return True
