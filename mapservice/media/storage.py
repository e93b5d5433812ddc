"""Where the files of photos are kept: a folder, or any store that speaks S3, by one setting.

`MAPSERVICE_MEDIA` is a folder (empty: `media` of the home folder), or
`s3://KEY:SECRET@BUCKET/PREFIX?endpoint=https://…&region=…`. Without a key in it, the usual
`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are read; without an endpoint, AWS is asked.

A file is there whole, and will be after a loss of power, or it is not there: `put` returns no
sooner. Names are never used twice, so a file never changes.
"""

import contextlib
import hashlib
import hmac
import html
import http.client
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from mapservice.errors import ConfigurationError, ServiceUnavailable
from mapservice.outgoing.way_out import OutgoingConnection, WayOut
from mapservice.settings import Settings

SHARD = 2  # signs of a name that make its folder
UNFINISHED = ".part"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the store, and when it was put there (Unix seconds)."""

    name: str
    put_at: float


class MediaStore(Protocol):
    """What both kinds of store can do; ServiceUnavailable is raised where one does not answer."""

    def put(self, name: str, content: bytes, content_type: str) -> None:
        """Keeps a file; returns once it is safe."""

    def get(self, name: str) -> bytes | None:
        """None for what is not there."""

    def delete(self, name: str) -> None:
        """What is not there is deleted already."""

    def stored(self) -> Iterator[StoredFile]:
        """All files, in no order; unfinished ones too, where the store shows them."""


def store_of(settings: Settings) -> MediaStore:
    """That which the settings name. Raises ConfigurationError for an address that is none."""
    if settings.media.startswith("s3:"):
        return S3Store.parse(settings.media, way=WayOut.parse(settings.outgoing_proxy))
    return FolderStore(Path(settings.media) if settings.media else settings.home / "media")


class FolderStore:
    """A folder, with a folder in it for each beginning of a name."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, content: bytes, content_type: str) -> None:
        del content_type
        path = self._path(name)
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                _settle(self.root)
        except OSError as error:
            raise ServiceUnavailable(f"Photos cannot be kept now ({error.strerror}).") from None
        draft = path.with_name(f"{name}.{secrets.token_hex(4)}{UNFINISHED}")
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            _settle(path.parent)
        except OSError as error:  # a full disk above all
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise ServiceUnavailable(f"Photos cannot be kept now ({error.strerror}).") from None

    def get(self, name: str) -> bytes | None:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def stored(self) -> Iterator[StoredFile]:
        for path in self.root.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                yield StoredFile(path.name, path.stat().st_mtime)

    def _path(self, name: str) -> Path:
        return self.root / name[:SHARD] / name


def _settle(folder: Path) -> None:
    """A name in a folder is safe once the folder is written too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


# --- S3 ------------------------------------------------------------------------------------------

ALGORITHM = "AWS4-HMAC-SHA256"
NO_CONTENT = hashlib.sha256(b"").hexdigest()
S3_SECONDS = 20
S3_TRIES = 3
PAUSE_SECONDS = 0.3
PER_LISTING = 1000
# Statuses below 500 after which a store is asked again.
S3_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_ENTRY = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class S3Keys:
    """Who asks, and where."""

    key: str
    secret: str
    region: str


class S3Store:
    """A bucket, and the prefix that our names have in it."""

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        prefix: str,
        keys: S3Keys,
        way: WayOut | None = None,
    ) -> None:
        """`endpoint` is the address of the bucket itself, whichever way it is named there."""
        self.endpoint = endpoint.rstrip("/")
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._keys = keys
        self._way = way or WayOut()

    @classmethod
    def parse(
        cls,
        address: str,
        environ: Mapping[str, str] = os.environ,
        way: WayOut | None = None,
    ) -> "S3Store":
        """Reads `s3://KEY:SECRET@BUCKET/PREFIX?endpoint=…&region=…`. Raises ConfigurationError."""
        parts = urlsplit(address)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        # The host as it is written: a bucket may have capital letters.
        bucket = unquote(parts.netloc.rpartition("@")[2])
        unknown = sorted(asked.keys() - {"endpoint", "region"})
        if parts.scheme != "s3" or not bucket or unknown:
            what = f"{unknown[0]} is not known" if unknown else "it names no bucket"
            raise ConfigurationError(f"MAPSERVICE_MEDIA is no address of an S3 store: {what}")
        region = asked.get("region") or environ.get("AWS_REGION") or "us-east-1"
        key = unquote(parts.username or "") or environ.get("AWS_ACCESS_KEY_ID", "")
        secret = unquote(parts.password or "") or environ.get("AWS_SECRET_ACCESS_KEY", "")
        if not key or not secret:
            raise ConfigurationError(
                "MAPSERVICE_MEDIA names an S3 store without a key and a secret, and"
                " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"
            )
        endpoint = asked.get("endpoint", "")
        if endpoint and not _is_web_address(endpoint):
            raise ConfigurationError(
                f"MAPSERVICE_MEDIA: the endpoint must begin with https://, not {endpoint!r}"
            )
        # Stores at addresses of their own have buckets as paths; AWS has them as hosts.
        own = (
            f"{endpoint.rstrip('/')}/{quote(bucket)}"
            if endpoint
            else f"https://{bucket}.s3.{region}.amazonaws.com"
        )
        return cls(own, bucket, unquote(parts.path), S3Keys(key, secret, region), way)

    def put(self, name: str, content: bytes, content_type: str) -> None:
        self._ask("PUT", self._key(name), content=content, content_type=content_type)

    def get(self, name: str) -> bytes | None:
        return self._ask("GET", self._key(name))

    def delete(self, name: str) -> None:
        self._ask("DELETE", self._key(name))

    def stored(self) -> Iterator[StoredFile]:
        query = {"list-type": "2", "max-keys": str(PER_LISTING), "prefix": self.prefix}
        while True:
            listed = (self._ask("GET", "", query) or b"").decode()
            for entry in _ENTRY.findall(listed):
                put_at = datetime.fromisoformat(_told(entry, "LastModified")).timestamp()
                yield StoredFile(_told(entry, "Key").rpartition("/")[2], put_at)
            following = _told(listed, "NextContinuationToken")
            if _told(listed, "IsTruncated") != "true" or not following:
                return
            query["continuation-token"] = following

    def _key(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def _ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        content_type: str = "",
    ) -> bytes | None:
        """None for what is not there. All that is asked may be asked again."""
        written = encoded_query((query or {}).items())
        url = f"{self.endpoint}/{quote(key, safe='/~')}" + (f"?{written}" if written else "")
        failure = ""
        for tried in range(S3_TRIES):
            if tried:
                time.sleep(PAUSE_SECONDS * 2**tried)
            headers = signed_headers(
                method, url, self._keys, datetime.now(UTC), content, content_type
            )
            try:
                status, body = _answer(self._way, method, url, headers, content)
            except (OSError, http.client.HTTPException) as error:
                failure = str(error)
                continue
            if status < 300:
                return body
            # A bucket that is not there is no missing file.
            if status == HTTPStatus.NOT_FOUND and b"NoSuchBucket" not in body:
                return None
            failure = f"status {status}"
            if status < 500 and status not in S3_LATER:
                break
        raise ServiceUnavailable(f"The store of photos does not answer ({failure}).")


def _answer(
    way: WayOut, method: str, url: str, headers: Mapping[str, str], content: bytes
) -> tuple[int, bytes]:
    """The status and the body; redirections are not followed, as what is signed names its host."""
    parts = urlsplit(url)
    held = OutgoingConnection(way, parts.scheme, parts.hostname or "", parts.port, S3_SECONDS)
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        body = content if method == "PUT" else None
        held.request(method, path, body=body, headers=dict(headers))
        response = held.getresponse()
        return response.status, response.read()
    finally:
        held.close()


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _told(document: str, name: str) -> str:
    """The text of the first element of this name, or ""."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", document)
    return html.unescape(found[1]) if found else ""


def encoded_query(pairs: Iterable[tuple[str, str]]) -> str:
    """In the order and the escapes that are signed."""
    return urlencode(sorted(pairs), quote_via=quote, safe="~")


def signed_headers(
    method: str,
    url: str,
    keys: S3Keys,
    now: datetime,
    content: bytes = b"",
    content_type: str = "",
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Headers of a request with its signature (AWS Signature Version 4)."""
    parts = urlsplit(url)
    moment, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    digest = hashlib.sha256(content).hexdigest() if content else NO_CONTENT
    headers = {
        "host": parts.netloc,
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
        **({"content-type": content_type} if content_type else {}),
        **{name.lower(): value for name, value in (more or {}).items()},
    }
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        (
            method,
            parts.path or "/",
            parts.query,
            *(f"{name}:{headers[name].strip()}" for name in sorted(headers)),
            "",
            names,
            digest,
        )
    )
    scope = f"{day}/{keys.region}/s3/aws4_request"
    to_sign = "\n".join((ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{keys.secret}".encode()
    for part in (day, keys.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"{ALGORITHM} Credential={keys.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers
