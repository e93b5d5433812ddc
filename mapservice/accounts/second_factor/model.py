"""Time-based one-time passwords: RFC 6238 with the parameters that every authenticator has.

Twelve lines of HMAC, held against the table of the RFC by a test: pyotp (2.9, last released in
2023) would be one more dependency for these, and leaves to its caller that no code works twice.
"""

import base64
import hashlib
import hmac
import secrets
import struct
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20  # those of SHA-1, which authenticators know (RFC 4226, section 4)
# Clocks differ, and typing takes time: the code before and the next one are taken too.
STEPS_BESIDE = 1
SPARE_CODES = 8
SPARE_SIGNS = 10


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a time step, RFC 4226 section 5.3."""
    mac = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = mac[-1] & 0xF
    number = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, typed: str, now: float, last_step: int) -> int | None:
    """The step whose code was typed, later than the last one used; None for a wrong code."""
    present = int(now) // STEP_SECONDS
    for step in range(present - STEPS_BESIDE, present + STEPS_BESIDE + 1):
        if step > last_step and hmac.compare_digest(code_at(secret, step), typed):
            return step
    return None


def clean_code(typed: str) -> str:
    """What was typed, without the blanks that people put in; "" for what is no code at all."""
    signs = "".join(typed.split()).replace("-", "").lower()
    return signs if signs.isascii() and signs.isalnum() and len(signs) <= SPARE_SIGNS else ""


def written_secret(secret: bytes) -> str:
    """As an authenticator takes it by hand."""
    return base64.b32encode(secret).decode().rstrip("=")


def address_of(secret: bytes, site: str, email: str) -> str:
    """What the picture holds that an authenticator reads."""
    asked = {"secret": written_secret(secret), "issuer": site, "period": str(STEP_SECONDS)}
    return f"otpauth://totp/{quote(f'{site}:{email}')}?{urlencode(asked, quote_via=quote)}"


def new_spare_codes() -> list[str]:
    """For a lost telephone: letters and digits that nobody takes for others."""
    signs = "abcdefghjkmnpqrstuvwxyz23456789"
    return ["".join(secrets.choice(signs) for _ in range(SPARE_SIGNS)) for _ in range(SPARE_CODES)]


def spare_digest(code: str) -> bytes:
    """Unsalted: nobody can guess 49 random bits behind a limit of tries."""
    return hashlib.sha256(code.encode()).digest()
