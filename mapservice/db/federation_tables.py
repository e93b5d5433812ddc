"""The tables of federation, as SQLAlchemy Core sees them: who follows, and what they are told."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from mapservice.db.tables import metadata

federation_key = Table(
    "federation_key",
    metadata,
    Column("is_only", Boolean, primary_key=True),
    Column("private_key", LargeBinary, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)

federation_follower = Table(
    "federation_follower",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("remote", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("own_inbox", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("follow", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("followed_at", DateTime(timezone=True), nullable=False),
)

federation_block = Table(
    "federation_block",
    metadata,
    Column("host", Text, primary_key=True),
    Column("blocked_at", DateTime(timezone=True), nullable=False),
)

federation_seen = Table(
    "federation_seen",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
)

federation_change = Table(
    "federation_change",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", UUID, nullable=False),
    Column("series", UUID),
    Column("is_bulk", Boolean, nullable=False),
)

federation_note = Table(
    "federation_note",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", UUID, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("announced_at", DateTime(timezone=True), nullable=False),
    Column("removed_at", DateTime(timezone=True)),
)

federation_told = Table(
    "federation_told",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", UUID, primary_key=True),
    Column("inbox", Text, primary_key=True),
    Column("actor", Text, primary_key=True),
    Column("base_url", Text, nullable=False),
)

federation_delivery = Table(
    "federation_delivery",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("inbox", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("activity", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", DateTime(timezone=True), nullable=False),
    Column("give_up_at", DateTime(timezone=True), nullable=False),
    Column("last_error", Text, nullable=False),
)
