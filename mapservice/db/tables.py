"""The tables as SQLAlchemy Core sees them; `sql/schema.sql` is what makes them.

A test compares the two, so that they cannot drift apart.
"""

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL, TSVECTOR, UUID

metadata = MetaData()


def _geometry(kind: str, srid: int) -> Geometry:
    return Geometry(kind, srid=srid, spatial_index=False)


territory = Table(
    "territory",
    metadata,
    Column("level", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("article", Text, nullable=False),
    Column("population", Integer, nullable=False),
    Column("postcodes", ARRAY(Text), nullable=False),
    Column("epci", Text),
    Column("departement", Text),
    Column("region", Text),
    Column("point", _geometry("POINT", 4326), nullable=False),
    Column("outline", _geometry("MULTIPOLYGON", 4326), nullable=False),
    Column("outline_3857", _geometry("MULTIPOLYGON", 3857), nullable=False),
    Column("approximate", Boolean, nullable=False),
    Column("cog_year", SmallInteger, nullable=False),
)

territory_outline = Table(
    "territory_outline",
    metadata,
    Column("level", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("zoom", SmallInteger, primary_key=True),
    Column("geom", _geometry("MULTIPOLYGON", 3857), nullable=False),
)

territory_alias = Table(
    "territory_alias",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("commune", Text, primary_key=True),
    Column("postcodes", ARRAY(Text), nullable=False),
    Column("level", Text, nullable=False),
)

territory_load = Table(
    "territory_load",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("cog_year", SmallInteger, nullable=False),
    Column("loaded_at", DateTime(timezone=True), nullable=False),
)

initiative = Table(
    "initiative",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("theme", Text, nullable=False),
    Column("scale", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("source_platform", Text, nullable=False),
    Column("source_id", Text),
    Column("source_url", Text, nullable=False),
    Column("source_licence", Text, nullable=False),
    Column("source_digest", Text),
    Column("place_text", Text, nullable=False),
    Column("precision", Text, nullable=False),
    Column("point", _geometry("POINT", 4326)),
    Column("commune", Text),
    Column("epci", Text),
    Column("departement", Text),
    Column("region", Text),
    Column("anchor", _geometry("POINT", 4326)),
    Column("anchor_3857", _geometry("POINT", 3857)),
    Column("cell", BigInteger),
    Column("supporters", Integer, nullable=False),
    Column("search", TSVECTOR),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("supported_here", Integer, nullable=False),
    Column("state_since", DateTime(timezone=True), nullable=False),
)

removal = Table(
    "removal",
    metadata,
    Column("initiative", UUID, primary_key=True),
    Column("removed_at", DateTime(timezone=True), nullable=False),
)

export = Table(
    "export",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("format", Text, nullable=False),
    Column("filter", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("done_rows", BigInteger, nullable=False),
    Column("total_rows", BigInteger),
    Column("bytes", BigInteger),
    Column("attempts", SmallInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
)

location_match = Table(
    "location_match",
    metadata,
    Column("initiative", UUID, primary_key=True),
    Column("query", JSONB, nullable=False),
    Column("parts", JSONB, nullable=False),
    Column("candidates", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("precision", Text, nullable=False),
    Column("score", REAL, nullable=False),
    Column("method", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cog_year", SmallInteger, nullable=False),
    Column("matched_at", DateTime(timezone=True), nullable=False),
    Column("review", Text, nullable=False),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    Column("attribution", Text, nullable=False),
    Column("decision", JSONB),
)

rollup = Table(
    "rollup",
    metadata,
    Column("level", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("theme", Text, primary_key=True),
    Column("month", Date, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("initiatives", Integer, nullable=False),
    Column("supporters", BigInteger, nullable=False),
)

rollup_cell = Table(
    "rollup_cell",
    metadata,
    Column("zoom", SmallInteger, primary_key=True),
    Column("cell", BigInteger, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("theme", Text, primary_key=True),
    Column("initiatives", Integer, nullable=False),
    Column("sum_x", BigInteger, nullable=False),
    Column("sum_y", BigInteger, nullable=False),
)

rollup_delta = Table(
    "rollup_delta",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("commune", Text),
    Column("epci", Text),
    Column("departement", Text),
    Column("region", Text),
    Column("cell", BigInteger),
    Column("status", Text, nullable=False),
    Column("theme", Text, nullable=False),
    Column("month", Date, nullable=False),
    Column("initiatives", Integer, nullable=False),
    Column("supporters", BigInteger, nullable=False),
    Column("sum_x", BigInteger, nullable=False),
    Column("sum_y", BigInteger, nullable=False),
)

commune_event = Table(
    "commune_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Date, nullable=False),
    Column("kind", Text, nullable=False),
    Column("type_before", Text),
    Column("code_before", Text),
    Column("name_before", Text),
    Column("type_after", Text),
    Column("code_after", Text),
    Column("name_after", Text),
)

provider_answer = Table(
    "provider_answer",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("lon", Double),
    Column("lat", Double),
    Column("score", Double),
    Column("type", Text),
    Column("citycode", Text),
    Column("attribution", Text),
    Column("fetched_at", DateTime(timezone=True), nullable=False),
)

person = Table(
    "person",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("email", Text),
    Column("email_key", Text),
    Column("name", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("commune", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("last_seen_at", DateTime(timezone=True)),
    Column("erased_at", DateTime(timezone=True)),
)

token = Table(
    "token",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("person", UUID, nullable=False),
    Column("email", Text, nullable=False),
    Column("subject", UUID),
    Column("payload", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)

session = Table(
    "session",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person", UUID, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("person", UUID),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", DateTime(timezone=True), nullable=False),
    Column("give_up_at", DateTime(timezone=True), nullable=False),
    Column("last_error", Text, nullable=False),
    Column("sent_at", DateTime(timezone=True)),
)

proposal = Table(
    "proposal",
    metadata,
    Column("initiative", UUID, primary_key=True),
    Column("form", UUID, nullable=False),
    Column("person", UUID),
    Column("submitted_at", DateTime(timezone=True), nullable=False),
    Column("published_at", DateTime(timezone=True)),
    Column("published_revision", Integer),
    Column("rejected_at", DateTime(timezone=True)),
    Column("done_at", DateTime(timezone=True)),
    Column("archived_at", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("queued_at", DateTime(timezone=True)),
    Column("claimed_by", Text),
    Column("claimed_until", DateTime(timezone=True)),
)

initiative_revision = Table(
    "initiative_revision",
    metadata,
    Column("initiative", UUID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("person", UUID),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("theme", Text, nullable=False),
    Column("scale", Text, nullable=False),
    Column("place", JSONB, nullable=False),
)

decision = Table(
    "decision",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("initiative", UUID, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("decided_by_person", UUID),
)

role_grant = Table(
    "role_grant",
    metadata,
    Column("person", UUID, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("level", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("granted_at", DateTime(timezone=True), nullable=False),
)

role_log = Table(
    "role_log",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("act", Text, nullable=False),
    Column("person", UUID, nullable=False),
    Column("role", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("by_person", UUID),
    Column("by_name", Text, nullable=False),
)

tally = Table(
    "tally",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("ends_at", DateTime(timezone=True), primary_key=True),
    Column("count", Integer, nullable=False),
)

support = Table(
    "support",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("initiative", UUID, nullable=False),
    Column("person", UUID),
    Column("mailbox", LargeBinary),
    Column("commune", Text),
    Column("network", LargeBinary),
    Column("confirmed_at", DateTime(timezone=True), nullable=False),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("held_at", DateTime(timezone=True)),
)

report = Table(
    "report",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("initiative", UUID, nullable=False),
    Column("person", UUID),
    Column("confirmed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("closed_by", Text),
    Column("closed_at", DateTime(timezone=True)),
    Column("note", Text, nullable=False),
)

follower = Table(
    "follower",
    metadata,
    Column("person", UUID, primary_key=True),
    Column("id", UUID, nullable=False),
    Column("leave_key", LargeBinary, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("told_on", Date, nullable=False),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("person", UUID, nullable=False),
    Column("filter", Text, nullable=False),
    Column("area", _geometry("POLYGON", 4326)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("told_until", DateTime(timezone=True), nullable=False),
)

digest = Table(
    "digest",
    metadata,
    Column("subscription", UUID, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("news", Integer, nullable=False),
)
