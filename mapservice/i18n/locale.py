"""The language of the reader at hand, and the time zone of days that people name."""

from contextvars import ContextVar
from zoneinfo import ZoneInfo

# That of the phrases made for the reader at hand; the web edge sets it for each request.
LANGUAGE: ContextVar[str] = ContextVar("LANGUAGE", default="fr")


# Digests are written between these hours, both included, in metropolitan France.
PARIS = ZoneInfo("Europe/Paris")
