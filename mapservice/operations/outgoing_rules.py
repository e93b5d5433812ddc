"""What the proxy of MAPSERVICE_OUTGOING_PROXY may let through: by the settings, and for Squid."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from mapservice.contributions.conversations.inbox import ReplyInbox
from mapservice.errors import ConfigurationError
from mapservice.mail.transport import MailServer
from mapservice.media.storage import S3Store
from mapservice.notifications.push.encryption import vapid_key
from mapservice.outgoing.public_hosts import HTTPS_PORT, is_public_host, stand_ins
from mapservice.outgoing.way_out import PROXY_PORT
from mapservice.settings import Settings
from mapservice.tiles.basemap.model import BasemapKind
from mapservice.tiles.basemap.service import outside_of

EVERY_PUBLIC_HOST = "*"
# Where browsers have their notifications sent (Chrome, Firefox, Safari, Edge). Of another maker's:
# MAPSERVICE_OUTGOING_HOSTS.
PUSH_SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "web.push.apple.com",
    "*.notify.windows.com",
)
PORTS = {"http": 80, "https": HTTPS_PORT}
HOST_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?")
# What `public_hosts.is_public_address` calls not public, as networks. IPv4 lies within ::/8 for
# Squid, so that is told piece by piece.
PRIVATE_NETWORKS = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24",
    "192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24",
    "224.0.0.0/4 240.0.0.0/4",
    "::/96 64:ff9b::/96 64:ff9b:1::/48 100::/8 200::/7 400::/6 800::/5 1000::/4 4000::/2 8000::/1",
    "2001::/23 2001:db8::/32 2002::/16 3fff::/20",
)


@dataclass(frozen=True, slots=True)
class OutgoingHost:
    """A host that may be asked at this port; `*.example.org`: each below that name, and itself.

    `may_be_private`: the operator's own setting names it, so it may stand beside the service.
    """

    host: str
    port: int
    purpose: str
    may_be_private: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def outgoing_hosts(settings: Settings) -> list[OutgoingHost]:
    """Raises ConfigurationError for what is set wrongly."""
    found = [*_own_servers(settings), *_stand_ins(settings), *_public(settings)]
    return list(dict.fromkeys(found))


def _own_servers(settings: Settings) -> Iterator[OutgoingHost]:
    """What one setting names outright."""
    if settings.smtp_url:
        mail = MailServer.parse(settings.smtp_url, 1)
        yield OutgoingHost(mail.host, mail.port, "mail", may_be_private=True)
    if inbox := ReplyInbox.of(settings):
        yield OutgoingHost(inbox.host, inbox.port, "replies by mail", may_be_private=True)
    if settings.provider_url:
        yield _of_address(urlsplit(settings.provider_url), "street addresses")
    if settings.media.startswith("s3:"):
        yield _of_address(urlsplit(S3Store.parse(settings.media).endpoint), "photos")
    base = outside_of(settings)
    if base is not None and base.kind == BasemapKind.STYLE:
        yield _of_address(urlsplit(base.address), "base map")


def _of_address(parts: SplitResult, purpose: str) -> OutgoingHost:
    port = parts.port or PORTS.get(parts.scheme, HTTPS_PORT)
    return OutgoingHost(parts.hostname or "", port, purpose, may_be_private=True)


def _stand_ins(settings: Settings) -> Iterator[OutgoingHost]:
    for one in sorted(stand_ins(settings.source_hosts) | stand_ins(settings.push_hosts)):
        yield _of_address(urlsplit(f"https://{one}"), "trials")


def _public(settings: Settings) -> Iterator[OutgoingHost]:
    if vapid_key(settings) is not None:
        for host in PUSH_SERVICES:
            yield OutgoingHost(host, HTTPS_PORT, "notifications")
    for host in settings.outgoing_hosts.lower().split():
        is_sound = HOST_NAME.fullmatch(host) and is_public_host(host.removeprefix("*."))
        if host != EVERY_PUBLIC_HOST and not is_sound:
            raise ConfigurationError(
                f"MAPSERVICE_OUTGOING_HOSTS: {host!r} is no public host, *.host or *"
            )
        yield OutgoingHost(host, HTTPS_PORT, "sources, calendars, files at an address")
    if settings.federation:
        yield OutgoingHost(EVERY_PUBLIC_HOST, HTTPS_PORT, "other servers of the fediverse")


def squid_rules(settings: Settings, port: int = PROXY_PORT) -> str:
    """A whole squid.conf: tunnels to those hosts, and nothing else. Raises ConfigurationError.

    Squid looks a name up once for its rules and for the tunnel, and one address that is not public
    refuses it.
    """
    hosts = outgoing_hosts(settings)
    lines = [
        "# Written by `mapservice outgoing squid` from the settings: write it anew after a change.",
        f"http_port {port}",
        "visible_hostname outgoing",
        "pid_filename none",
        "netdb_filename none",
        "pinger_enable off",
        "cache deny all",
        "cache_mem 0 MB",
        "shutdown_lifetime 1 second",
        "connect_timeout 10 seconds",
        "max_filedescriptors 4096",
        "logformat told %ts.%03tu %>Hs %rm %ru %<st",
        "access_log stdio:/dev/stdout told",
        "cache_log /dev/null",
        "http_access deny !CONNECT",
        *(f"acl not_public dst {networks}" for networks in PRIVATE_NETWORKS),
    ]
    own = [one for one in hosts if one.may_be_private]
    public = [one for one in hosts if not one.may_be_private]
    lines += [line for number, one in enumerate(own) for line in _rule(f"own{number}", one)]
    # The port first: nothing is looked up for another.
    lines += [f"acl public_port port {HTTPS_PORT}", "http_access deny !public_port"]
    lines.append("http_access deny not_public")
    lines += [line for number, one in enumerate(public) for line in _rule(f"public{number}", one)]
    lines.append("http_access deny all")
    return "\n".join(lines) + "\n"


def _rule(name: str, one: OutgoingHost) -> Iterator[str]:
    """Both conditions of one line hold at once."""
    yield f"# {one.purpose}"
    yield f"acl {name}_port port {one.port}"
    if one.host == EVERY_PUBLIC_HOST:
        yield f"http_access allow {name}_port"
        return
    yield f"acl {name} {_named(one.host)}"
    yield f"http_access allow {name} {name}_port"


def _named(host: str) -> str:
    """`-n`: a number is never looked up for its name."""
    try:
        return f"dst {ipaddress.ip_address(host)}"
    except ValueError:
        return f"dstdomain -n {host.replace('*.', '.', 1) if host.startswith('*.') else host}"
