"""Decidim: meetings, by GraphQL (an address that ends in `/api`) or by the CSV of its open data.

Shape: decidim/decidim, `meeting_type.rb` and `meeting_serializer.rb` of its `decidim-meetings`
(unverified against a live answer). Instances are of many versions, and GraphQL refuses a query as a
whole for one member that it does not know: so it is asked first which of these it has. Meetings
stand in the components of spaces (processes, assemblies …), and each component pages them by a
cursor. Both doors give the same ids. A meeting that is withdrawn is gone, one that is private is
not for the public. Times of the CSV have no offset: Rails writes UTC so (`to_s(:db)`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from mapservice.errors import SourceError
from mapservice.imports.connectors.decidim import LANGUAGES
from mapservice.imports.connectors.model import (
    Connector,
    ConnectorRecord,
    RecordKind,
    first_of,
    member,
    words,
)
from mapservice.imports.connectors.source_event import SourceEvent, gone
from mapservice.imports.connectors.visits import SourceVisit

PAGE_SIZE = 50
_RAILS_TIME = re.compile(r"([\d-]{10})[ T]([\d:.]+) ?(UTC|Z|[+-][\d:]+)?")
ATTENDANCE = {"in_person": "place", "online": "online", "hybrid": "both"}
TRUE = ("true", "t", "1", "yes")
SPACES = ("participatoryProcesses", "assemblies", "conferences", "initiatives")
KNOWS = """
{ spaces: __type(name: "Query") { fields { name } }
  meeting: __type(name: "Meeting") { fields { name } } }"""
# What of a meeting is asked for, where an instance knows it.
NEEDED = ("id", "title", "startTime")
WANTED = {
    "id": "id",
    "title": "title { translations { locale text } }",
    "description": "description { translations { locale text } }",
    "location": "location { translations { locale text } }",
    "locationHints": "locationHints { translations { locale text } }",
    "coordinates": "coordinates { latitude longitude }",
    **{
        name: name
        for name in (
            *("startTime", "endTime", "updatedAt", "address", "typeOfMeeting", "onlineMeetingUrl"),
            *("url", "withdrawn", "isWithdrawn", "withdrawnAt", "privateMeeting", "transparent"),
        )
    },
}


def read(visit: SourceVisit) -> Iterator[ConnectorRecord]:
    """All meetings."""
    if urlsplit(visit.address).path.rstrip("/").endswith("/api"):
        return map(_record, _asked(visit))
    titles = tuple(f"title/{language}" for language in LANGUAGES)
    rows = visit.rows(visit.address, "meetings.csv", ("id",), titles, ("start_time",))
    return map(_of_row, rows)


# --- GraphQL --------------------------------------------------------------------------------------


def _asked(visit: SourceVisit) -> Iterator[Mapping[str, Any]]:
    known = visit.graphql(visit.address, KNOWS)
    members = _names(known, "meeting")
    spaces = [name for name in SPACES if name in _names(known, "spaces")]
    lacking = [name for name in NEEDED if name not in members]
    if lacking or not spaces:
        raise SourceError(f"Decidim has no meetings with {', '.join(lacking or SPACES)}")
    query = MEETINGS.format(members="\n".join(WANTED[name] for name in WANTED if name in members))
    for component in _components(visit, spaces):
        yield from _meetings(visit, query, component)


def _names(known: Mapping[str, Any], name: str) -> set[str]:
    fields = member(known, name).get("fields")
    return {words(member({"": one}, "").get("name")) for one in fields or ()}


def _components(visit: SourceVisit, spaces: list[str]) -> list[str]:
    """The ids of the components that hold meetings."""
    within = "{ components { id __typename } }"
    data = visit.graphql(visit.address, f"{{ {' '.join(f'{one} {within}' for one in spaces)} }}")
    found: dict[str, None] = {}
    for name in spaces:
        listed = data.get(name)
        if not isinstance(listed, list):
            raise SourceError(f"Decidim does not list its {name}")
        for space in listed:
            components = member({"": space}, "").get("components")
            if not isinstance(components, list):
                raise SourceError(f"a space among the {name} of Decidim has no `components`")
            for one in components:
                if member({"": one}, "").get("__typename") == "Meetings":
                    found[words(one.get("id"))] = None
    return list(found)


MEETINGS = """
query Meetings($id: ID!, $first: Int, $after: String) {{
  component(id: $id) {{
    ... on Meetings {{
      meetings(first: $first, after: $after) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{ {members} }}
      }}
    }}
  }}
}}"""


def _meetings(visit: SourceVisit, query: str, component: str) -> Iterator[Mapping[str, Any]]:
    after: str | None = None
    is_last = False

    def page_of(number: int, _: int) -> Any:
        nonlocal after, is_last
        del number
        if is_last:
            return {"nodes": []}
        data = visit.graphql(visit.address, query, id=component, first=PAGE_SIZE, after=after)
        page = member(member(data, "component"), "meetings")
        info = member(page, "pageInfo")
        after, is_last = words(info.get("endCursor")), info.get("hasNextPage") is not True
        return page

    return visit.pages(page_of, _nodes, lambda _: None, lambda one: words(one.get("id")))


def _nodes(page: Mapping[str, Any]) -> list[Any]:
    nodes = page.get("nodes")
    if not isinstance(nodes, list):
        raise SourceError("Decidim gives pages of meetings with `nodes`, not this")
    return nodes


def _record(meeting: Mapping[str, Any]) -> ConnectorRecord:
    identifier = words(meeting.get("id"))
    if not identifier:
        raise SourceError(f"a meeting has an `id`, not {sorted(meeting)[:8]}")
    is_withdrawn = True in (meeting.get("withdrawn"), meeting.get("isWithdrawn"))
    if is_withdrawn or meeting.get("withdrawnAt"):
        return gone(identifier)
    if meeting.get("privateMeeting") is True and meeting.get("transparent") is not True:
        return SourceEvent(external_id=identifier, withheld=PRIVATE).record()
    place = member(meeting, "coordinates")
    return _event(
        meeting,
        title=_translated(meeting, "title"),
        description=_translated(meeting, "description"),
        place=(_translated(meeting, "location"), words(meeting.get("address"))),
        lat=words(place.get("latitude")),
        lon=words(place.get("longitude")),
        names=("id", "startTime", "endTime", "typeOfMeeting", "onlineMeetingUrl", "updatedAt"),
    )


PRIVATE = "is not for the public (private meeting)"


def _translated(meeting: Mapping[str, Any], name: str) -> str:
    """The first of its texts that says anything, French first."""
    told = member(meeting, name).get("translations")
    texts = {
        words(one.get("locale")): words(one.get("text"))
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, Mapping)
    }
    return next(filter(None, (texts.get(one, "") for one in (*LANGUAGES, *texts))), "")


# --- The CSV of the open data ---------------------------------------------------------------------


def _of_row(row: Mapping[str, str]) -> ConnectorRecord:
    identifier = row.get("id", "").strip()
    if not identifier:
        raise SourceError("a meeting of Decidim has no id")
    is_withdrawn = row.get("withdrawn_at") or row.get("state", "").lower() == "withdrawn"
    if is_withdrawn or _says(row, "withdrawn") or row.get("published", "").lower() == "false":
        return gone(identifier)
    if _says(row, "private_meeting") and not _says(row, "transparent"):
        return SourceEvent(external_id=identifier, withheld=PRIVATE).record()
    return _event(
        row,
        title=_text(row, "title"),
        description=_text(row, "description"),
        place=(_text(row, "location"), row.get("address", "")),
        lat=row.get("latitude", ""),
        lon=row.get("longitude", ""),
        names=(
            *("id", "start_time", "end_time", "type_of_meeting", "online_meeting_url"),
            "updated_at",
        ),
    )


def _text(row: Mapping[str, str], name: str) -> str:
    return next(filter(None, (row.get(f"{name}/{language}", "") for language in LANGUAGES)), "")


def _says(row: Mapping[str, str], name: str) -> bool:
    return row.get(name, "").strip().lower() in TRUE


# --- Both -----------------------------------------------------------------------------------------


def _event(
    told: Mapping[str, Any],
    *,
    title: str,
    description: str,
    place: tuple[str, str],
    lat: str,
    lon: str,
    names: tuple[str, str, str, str, str, str],
) -> ConnectorRecord:
    identifier, begins, ends, kind, online, updated = (words(told.get(name)) for name in names)
    attendance = ATTENDANCE.get(kind, "")
    return SourceEvent(
        external_id=identifier,
        title=title,
        description=description,
        categories=words(first_of(told, "category/name/fr", "taxonomies")),
        place=", ".join(dict.fromkeys(filter(None, place))),
        lat=lat,
        lon=lon,
        attendance=attendance,
        page=words(told.get("url")),
        online_url="" if attendance == "place" else online,
        dates=((_moment(begins), _moment(ends)),),
        updated_at=_moment(updated),
    ).record()


def _moment(text: str) -> str:
    """A time of Rails (`2026-05-04 16:30:00`, `… UTC`, `… +0200`) with its offset."""
    match = _RAILS_TIME.fullmatch(text.strip())
    return f"{match[1]}T{match[2]}{match[3] or 'Z'}".replace("UTC", "Z") if match else text


CONNECTOR = Connector(
    "decidim-meetings",
    "Decidim: meetings, by GraphQL (/api) or the CSV of the open data",
    read,
    kind=RecordKind.EVENT,
)
