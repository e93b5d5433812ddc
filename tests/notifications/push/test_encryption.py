"""The standards, by the example of RFC 8291, by the other side, and by what must be refused."""

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from mapservice.errors import ConfigurationError, InvalidInput
from mapservice.notifications.push.encryption import (
    MAX_PAYLOAD,
    VapidKey,
    encrypt,
    keep_key,
    vapid_key,
)
from mapservice.notifications.push.model import PushTarget, check_endpoint
from mapservice.settings import Settings
from tests.notifications.push.vendor import Browser, decrypt, unb64

# RFC 8291, section 5 and appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
UA_PUBLIC = (
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
)
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
AS_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_standard_comes_out_to_the_byte() -> None:
    sender = ec.derive_private_key(int.from_bytes(unb64(AS_PRIVATE), "big"), ec.SECP256R1())
    target = PushTarget("https://push.example.net/x", unb64(UA_PUBLIC), unb64(AUTH))
    assert encrypt(PLAIN, target, salt=unb64(SALT), sender=sender) == unb64(BODY)


@given(st.binary(max_size=MAX_PAYLOAD))
def test_a_browser_reads_any_payload_that_fits(payload: bytes) -> None:
    browser = Browser("https://push.example.net/x")
    target = PushTarget(browser.endpoint, browser.point, browser.auth)
    assert decrypt(encrypt(payload, target), browser.private, browser.auth) == payload


def test_what_does_not_fit_is_refused() -> None:
    browser = Browser("https://push.example.net/x")
    target = PushTarget(browser.endpoint, browser.point, browser.auth)
    with pytest.raises(ValueError, match="at most"):
        encrypt(b"x" * (MAX_PAYLOAD + 1), target)
    off_curve = PushTarget(browser.endpoint, b"\x04" + b"\x01" * 64, browser.auth)
    with pytest.raises(ValueError, match="EC key"):
        encrypt(b"x", off_curve)


def test_the_signature_is_for_one_vendor_and_half_a_day() -> None:
    key = VapidKey.make()
    header = key.authorization("https://push.example.net:443/abc?d=e", "mailto:a@b.example", 1e9)
    token = header.removeprefix("vapid t=").partition(",")[0]
    head, claims, signature = token.split(".")
    assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(unb64(claims)) == {
        "aud": "https://push.example.net:443",
        "exp": 1_000_043_200,
        "sub": "mailto:a@b.example",
    }
    raw = unb64(signature)
    r, s = (int.from_bytes(part, "big") for part in (raw[:32], raw[32:]))
    public = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), unb64(header.rpartition("k=")[2])
    )
    signed = f"{head}.{claims}".encode()
    public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(encode_dss_signature(r, s), signed + b"x", ec.ECDSA(hashes.SHA256()))


def test_a_key_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "var"
    assert vapid_key(Settings(home=home)) is None
    made = keep_key(home)
    assert keep_key(home).public == made.public
    assert (home / "vapid.key").stat().st_mode & 0o777 == 0o600
    found = vapid_key(Settings(home=home))
    assert found is not None
    assert found.public == made.public
    assert vapid_key(Settings(home=home, offline="off")) is None
    given_key = VapidKey.make()
    preferred = vapid_key(Settings(home=home, vapid_key=given_key.text))
    assert preferred is not None
    assert preferred.public == given_key.public


@pytest.mark.parametrize("text", ["x", "AAAA", "A" * 43, "_" * 43])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="MAPSERVICE_VAPID_KEY"):
        VapidKey.parse(text)


@pytest.mark.parametrize(
    "address",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QGuQ",
        "https://wns2-par02p.notify.windows.com/w/?token=BQY",
    ],
)
def test_vendors_of_today_are_let_through(address: str) -> None:
    check_endpoint(address, frozenset())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://push.example.net/x",
        "ftp://push.example.net/x",
        "https://push.example.net:8443/x",
        "https://user@push.example.net/x",
        "https://localhost/x",
        "https://intranet/x",
        "https://db.internal/x",
        "https://printer.local/x",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f.0.0.1/x",
        "https://10.0.0.8/x",
        "https://192.168.1.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/x",
        "https://0.0.0.0/x",
        "https://224.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://[fe80::1]/x",
        "https://[fd00::1]/x",
        "https://[2002:7f00:1::]/x",
        "https://[/x",
        "https://push.example.net/\r\nHost: x",
        "https://push.example.net/" + "x" * 1000,
    ],
)
def test_nothing_but_public_https_is_asked(address: str) -> None:
    with pytest.raises(InvalidInput):
        check_endpoint(address, frozenset())


@pytest.mark.parametrize(
    ("name", "value"),
    [("p256dh", "AAAA"), ("p256dh", "A" * 87), ("p256dh", "é"), ("auth", ""), ("auth", "A" * 40)],
)
def test_keys_of_another_length_are_refused(name: str, value: str) -> None:
    form = Browser("https://push.example.net/x").form | {name: value}
    with pytest.raises(InvalidInput) as refusal:
        PushTarget.parse(**form, allowed=frozenset())
    assert refusal.value.field == name
