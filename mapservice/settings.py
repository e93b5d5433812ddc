"""Every setting, read once from the environment into one frozen value."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any, Self

from mapservice.errors import ConfigurationError

REPOSITORY = Path(__file__).resolve().parent.parent
BUNDLED = Path(__file__).resolve().parent / "_bundled"


def asset_folder(name: str) -> Path:
    """`templates` or `geodata`: beside the package in a checkout, inside it in a wheel."""
    bundled = BUNDLED / name
    return bundled if bundled.is_dir() else REPOSITORY / name


def vendor_folder() -> Path:
    """`node_modules`: beside the package, or where MAPSERVICE_ASSETS says."""
    return Path(os.environ.get("MAPSERVICE_ASSETS") or REPOSITORY / "node_modules")


def default_home() -> Path:
    """Where the private cluster and other state live: `var/` of a checkout, else of the cwd."""
    root = REPOSITORY if (REPOSITORY / "pyproject.toml").is_file() else Path.cwd()
    return root / "var"


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


MODERATION = ("pre", "post")
ON_OR_OFF = ("on", "off")
SECOND_FACTOR = ("optional", "required")
ACCESSIBILITY = ("no_audit", "not_conformant", "partial", "full")


def is_day(text: str) -> bool:
    """Whether it is an ISO 8601 day that exists."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Names are those of the environment variables, in lower case; `help` documents each."""

    database_url: str = _setting(
        "",
        "PostgreSQL URL, of one server or several (postgresql://h1:5432,h2:5432/db); empty: the"
        " private cluster under var/.",
    )
    replica_url: str = _setting(
        "",
        "Standbys of that database, each by its own address (postgresql://h2:5432,h3:5432/db), that"
        " answer what may be a little late; empty: none is asked.",
    )
    replica_delay_ms: int = _setting(
        10_000, "A standby that is further behind is not asked, in milliseconds."
    )
    home: Path = _setting(Path("var"), "Folder of the private cluster, caches and uploads.")
    public_url: str = _setting("", "Address that people use, for links; empty: the request's.")
    site_name: str = _setting("Initiatives locales", "Name shown on every page.")
    secret_key: str = _setting("", "Signs forms and links; empty: a key made at start.")
    former_secret_key: str = _setting(
        "", "The key before this one: what it signed still holds, nothing new is signed by it."
    )
    second_factor: str = _setting(
        "optional",
        "Codes of an authenticator: optional (asked of those who set one up, before moderating)"
        " or required (without one the role of an admin opens nothing).",
    )
    trusted_proxies: str = _setting(
        "",
        "Proxies in front that are believed about a visitor's address and scheme: addresses, CIDR"
        " networks, `loopback`, `private`; empty: none.",
    )
    embed_origins: str = _setting(
        "",
        "Sites whose pages may show /embed in a frame, between commas or spaces: origins such as"
        " https://journal.example or https://*.example.org; empty: all; none: no other site.",
    )
    basemap: str = _setting(
        "",
        "Base map: a .pmtiles file, or the address of a style, a TileJSON or raster tiles"
        " ({z}/{x}/{y}); empty: what `basemap use` chose, else our own ground; none: that alone.",
    )
    basemap_hosts: str = _setting(
        "", "Further hosts that an outside style names; `basemap use` finds them."
    )
    basemap_url: str = _setting(
        "", "Outside raster tiles, {z}/{x}/{y}: the former name of MAPSERVICE_BASEMAP."
    )
    basemap_attribution: str = _setting("", "Credit shown with an outside base map.")
    pool_size: int = _setting(
        8, "Database connections a process may hold, and as many more for tiles."
    )
    pool_wait_ms: int = _setting(2000, "Longest wait for a connection, in milliseconds.")
    tile_cache_bytes: int = _setting(
        300_000_000, "Tiles and pages kept on disk, shared by all processes; 0: none is kept."
    )
    statement_timeout_ms: int = _setting(8000, "Longest SQL statement of a page.")
    tile_timeout_ms: int = _setting(4000, "Longest SQL statement of a tile, or of items in a box.")
    stream_timeout_ms: int = _setting(
        600_000, "Longest SQL statement of a download, which lasts as long as its client reads."
    )
    max_body_bytes: int = _setting(1_000_000, "Largest request body accepted.")
    max_query_bytes: int = _setting(4_000, "Longest query string accepted; 4000 at most.")
    max_upload_bytes: int = _setting(50_000_000, "Largest CSV file accepted by /geocode/…/csv.")
    max_upload_rows: int = _setting(200_000, "Most rows that such a file may have.")
    export_max_bytes: int = _setting(
        5_000_000_000, "Most bytes that finished exports take on the disk; the oldest go first."
    )
    media: str = _setting(
        "",
        "Where photos are kept: a folder, or s3://KEY:SECRET@BUCKET/PREFIX?endpoint=https://…"
        "&region=…; empty: media of the home folder.",
    )
    max_photo_bytes: int = _setting(20_000_000, "Largest photo accepted.")
    provider_url: str = _setting(
        "", "Outside address API for street-level points, addok's or IGN's; empty: none is asked."
    )
    provider_attribution: str = _setting(
        "Base Adresse Nationale, IGN – Licence Ouverte 2.0",
        "Credit kept with its points, where its answers carry none.",
    )
    provider_timeout_ms: int = _setting(2000, "Longest wait for one answer of it.")
    provider_cache_days: int = _setting(30, "How long its answers are kept.")
    moderation: str = _setting(
        "pre", "Proposals become public once a moderator agrees (pre), or at once (post)."
    )
    comments: str = _setting(
        "off", "Comments on initiatives, each read before it is shown: on, or off."
    )
    metrics_token: str = _setting(
        "",
        "What Prometheus shows at /metrics (a bearer token); empty: that address does not exist.",
    )
    request_log: str = _setting(
        "on", "A line of JSON on standard output for each request: on or off."
    )
    disk_free_bytes: int = _setting(
        200_000_000, "With less left on a disk of the service /health/ready is red."
    )
    smtp_url: str = _setting(
        "", "Mail server, smtp://user:pass@host:587?starttls=1; empty: files under home/mail."
    )
    smtp_timeout_ms: int = _setting(10_000, "Longest wait for each answer of the mail server.")
    mail_from: str = _setting("initiatives@localhost", "Address that mails come from.")
    imap_url: str = _setting(
        "",
        "Inbox that replies by mail come to, imaps://user:pass@host:993/INBOX or"
        " imap://…?starttls=1; empty: people reply on a page.",
    )
    imap_address: str = _setting(
        "",
        "Address of that inbox, whose +tags reach it too; empty: the user's name in"
        " MAPSERVICE_IMAP_URL.",
    )
    imap_timeout_ms: int = _setting(10_000, "Longest wait for each answer of that inbox.")
    pages: str = _setting(
        "", "Folder of the operator's own legal and help pages (docs/legal.md); empty: generated."
    )
    operator_name: str = _setting("", "Who runs the service, and answers for it in law.")
    operator_address: str = _setting("", "Postal address of the operator.")
    operator_registration: str = _setting(
        "", "Number by which the operator is registered: SIREN, RNA, RCS."
    )
    publication_director: str = _setting("", "Person who answers in law for what is published.")
    contact_email: str = _setting("", "Address that people may write to.")
    contact_phone: str = _setting("", "Telephone number of the operator.")
    hosting: str = _setting("", "Name, postal address and telephone number of the hosting company.")
    log_days: int = _setting(
        0, "How many days the operator's servers keep their logs, as told to people; 0: not told."
    )
    legal_date: str = _setting("", "Day on which the legal pages were last read over: 2026-11-30.")
    accessibility: str = _setting(
        "no_audit",
        "Result of the last RGAA audit: no_audit, not_conformant, partial or full.",
    )
    accessibility_audit: str = _setting(
        "", "Who made that audit, on which day, and what share of criteria was met."
    )

    vapid_key: str = _setting(
        "",
        "Private key of notifications (web push, P-256, base64url); empty: that of `mapservice push"
        " keys`, without which none are offered.",
    )
    push_hosts: str = _setting(
        "",
        "Hosts, as host:port, that notifications may go to although they are not public, or not"
        " https: for tests.",
    )
    source_hosts: str = _setting(
        "",
        "Hosts, as host:port, that sources may be fetched from, and other servers of the fediverse"
        " be, although they are not public, or not https: for tests.",
    )
    federation: int = _setting(
        0,
        "Groups and territories that people follow from the fediverse (ActivityPub): 1, or 0: none,"
        " and nothing is asked of other servers.",
    )
    source_keys: str = _setting(
        "",
        "Keys that sources ask for, as host=key with blanks between: each goes to its host alone.",
    )
    outgoing_proxy: str = _setting(
        "",
        "Proxy that all requests to other hosts and all mail pass, http://host:port; empty: none."
        " `mapservice outgoing squid` writes its rules.",
    )
    outgoing_hosts: str = _setting(
        "",
        "Hosts that this proxy lets sources, calendars and files at an address be fetched from,"
        " between blanks: data.example.org, *.example.org, or * for every public host; empty: none"
        " but those that other settings name.",
    )
    offline: str = _setting(
        "on",
        "Pages readable without a network: on, or off, which also takes it from browsers that have"
        " it.",
    )

    def __post_init__(self) -> None:
        for name, words in (
            ("moderation", MODERATION),
            ("accessibility", ACCESSIBILITY),
            ("offline", ON_OR_OFF),
            ("comments", ON_OR_OFF),
            ("request_log", ON_OR_OFF),
            ("second_factor", SECOND_FACTOR),
        ):
            found = getattr(self, name)
            if found not in words:
                raise ConfigurationError(
                    f"MAPSERVICE_{name.upper()} must be {' or '.join(words)}, not {found!r}"
                )
        if self.federation not in (0, 1):
            raise ConfigurationError(f"MAPSERVICE_FEDERATION must be 0 or 1, not {self.federation}")
        if self.legal_date and not is_day(self.legal_date):
            raise ConfigurationError(
                f"MAPSERVICE_LEGAL_DATE must be a day like 2026-11-30, not {self.legal_date!r}"
            )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Reads `NAME` or `MAPSERVICE_NAME`, or the file that `MAPSERVICE_NAME_FILE` names.

        Raises ConfigurationError naming a bad one.
        """
        values: dict[str, Any] = {"home": default_home()}
        for spec in fields(cls):
            name = spec.name.upper()
            text = environ.get(f"MAPSERVICE_{name}", environ.get(name) if name in PLAIN else None)
            file = environ.get(f"MAPSERVICE_{name}_FILE")
            if file and text:
                raise ConfigurationError(
                    f"MAPSERVICE_{name} and MAPSERVICE_{name}_FILE are both set"
                )
            if file:
                text = _read_secret(name, file)
            if text:
                values[spec.name] = _parse(name, text, type(spec.default))
        if not any(values.get(name) for name in ("basemap", "basemap_url")):
            values = chosen_basemap(values["home"]) | values
        return cls(**values)


def _read_secret(name: str, file: str) -> str:
    """What a secret of Docker, Kubernetes or systemd (LoadCredential) holds, without its last line
    feed."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"MAPSERVICE_{name}_FILE: {file} cannot be read: {error}"
        ) from None


# Written by `mapservice basemap use`, in the folder of settings' `home`.
BASEMAP_FILE = "basemap.json"


def chosen_basemap(home: Path) -> dict[str, Any]:
    """What `mapservice basemap use` wrote: the settings `basemap` and those beside it."""
    try:
        found = json.loads((home / BASEMAP_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{home / BASEMAP_FILE} cannot be read: {error}") from None
    names = ("basemap", "basemap_hosts", "basemap_attribution")
    texts = found if isinstance(found, dict) else {}
    return {name: texts[name] for name in names if isinstance(texts.get(name), str)}


# Settings of former versions, and what stands in their place.
RETIRED = {
    "MAPSERVICE_REVIEW_KEY": "the shared password of moderation is gone: give roles to people, with"
    " `mapservice users grant ADDRESS --role moderator --territory region:53`, or --role admin",
}


def retired_settings(environ: Mapping[str, str] = os.environ) -> list[str]:
    """What an operator has to know of settings that are still set, and no longer read."""
    return [
        f"{name} is no longer read: {words}" for name, words in RETIRED.items() if environ.get(name)
    ]


# Names that platforms set without a prefix.
PLAIN = frozenset({"DATABASE_URL", "SECRET_KEY"})


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is not int:
        return Path(text) if issubclass(kind, Path) else text
    try:
        return int(text)
    except ValueError:
        raise ConfigurationError(
            f"MAPSERVICE_{name} must be a whole number, not {text!r}"
        ) from None
