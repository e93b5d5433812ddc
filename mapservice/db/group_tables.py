"""The tables of groups, as SQLAlchemy Core sees them: who belongs to them, what, and messages."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    FetchedValue,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR, UUID

from mapservice.db.engine import JsonSafeText
from mapservice.db.tables import geometry, metadata

local_group = Table(
    "local_group",
    metadata,
    Column("id", UUID, primary_key=True, server_default=FetchedValue()),
    Column("form", UUID),
    Column("status", JsonSafeText, nullable=False),
    Column("name", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("theme", JsonSafeText, nullable=False),
    Column("openness", JsonSafeText, nullable=False),
    Column("organisation", JsonSafeText, nullable=False),
    Column("place_text", Text, nullable=False),
    Column("area", JsonSafeText, nullable=False),
    Column("precision", JsonSafeText, nullable=False),
    Column("point", geometry("POINT", 4326)),
    Column("commune", JsonSafeText),
    Column("epci", JsonSafeText),
    Column("departement", JsonSafeText),
    Column("region", JsonSafeText),
    Column("anchor", geometry("POINT", 4326)),
    Column("anchor_3857", geometry("POINT", 3857)),
    Column("search", TSVECTOR),
    Column("members", Integer, nullable=False),
    Column("organisers", Integer, nullable=False),
    Column("succession_since", DateTime(timezone=True)),
    Column("handed_over_at", DateTime(timezone=True)),
    Column("last_sign_at", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("queued_at", DateTime(timezone=True)),
    Column("submitted_at", DateTime(timezone=True), nullable=False),
    Column("published_at", DateTime(timezone=True)),
    Column("archived_at", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("cell", BigInteger),
    Column("messages_held_until", DateTime(timezone=True)),
    Column("source_url", Text, nullable=False),
    Column("source_licence", Text, nullable=False),
    Column("before_change", JSONB),
)

group_member = Table(
    "group_member",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("local_group", UUID, nullable=False),
    Column("person", UUID, nullable=False),
    Column("standing", JsonSafeText, nullable=False),
    Column("name", Text, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("shares_address", Boolean, nullable=False),
    Column("offered_by", UUID),
    Column("offered_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("leave_key", LargeBinary, nullable=False),
    Column("hears", JsonSafeText, nullable=False),
)

group_initiative = Table(
    "group_initiative",
    metadata,
    Column("initiative", UUID, primary_key=True),
    Column("local_group", UUID, nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False),
)

group_message = Table(
    "group_message",
    metadata,
    Column("id", UUID, primary_key=True, server_default=FetchedValue()),
    Column("form", UUID, nullable=False),
    Column("local_group", UUID),
    Column("person", UUID, nullable=False),
    Column("audience", JsonSafeText, nullable=False),
    Column("at_once", Boolean, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", JsonSafeText, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("report_key", LargeBinary, nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    Column("queued_at", DateTime(timezone=True)),
    Column("event", UUID),
)

group_message_due = Table(
    "group_message_due",
    metadata,
    Column("person", UUID, primary_key=True),
    Column("message", UUID, primary_key=True),
    Column("at_once", Boolean, nullable=False),
)

group_message_report = Table(
    "group_message_report",
    metadata,
    Column("message", UUID, primary_key=True),
    Column("person", UUID, primary_key=True),
    Column("words", Text, nullable=False),
    Column("reported_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
)
