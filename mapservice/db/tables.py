"""The tables as SQLAlchemy Core sees them; the files in `baseline/` and the
migrations are what makes them.

A test compares the two, so that they cannot drift apart. Those about people: `people_tables.py`.
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
    Interval,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Time,
)
from sqlalchemy.dialects.postgresql import ARRAY, INT4MULTIRANGE, JSONB, REAL, TSVECTOR, UUID

from mapservice.db.engine import JsonSafeText

metadata = MetaData()


def geometry(kind: str, srid: int) -> Geometry:
    return Geometry(kind, srid=srid, spatial_index=False)


territory = Table(
    "territory",
    metadata,
    Column("level", JsonSafeText, primary_key=True),
    Column("code", JsonSafeText, primary_key=True),
    Column("name", Text, nullable=False),
    Column("article", Text, nullable=False),
    Column("population", Integer),
    Column("postcodes", ARRAY(Text), nullable=False),
    Column("epci", JsonSafeText),
    Column("departement", JsonSafeText),
    Column("region", JsonSafeText),
    Column("point", geometry("POINT", 4326), nullable=False),
    Column("outline", geometry("MULTIPOLYGON", 4326), nullable=False),
    Column("outline_3857", geometry("MULTIPOLYGON", 3857), nullable=False),
    Column("approximate", Boolean, nullable=False),
    Column("cog_year", SmallInteger, nullable=False),
    Column("population_year", SmallInteger),
)

epci_part = Table(
    "epci_part",
    metadata,
    Column("epci", JsonSafeText, primary_key=True),
    Column("departement", JsonSafeText, primary_key=True),
    Column("region", JsonSafeText, nullable=False),
    Column("communes", Integer, nullable=False),
    Column("population", Integer),
    Column("population_year", SmallInteger),
)

epci_part_outline = Table(
    "epci_part_outline",
    metadata,
    Column("epci", Text, primary_key=True),
    Column("departement", Text, primary_key=True),
    Column("zoom", SmallInteger, primary_key=True),
    Column("geom", geometry("MULTIPOLYGON", 3857), nullable=False),
)

territory_outline = Table(
    "territory_outline",
    metadata,
    Column("level", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("zoom", SmallInteger, primary_key=True),
    Column("geom", geometry("MULTIPOLYGON", 3857), nullable=False),
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
    Column("theme", JsonSafeText, nullable=False),
    Column("scale", JsonSafeText, nullable=False),
    Column("status", JsonSafeText, nullable=False),
    Column("created_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True)),
    Column("source_platform", Text, nullable=False),
    Column("source_id", Text),
    Column("source_url", Text, nullable=False),
    Column("source_licence", Text, nullable=False),
    Column("source_digest", Text),
    Column("place_text", Text, nullable=False),
    Column("precision", JsonSafeText, nullable=False),
    Column("point", geometry("POINT", 4326)),
    Column("commune", JsonSafeText),
    Column("epci", JsonSafeText),
    Column("departement", JsonSafeText),
    Column("region", JsonSafeText),
    Column("anchor", geometry("POINT", 4326)),
    Column("anchor_3857", geometry("POINT", 3857)),
    Column("cell", BigInteger),
    Column("supporters", Integer, nullable=False),
    Column("search", TSVECTOR),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("state_since", DateTime(timezone=True), nullable=False),
    Column("told_here", Integer, nullable=False),
    Column("local_here", Integer, nullable=False),
    Column("created_period", JsonSafeText),
    Column("source_supporters", Integer),
    Column("address", Text),
    Column("opening_hours", Text),
    Column("open_minutes", INT4MULTIRANGE),
    Column("start_day", Date),
    Column("end_day", Date),
    Column("start_time", Time),
    Column("end_time", Time),
    Column("is_free", Boolean),
    Column("price", Text),
    Column("wheelchair", JsonSafeText),
    Column("website", Text),
    Column("tags", ARRAY(Text)),
    Column("audience", ARRAY(Text)),
)

territory_mosaic = Table(
    "territory_mosaic",
    metadata,
    Column("level", JsonSafeText, primary_key=True),
    Column("content", LargeBinary, nullable=False),
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
    Column("kept", Interval, nullable=False),
    Column("asker", LargeBinary),
)

backup = Table(
    "backup",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("folder", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("verified_at", DateTime(timezone=True)),
    Column("erasure_key", LargeBinary, nullable=False),
)

photo = Table(
    "photo",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("initiative", UUID),
    Column("form", UUID),
    Column("person", UUID),
    Column("position", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("widths", ARRAY(SmallInteger), nullable=False),
    Column("width", SmallInteger, nullable=False),
    Column("height", SmallInteger, nullable=False),
    Column("shared_width", SmallInteger, nullable=False),
    Column("shared_height", SmallInteger, nullable=False),
    Column("shared_bytes", Integer, nullable=False),
    Column("alt", Text, nullable=False),
    Column("credit", Text, nullable=False),
    Column("focal_x", SmallInteger, nullable=False),
    Column("focal_y", SmallInteger, nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("post", UUID),
)

photo_removal = Table(
    "photo_removal",
    metadata,
    Column("name", Text, primary_key=True),
    Column("files", ARRAY(Text), nullable=False),
    Column("removed_at", DateTime(timezone=True), nullable=False),
)

initiative_detail = Table(
    "initiative_detail",
    metadata,
    Column("initiative", UUID, primary_key=True),
    Column("attributes", JSONB, nullable=False),
    Column("withheld", JSONB, nullable=False),
    Column("shape", geometry("GEOMETRY", 4326)),
)

import_source = Table(
    "import_source",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("trusted", Boolean, nullable=False),
    Column("owner", UUID),
    Column("mapping", JSONB, nullable=False),
    Column("licence", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("connector", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("attribution", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("rhythm", Text, nullable=False),
    Column("validators", JSONB, nullable=False),
    Column("digest", Text, nullable=False),
    Column("sweep_state", Text, nullable=False),
    Column("sweep_reason", Text, nullable=False),
    Column("tried_at", DateTime(timezone=True)),
    Column("swept_at", DateTime(timezone=True)),
)

import_run = Table(
    "import_run",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("person", UUID),
    Column("started_by", Text, nullable=False),
    Column("is_moderated", Boolean, nullable=False),
    Column("is_snapshot", Boolean, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("undone_at", DateTime(timezone=True)),
    Column("reading", JSONB, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("report", Text, nullable=False),
)

import_change = Table(
    "import_change",
    metadata,
    Column("run", BigInteger, primary_key=True),
    Column("initiative", UUID, primary_key=True),
    Column("former", JSONB),
)

import_event_change = Table(
    "import_event_change",
    metadata,
    Column("run", BigInteger, primary_key=True),
    Column("series", UUID, primary_key=True),
    Column("former", JSONB),
)

import_upload = Table(
    "import_upload",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("person", UUID),
    Column("sent_by", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("preview", JSONB, nullable=False),
    Column("done_rows", BigInteger, nullable=False),
    Column("total_rows", BigInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("run", BigInteger),
    Column("sent_at", DateTime(timezone=True), nullable=False),
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
    Column("told", Integer, nullable=False),
    Column("local", Integer, nullable=False),
    Column("groups", Integer, nullable=False),
    Column("events", Integer, nullable=False),
)

rollup_series = Table(
    "rollup_series",
    metadata,
    Column("level", Text, primary_key=True),
    Column("theme", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("months", LargeBinary, nullable=False),
    Column("initiatives", LargeBinary, nullable=False),
    Column("supporters", LargeBinary, nullable=False),
    Column("told", LargeBinary, nullable=False),
    Column("local", LargeBinary, nullable=False),
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

sample_offered = Table(
    "sample_offered",
    metadata,
    Column("only_one", Boolean, primary_key=True),
    Column("offered_at", DateTime(timezone=True), nullable=False),
)

spot_change = Table(
    "spot_change",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("layer", JsonSafeText, nullable=False),
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
    Column("told", Integer, nullable=False),
    Column("local", Integer, nullable=False),
    Column("groups", Integer, nullable=False),
    Column("events", Integer, nullable=False),
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

definition = Table(
    "definition",
    metadata,
    Column("name", Text, primary_key=True),
    Column("written", Text, nullable=False),
    Column("made", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)
