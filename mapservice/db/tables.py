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
