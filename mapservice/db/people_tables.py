"""The tables about people, as SQLAlchemy Core sees them: what they give, do, decide and get."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, UUID

from mapservice.db.engine import JsonSafeText
from mapservice.db.tables import geometry, metadata

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
    Column("slug", Text),
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
    Column("second_factor_at", DateTime(timezone=True)),
)

second_factor = Table(
    "second_factor",
    metadata,
    Column("person", UUID, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("last_step", BigInteger, nullable=False),
    Column("spare", ARRAY(LargeBinary), nullable=False),
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
    Column("renderer", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
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
    Column("photos", JSONB, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("needs", JSONB, nullable=False),
)

need = Table(
    "need",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("initiative", UUID),
    Column("words", Text, nullable=False),
    Column("day", Date),
    Column("places", SmallInteger, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("local_group", UUID),
    Column("event", UUID),
    Column("skill", JsonSafeText, nullable=False),
)

# A view, so none of `metadata`: what asks for each need, with the columns that filters read.
need_owner = Table(
    "need_owner",
    MetaData(),
    Column("need", UUID, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("owner", UUID, nullable=False),
    Column("title", Text, nullable=False),
    Column("theme", JsonSafeText, nullable=False),
    Column("search", TSVECTOR, nullable=False),
    Column("precision", JsonSafeText, nullable=False),
    Column("commune", JsonSafeText),
    Column("epci", JsonSafeText),
    Column("departement", JsonSafeText),
    Column("region", JsonSafeText),
    Column("anchor", geometry("POINT", 4326)),
    Column("anchor_3857", geometry("POINT", 3857)),
    Column("day", Date),
    Column("is_public", Boolean, nullable=False),
    Column("is_open", Boolean, nullable=False),
)
registration = Table(
    "registration",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("need", UUID, nullable=False),
    Column("person", UUID, nullable=False),
    Column("shows_contact", Boolean, nullable=False),
    Column("leave_key", LargeBinary, nullable=False),
    Column("confirmed_at", DateTime(timezone=True), nullable=False),
)

decision = Table(
    "decision",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("initiative", UUID),
    Column("revision", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("decided_by_person", UUID),
    Column("target", UUID),
    Column("report", UUID),
    Column("event_series", UUID),
    Column("local_group", UUID),
)

merge = Table(
    "merge",
    metadata,
    Column("initiative", UUID, primary_key=True),
    Column("target", UUID, nullable=False),
    Column("former", Text, nullable=False),
    Column("queued_at", DateTime(timezone=True)),
    Column("merged_at", DateTime(timezone=True), nullable=False),
)

merge_line = Table(
    "merge_line",
    metadata,
    Column("ancestor", UUID, primary_key=True),
    Column("member", UUID, primary_key=True),
)

appeal = Table(
    "appeal",
    metadata,
    Column("decision", BigInteger, primary_key=True),
    Column("initiative", UUID, nullable=False),
    Column("words", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)

waiting = Table(
    "waiting",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", UUID, primary_key=True),
    Column("initiative", UUID),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("claimed_by", Text),
    Column("claimed_until", DateTime(timezone=True)),
    Column("event_series", UUID),
    Column("local_group", UUID),
)

waiting_area = Table(
    "waiting_area",
    metadata,
    Column("area", Text, primary_key=True),
    Column("since", DateTime(timezone=True), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", UUID, primary_key=True),
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
    Column("person", UUID, nullable=False),
    Column("commune", Text),
    Column("network", LargeBinary),
    Column("confirmed_at", DateTime(timezone=True), nullable=False),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("held_at", DateTime(timezone=True)),
    Column("burst", UUID),
)

burst = Table(
    "burst",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("initiative", UUID, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("sweeping", Boolean, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("size", Integer, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", Text),
    Column("decided_by_person", UUID),
    Column("note", Text, nullable=False),
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
    Column("photo", UUID),
    Column("post", UUID),
)

post = Table(
    "post",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("initiative", UUID, nullable=False),
    Column("person", UUID),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("closed_as", Text),
    Column("state", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("queued_at", DateTime(timezone=True)),
    Column("published_at", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("search", TSVECTOR),
)

conversation = Table(
    "conversation",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("initiative", UUID, nullable=False),
    Column("author", UUID, nullable=False),
    Column("visitor", UUID, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
)

reply_link = Table(
    "reply_link",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("conversation", UUID, nullable=False),
    Column("side", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)

follower = Table(
    "follower",
    metadata,
    Column("person", UUID, primary_key=True),
    Column("id", UUID, nullable=False),
    Column("leave_key", LargeBinary, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("told_on", Date, nullable=False),
    Column("by_mail", Boolean, nullable=False),
)

push_endpoint = Table(
    "push_endpoint",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("person", UUID, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("p256dh", LargeBinary, nullable=False),
    Column("auth", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

push_message = Table(
    "push_message",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("endpoint", UUID, nullable=False),
    Column("digest", UUID, nullable=False),
    Column("payload", Text, nullable=False),
    Column("instead", JSONB),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", DateTime(timezone=True), nullable=False),
    Column("give_up_at", DateTime(timezone=True), nullable=False),
    Column("last_error", Text, nullable=False),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("person", UUID, nullable=False),
    Column("filter", Text, nullable=False),
    Column("area", geometry("POLYGON", 4326)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("told_until", DateTime(timezone=True), nullable=False),
)

initiative_subscription = Table(
    "initiative_subscription",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("person", UUID, nullable=False),
    Column("initiative", UUID, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

post_due = Table(
    "post_due",
    metadata,
    Column("person", UUID, primary_key=True),
    Column("post", UUID, primary_key=True),
)

digest = Table(
    "digest",
    metadata,
    Column("subscription", UUID, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("news", Integer, nullable=False),
)

briefing_reader = Table(
    "briefing_reader",
    metadata,
    Column("person", UUID, primary_key=True),
    Column("id", UUID, nullable=False),
    Column("leave_key", LargeBinary, nullable=False),
    Column("told_on", Date, nullable=False),
    Column("quiet_weeks", SmallInteger, nullable=False),
    Column("left_at", DateTime(timezone=True)),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("person", UUID, nullable=False),
    Column("form", UUID, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("last_used_on", Date),
)

report_schedule = Table(
    "report_schedule",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("person", UUID, nullable=False),
    Column("view", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("leave_key", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("ordered_for", Date, nullable=False),
    Column("told_for", Date, nullable=False),
    Column("export", UUID),
)
