"""Minisign keys and signatures, made with the library itself."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field

from nacl.signing import SigningKey

KEY_ID = b"12345678"


@dataclass
class Signer:
    """A publisher of signed lists."""

    key: SigningKey = field(default_factory=lambda: SigningKey(b"s" * 32))
    key_id: bytes = KEY_ID

    @property
    def public(self) -> str:
        return b64encode(b"Ed" + self.key_id + bytes(self.key.verify_key)).decode()

    def sign(self, body: bytes, *, legacy: bool = False, comment: bytes = b"made up") -> bytes:
        message = body if legacy else hashlib.blake2b(body).digest()
        signature = self.key.sign(message).signature
        of_all = self.key.sign(signature + comment).signature
        kind = b"Ed" if legacy else b"ED"
        return b"\n".join(
            (
                b"untrusted comment: made for a test",
                b64encode(kind + self.key_id + signature),
                b"trusted comment: " + comment,
                b64encode(of_all),
                b"",
            )
        )
