"""What a package says, read in one snapshot through cursors, so that memory does not grow.

A record is what stands on one line of a file. An initiative that began here is told as one whose
source is this service: so the package says the same wherever it is read.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
    union,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE

from mapservice.db.event_tables import event, event_series
from mapservice.db.group_tables import group_initiative, group_member, local_group
from mapservice.db.people_tables import merge_line, need, post, support
from mapservice.db.tables import initiative, initiative_detail, location_match, photo, territory
from mapservice.events.model import PUBLIC as PUBLIC_EVENTS
from mapservice.groups.model import BELONGING
from mapservice.groups.model import PUBLIC as PUBLIC_GROUPS
from mapservice.initiatives.conditions import about, where
from mapservice.initiatives.facts import FACT_COLUMNS
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.licences import forbids_reuse
from mapservice.initiatives.model import PUBLIC
from mapservice.initiatives.queries import MADE_UP_PLATFORMS
from mapservice.media.model import file_name
from mapservice.publishing.packages.model import LeftOut, LicenceCount, PackageOrigin

ROWS = 2_000
# Enough for a double to come back as it was.
EXACT_DECIMALS = 15
# Posts that pages show with an initiative; thanks go to supporters alone.
TOLD = ("news", "closing")

_own = initiative.c
_commune = territory.alias("commune_of")
_region = territory.alias("region_of")


@dataclass(frozen=True, slots=True)
class PackageContent:
    """Which initiatives are in a package, and under which licences they and others are."""

    filters: InitiativeFilters
    licences: tuple[LicenceCount, ...]
    refused: tuple[LicenceCount, ...]

    @property
    def total(self) -> int:
        return sum(one.initiatives for one in self.licences)

    def conditions(self) -> list[ColumnElement[bool]]:
        found = where(self.filters)
        if self.refused:
            found.append(_own.source_licence.not_in([one.licence for one in self.refused]))
        return found

    def ids(self) -> Subquery:
        return select(_own.id).where(*self.conditions()).subquery("included")


def content(connection: Connection, filters: InitiativeFilters) -> PackageContent:
    """What a filter means here: all that is public, unless it names a status."""
    filters = replace(filters, status=filters.status or PUBLIC)
    query = (
        select(_own.source_licence, func.count())
        .where(*where(filters))
        .group_by(_own.source_licence)
        .order_by(func.count().desc(), _own.source_licence)
    )
    counted = [LicenceCount(*row) for row in connection.execute(query)]
    return PackageContent(
        filters,
        tuple(one for one in counted if not forbids_reuse(one.licence)),
        tuple(one for one in counted if forbids_reuse(one.licence)),
    )


def made_up(connection: Connection, chosen: PackageContent) -> int:
    """How many of the chosen initiatives are the sample's, which nobody does."""
    sample = _own.source_platform.in_(MADE_UP_PLATFORMS)
    query = select(func.count()).select_from(initiative).where(*chosen.conditions(), sample)
    return _count(connection, query)


def territory_names(connection: Connection, filters: InitiativeFilters) -> list[dict[str, str]]:
    """The territories that a filter names, as objects."""
    found = []
    for ref in filters.territory:
        query = select(territory.c.name).where(
            territory.c.level == str(ref.level), territory.c.code == ref.code
        )
        name = connection.execute(query).scalar_one_or_none() or ref.code
        found.append({"level": str(ref.level), "code": ref.code, "name": name})
    return found


def initiatives(
    connection: Connection, chosen: PackageContent, origin: PackageOrigin
) -> Iterator[dict[str, Any]]:
    """GeoJSON features in the order of their ids."""
    return _features(connection, chosen.conditions(), origin)


def standing(
    connection: Connection, ids: Sequence[UUID], origin: PackageOrigin
) -> dict[UUID, dict[str, Any]]:
    """The lines that a package made at this moment would have of these initiatives, by id."""
    found = _features(connection, [_own.id.in_(list(ids))], origin)
    return {UUID(str(line["properties"]["id"])): line for line in found}


def _features(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], origin: PackageOrigin
) -> Iterator[dict[str, Any]]:
    joined = (
        initiative.outerjoin(initiative_detail, initiative_detail.c.initiative == _own.id)
        .outerjoin(location_match, _match.initiative == _own.id)
        .outerjoin(_commune, and_(_commune.c.level == "commune", _commune.c.code == _own.commune))
        .outerjoin(_region, and_(_region.c.level == "region", _region.c.code == _own.region))
    )
    query: Select[Any] = (
        select(
            *(_own[name] for name in _PLAIN),
            _commune.c.name.label("commune_name"),
            _region.c.name.label("region_name"),
            *(_own[name] for name in FACT_COLUMNS),
            _geojson(_own.point).label("point"),
            _geojson(initiative_detail.c.shape).label("shape"),
            initiative_detail.c.attributes,
            *(_match[name].label(f"match_{name}") for name in _MATCH),
        )
        .select_from(joined)
        .where(*conditions)
        .order_by(_own.id)
    )
    for row in _rows(connection, query):
        yield _initiative(row, origin)


_PLAIN = (
    *("id", "title", "summary", "description", "theme", "status", "scale", "precision", "commune"),
    *("epci", "departement", "region", "place_text", "supporters", "source_supporters"),
    *("created_at", "created_period", "updated_at", "source_platform", "source_id", "source_url"),
    "source_licence",
)
_MATCH = ("status", "score", "method", "cog_year", "attribution")
_match = location_match.c


def _geojson(geometry: ColumnElement[Any]) -> ColumnElement[Any]:
    # Typed as text, lest GeoAlchemy2 turn it into EWKB on its way through SQL.
    return func.ST_AsGeoJSON(type_coerce(geometry, Text), EXACT_DECIMALS, type_=Text())


def _initiative(row: Row[Any], origin: PackageOrigin) -> dict[str, Any]:
    url = f"{origin.base_url}/initiatives/{row.id}"
    match = None
    if row.match_method:
        match = {name: _json(getattr(row, f"match_{name}")) for name in _MATCH}
    properties = {
        "id": str(row.id),
        **{
            name: _json(getattr(row, name))
            for name in _PLAIN
            if name != "id" and not name.startswith("source_")
        },
        "commune_name": row.commune_name,
        "region_name": row.region_name,
        "place_match": match,
        "shape": json.loads(row.shape) if row.shape else None,
        "source_supporters": row.source_supporters,
        "url": url,
        "source_id": row.source_id if row.source_platform else str(row.id),
        **source_of(row.source_platform, row.source_url, row.source_licence, origin, url),
        **{name: _json(getattr(row, name)) for name in FACT_COLUMNS},
        "attributes": row.attributes or None,
    }
    return {
        "type": "Feature",
        "id": str(row.id),
        "geometry": json.loads(row.point) if row.point else None,
        "properties": properties,
    }


def source_of(
    platform: str, url: str, licence: str, origin: PackageOrigin, page: str
) -> dict[str, str | None]:
    """Who published it first, and where; what began here has this service and its page here."""
    source = platform or origin.name
    if not platform:
        url = page if origin.base_url else ""
    return {
        "source": source,
        "source_url": url or None,
        "licence": licence or None,
        "attribution": f"{source} ({licence})" if licence else source,
    }


def posts(
    connection: Connection, chosen: PackageContent, origin: PackageOrigin
) -> Iterator[dict[str, Any]]:
    """News and closing words in view; of what was merged, as told of what it was merged into."""
    heads = _heads(chosen)
    query: Select[Any] = (
        select(
            post.c.id,
            heads.c.head.label("initiative"),
            *(post.c[name] for name in ("kind", "text", "closed_as", "made_at", "published_at")),
            *_SOURCE,
        )
        .select_from(
            post.join(heads, heads.c.member == post.c.initiative).join(
                initiative, _own.id == heads.c.head
            )
        )
        .where(post.c.state == "public", post.c.kind.in_(TOLD))
        .order_by(post.c.id)
    )
    for row in _rows(connection, query):
        yield _record(row, origin, _page_of(origin, row.initiative))


_SOURCE = (
    _own.source_platform.label("source_platform"),
    _own.source_url.label("source_url"),
    _own.source_licence.label("source_licence"),
)


def photos(
    connection: Connection, chosen: PackageContent, origin: PackageOrigin
) -> Iterator[tuple[dict[str, Any], str]]:
    """Public photos and those of public news, with the name of the widest file of each."""
    heads = _heads(chosen)
    query: Select[Any] = (
        select(
            photo.c.id,
            heads.c.head.label("initiative"),
            *(photo.c[name] for name in _PHOTO),
            photo.c.name.label("stored"),
            *_SOURCE,
        )
        .select_from(
            photo.join(heads, heads.c.member == photo.c.initiative)
            .join(initiative, _own.id == heads.c.head)
            .outerjoin(post, post.c.id == photo.c.post)
        )
        .where(
            photo.c.state == "public",
            or_(
                and_(photo.c.post.is_(None), heads.c.head == heads.c.member),
                and_(post.c.state == "public", post.c.kind.in_(TOLD)),
            ),
        )
        .order_by(photo.c.id)
    )
    for row in _rows(connection, query):
        record = _record(row, origin, _page_of(origin, row.initiative))
        del record["stored"]
        yield record, file_name(row.stored, row.width)


_PHOTO = (
    *("post", "position", "alt", "credit", "focal_x", "focal_y", "width", "height", "added_at"),
)


def groups(
    connection: Connection, chosen: PackageContent, origin: PackageOrigin
) -> Iterator[dict[str, Any]]:
    """Groups as GeoJSON features, with how many belong to them: never who."""
    included = chosen.ids()
    linked = (
        select(
            func.array_agg(
                aggregate_order_by(
                    group_initiative.c.initiative,
                    group_initiative.c.added_at,
                    group_initiative.c.initiative,
                )
            )
        )
        .where(
            group_initiative.c.local_group == local_group.c.id,
            group_initiative.c.initiative.in_(select(included.c.id)),
        )
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(
            *(local_group.c[name] for name in _GROUP),
            func.coalesce(linked, cast([], ARRAY(UUID_TYPE))).label("initiatives"),
            _geojson(local_group.c.point).label("point"),
            local_group.c.source.label("source_platform"),
            local_group.c.source_url,
            local_group.c.source_licence,
        )
        .where(*_group_conditions(chosen))
        .order_by(local_group.c.id)
    )
    for row in _rows(connection, query):
        page = f"{origin.base_url}/groupes/{row.id}"
        record = _record(row, origin, page)
        point = record.pop("point")
        yield {
            "type": "Feature",
            "id": record["id"],
            "geometry": json.loads(point) if point else None,
            "properties": record | {"url": page},
        }


_GROUP = (
    *("id", "status", "name", "summary", "description", "theme", "openness", "organisation"),
    *("area", "precision", "commune", "epci", "departement", "region", "place_text", "members"),
    *("last_sign_at", "submitted_at", "published_at", "archived_at"),
)


def _group_conditions(chosen: PackageContent) -> list[ColumnElement[bool]]:
    """Groups of the words, themes and places of the filter; those of the rest belong to none."""
    statuses = [str(status) for status in PUBLIC_GROUPS]
    return [local_group.c.status.in_(statuses), *about(chosen.filters, local_group)]


def series(
    connection: Connection, chosen: PackageContent, origin: PackageOrigin
) -> Iterator[dict[str, Any]]:
    """When events take place; a series that none of the chosen events belongs to is not told."""
    shown = select(event.c.series).where(*_event_conditions(chosen))
    told_groups = select(local_group.c.id).where(*_group_conditions(chosen))
    query: Select[Any] = (
        select(
            *(event_series.c[name] for name in _SERIES),
            case((event_series.c.continues.in_(shown), event_series.c.continues)).label(
                "continues"
            ),
            case((event_series.c.local_group.in_(told_groups), event_series.c.local_group)).label(
                "group"
            ),
            event_series.c.source.label("source_platform"),
            event_series.c.source_url,
            event_series.c.source_licence,
        )
        .where(event_series.c.id.in_(shown), event_series.c.published_at.is_not(None))
        .order_by(event_series.c.id)
    )
    for row in _rows(connection, query):
        yield _record(row, origin)


_SERIES = (
    *("id", "starts_local", "duration", "zone", "rrule", "exdates", "rdates", "made_until"),
    *("submitted_at", "published_at"),
)


def events(
    connection: Connection, chosen: PackageContent, origin: PackageOrigin
) -> Iterator[dict[str, Any]]:
    """Occurrences as GeoJSON features.

    Seats are given where they were offered, by the organiser: elsewhere registration leads there,
    and an address for people who have a seat is told to nobody.
    """
    included = chosen.ids()
    elsewhere = event.c.registration.in_(("open", "approval"))
    query: Select[Any] = (
        select(
            *(event.c[name] for name in _EVENT),
            case((event.c.initiative.in_(select(included.c.id)), event.c.initiative)).label(
                "initiative"
            ),
            case((elsewhere, literal("external")), else_=event.c.registration).label(
                "registration"
            ),
            case((elsewhere, literal("")), else_=event.c.registration_url).label(
                "registration_url"
            ),
            case((elsewhere, literal("")), else_=event.c.online_url).label("online_url"),
            _geojson(event.c.point).label("point"),
            event_series.c.source.label("source_platform"),
            event_series.c.source_url,
            event_series.c.source_licence,
        )
        .select_from(event.join(event_series, event_series.c.id == event.c.series))
        .where(*_event_conditions(chosen), event_series.c.published_at.is_not(None))
        .order_by(event.c.id)
    )
    for row in _rows(connection, query):
        record = _record(row, origin)
        point = record.pop("point")
        page = f"{origin.base_url}/evenements/{row.id}"
        record["url"] = page
        if record["registration"] == "external" and not record["registration_url"]:
            record["registration_url"] = page
        yield {
            "type": "Feature",
            "id": record["id"],
            "geometry": json.loads(point) if point else None,
            "properties": record,
        }


_EVENT = (
    *("id", "series", "recurrence_id", "changed_alone", "status", "title", "summary"),
    *("description", "theme", "starts_at", "ends_at", "zone", "starts_local", "ends_local", "mode"),
    *("place_text", "precision", "commune", "epci", "departement", "region"),
    *("capacity", "former_starts_at", "former_place", "note", "sequence", "created_at"),
    "cancelled_at",
)


def _event_conditions(chosen: PackageContent) -> list[ColumnElement[bool]]:
    """Events of the words, themes and places of the filter; those of the rest belong to none."""
    statuses = [str(status) for status in PUBLIC_EVENTS]
    return [event.c.status.in_(statuses), *about(chosen.filters, event)]


def left_out(connection: Connection, chosen: PackageContent) -> list[LeftOut]:
    """What is here, and stays here, each with its number."""
    included = chosen.ids()
    within = select(included.c.id)
    heads = _heads(chosen)
    members = select(heads.c.member)
    told_groups = select(local_group.c.id).where(*_group_conditions(chosen))
    # Of the same words, themes and places, whatever their state.
    waiting = and_(true(), *about(chosen.filters, initiative))
    found = [
        LeftOut(
            "initiatives that are not public",
            _count(
                connection,
                select(func.count())
                .select_from(initiative)
                .where(waiting, _own.status.not_in([*map(str, PUBLIC), "merged"])),
            ),
            "drafts, and what waits for moderators or was rejected",
        ),
        *(
            LeftOut(
                f"initiatives under {one.licence!r}", one.initiatives, "the licence forbids reuse"
            )
            for one in chosen.refused
        ),
        LeftOut(
            "initiatives with cells about persons",
            _count(
                connection,
                select(func.count())
                .select_from(initiative_detail)
                .where(
                    initiative_detail.c.initiative.in_(within),
                    cast(initiative_detail.c.withheld, Text) != literal_column("'{}'"),
                ),
            ),
            "names, mobile numbers, mail boxes of persons; the initiatives are here without them",
        ),
        LeftOut(
            "supports",
            _count(
                connection,
                select(func.count())
                .select_from(support)
                .where(
                    support.c.initiative.in_(members),
                    support.c.withdrawn_at.is_(None),
                    support.c.held_at.is_(None),
                ),
            ),
            "who supports is personal; the numbers are here",
        ),
        LeftOut(
            "comments",
            _count(
                connection,
                select(func.count())
                .select_from(post)
                .where(
                    post.c.initiative.in_(members),
                    post.c.kind == "comment",
                    post.c.state == "public",
                ),
            ),
            "words of visitors, who gave them to this service alone",
        ),
        LeftOut(
            "calls for help",
            _count(
                connection,
                select(func.count())
                .select_from(need)
                .where(or_(need.c.initiative.in_(within), need.c.local_group.in_(told_groups))),
            ),
            "who answers one must reach its author, who is known here alone",
        ),
        LeftOut(
            "members of groups",
            _count(
                connection,
                select(func.count())
                .select_from(group_member)
                .where(
                    group_member.c.local_group.in_(told_groups),
                    group_member.c.standing.in_([str(one) for one in BELONGING]),
                ),
            ),
            "who belongs to a group is personal; the numbers are here",
        ),
    ]
    return [one for one in found if one.count]


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())


def _heads(chosen: PackageContent) -> Subquery:
    """Each included initiative with itself and all that was merged into it."""
    included = chosen.ids()
    return union(
        select(included.c.id.label("head"), included.c.id.label("member")),
        select(merge_line.c.ancestor, merge_line.c.member).where(
            merge_line.c.ancestor.in_(select(included.c.id))
        ),
    ).subquery("heads")


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    buffered = {"stream_results": True, "max_row_buffer": ROWS}
    with connection.execute(query, execution_options=buffered) as rows:
        yield from rows


def _page_of(origin: PackageOrigin, initiative: UUID) -> str:
    return f"{origin.base_url}/initiatives/{initiative}"


def _record(row: Row[Any], origin: PackageOrigin, page: str = "") -> dict[str, Any]:
    """The columns of a row as JSON holds them, with its source: `page` for what began here."""
    values = {name: _json(value) for name, value in row._mapping.items()}
    platform, url, licence = (
        values.pop(name) for name in ("source_platform", "source_url", "source_licence")
    )
    return values | source_of(platform, url, licence, origin, page)


def _json(value: Any) -> Any:
    """Moments are UTC (RFC 3339), with as many digits as were kept; wall times have no zone."""
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case time():
            return value.isoformat("minutes")
        case date():
            return value.isoformat()
        case timedelta():
            # ISO 8601, of seconds alone.
            return f"PT{value.days * 86_400 + value.seconds}S"
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_json(one) for one in value]
        case dict():
            return value
    return str(value)
