"""The two standards of web push: a payload for one browser alone, and a signature of the sender.

RFC 8291 (encryption, on RFC 8188) and RFC 8292 (VAPID). Written on `cryptography` itself: http-ece
1.2.1 (August 2024) comes as a source archive alone, py-vapid adds little to a signature, and
pywebpush brings aiohttp and requests for one POST. Tests hold it to the example of RFC 8291.
"""

import base64
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mapservice.errors import ConfigurationError
from mapservice.notifications.push.model import PushTarget
from mapservice.settings import Settings

KEY_FILE = "vapid.key"
KEY_BYTES, SALT_BYTES, RECORD_BYTES = 32, 16, 4096
# Of a record: its header, the end mark and the tag (RFC 8291, section 4).
MAX_PAYLOAD = 3993
# At most a day (RFC 8292, section 2).
SIGNED_SECONDS = 12 * 3600


def b64(content: bytes) -> str:
    """base64url without padding, as all of web push writes it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass(frozen=True)
class VapidKey:
    """The key that this service signs with; browsers know it by its public part."""

    private: ec.EllipticCurvePrivateKey

    @classmethod
    def parse(cls, text: str) -> "VapidKey":
        """32 bytes in base64url. Raises ConfigurationError."""
        try:
            content = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
            if len(content) != KEY_BYTES:
                raise ValueError
            return cls(ec.derive_private_key(int.from_bytes(content, "big"), ec.SECP256R1()))
        except ValueError:
            raise ConfigurationError(
                "MAPSERVICE_VAPID_KEY must be 32 bytes in base64url, as `push keys` makes"
            ) from None

    @classmethod
    def make(cls) -> "VapidKey":
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @property
    def text(self) -> str:
        """As a setting holds it."""
        return b64(self.private.private_numbers().private_value.to_bytes(KEY_BYTES, "big"))

    @property
    def public(self) -> str:
        """As browsers take it: `applicationServerKey`."""
        return b64(_point(self.private.public_key()))

    def authorization(self, endpoint: str, subject: str, now: float) -> str:
        """The header of one POST (RFC 8292, section 3). `subject` says whom a vendor may ask."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(now) + SIGNED_SECONDS,
            "sub": subject,
        }
        head, body = (
            b64(json.dumps(one, separators=(",", ":")).encode())
            for one in ({"typ": "JWT", "alg": "ES256"}, claims)
        )
        signature = self.private.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        raw = r.to_bytes(KEY_BYTES, "big") + s.to_bytes(KEY_BYTES, "big")
        return f"vapid t={head}.{body}.{b64(raw)}, k={self.public}"


def vapid_key(settings: Settings) -> VapidKey | None:
    """That of the settings, else of the home folder; None: no notification is offered or sent.

    None too without the service worker, which is what shows them.
    """
    return _key_of(settings.vapid_key, settings.home) if settings.offline == "on" else None


@lru_cache(maxsize=8)
def _key_of(text: str, home: Path) -> VapidKey | None:
    try:
        written = text or (home / KEY_FILE).read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{home / KEY_FILE} cannot be read: {error}") from None
    return VapidKey.parse(written)


def keep_key(home: Path) -> VapidKey:
    """Makes the key of a home folder, readable by its owner alone; an existing one stays."""
    path = home / KEY_FILE
    home.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        line = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(line, "w", encoding="ascii") as file:
            file.write(VapidKey.make().text)
    _key_of.cache_clear()
    return VapidKey.parse(path.read_text(encoding="ascii"))


def encrypt(
    payload: bytes,
    target: PushTarget,
    *,
    salt: bytes | None = None,
    sender: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """One record of `aes128gcm` (RFC 8291, sections 3 and 4). `salt` and `sender` are made anew.

    Raises ValueError for a payload that is too long, or keys that are no point of the curve.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload holds at most {MAX_PAYLOAD} bytes")
    salt = salt or os.urandom(SALT_BYTES)
    sender = sender or ec.generate_private_key(ec.SECP256R1())
    receiver = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), target.p256dh)
    own = _point(sender.public_key())
    info = b"WebPush: info\x00" + target.p256dh + own
    secret = _derive(sender.exchange(ec.ECDH(), receiver), target.auth, info, 32)
    key = _derive(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\x00", 12)
    head = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(own)]) + own
    return head + AESGCM(key).encrypt(nonce, payload + b"\x02", None)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
