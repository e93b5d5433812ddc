"""Services of events on loopback, which page as the true ones say that they do."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.outgoing.stand_in import Handler, StandIn

Records = list[dict[str, Any]]
DECIDIM_KNOWS = (
    *("id", "title", "description", "location", "address", "coordinates", "startTime", "endTime"),
    *("updatedAt", "typeOfMeeting", "onlineMeetingUrl", "url", "isWithdrawn", "withdrawnAt"),
    *("privateMeeting", "transparent"),
)


class OpenAgendaService:
    """The events of one agenda, by a cursor; `most` a page, whatever is asked for."""

    path = "/v2/agendas/1/events"

    def __init__(self, stand_in: StandIn, events: Records, most: int = 100) -> None:
        self.events, self.most = events, most
        self.total: int | None = None
        self.address = f"{stand_in.base}{self.path}"
        stand_in.routes[self.path] = self.answer

    def answer(self, handler: Handler) -> None:
        asked = parse_qs(urlsplit(handler.path).query)
        since = asked.get("updatedAt[gte]", [""])[0]
        found = [
            one
            for one in sorted(self.events, key=lambda one: str(one["updatedAt"]))
            if one["updatedAt"] >= since and ("removed" in asked or not one.get("removed"))
        ]
        done = int(asked.get("after[]", ["0"])[-1])
        size = min(self.most, int(asked["size"][0]))
        page, left = found[done : done + size], len(found) - done - size
        after = ["0", str(done + size)] if left > 0 else None
        total = len(found) if self.total is None else self.total
        handler.give(json.dumps({"total": total, "events": page, "after": after}).encode())


class MobilizonService:
    """The list of an instance, by the number of a page."""

    path = "/api"

    def __init__(self, stand_in: StandIn, events: Records) -> None:
        self.events = events
        self.total: int | None = None
        self.address = f"{stand_in.base}{self.path}"
        stand_in.routes[self.path] = self.answer

    def answer(self, handler: Handler) -> None:
        told = json.loads(handler.question)["variables"]
        first = (told["page"] - 1) * told["limit"]
        elements = self.events[first : first + told["limit"]]
        total = len(self.events) if self.total is None else self.total
        give_data(handler, {"events": {"total": total, "elements": elements}})


class DecidimService:
    """A process and an assembly, each with a component of meetings; of two pages where they can."""

    path = "/api"

    def __init__(self, stand_in: StandIn, meetings: Records) -> None:
        self.meetings = meetings
        self.queries: list[str] = []
        self.address = f"{stand_in.base}{self.path}"
        stand_in.routes[self.path] = self.answer

    def answer(self, handler: Handler) -> None:
        asked = json.loads(handler.question)
        query, variables = asked["query"], asked["variables"]
        self.queries.append(query)
        if "__type(" in query:
            spaces = [{"name": one} for one in ("participatoryProcesses", "assemblies", "users")]
            members = [{"name": one} for one in DECIDIM_KNOWS]
            give_data(handler, {"spaces": {"fields": spaces}, "meeting": {"fields": members}})
        elif "component(" not in query:
            others = {"id": "9", "__typename": "Proposals"}
            space = {"components": [others, {"id": "1", "__typename": "Meetings"}]}
            empty = {"components": [{"id": "2", "__typename": "Meetings"}]}
            give_data(handler, {"participatoryProcesses": [space], "assemblies": [empty]})
        else:
            every = self.meetings if variables["id"] == "1" else []
            half = max(1, len(every) // 2)
            first = variables["after"] is None
            page = {
                "pageInfo": {"hasNextPage": first and len(every) > half, "endCursor": "Mw"},
                "nodes": every[:half] if first else every[half:],
            }
            give_data(handler, {"component": {"meetings": page}})


def give_data(handler: Handler, data: Mapping[str, Any]) -> None:
    handler.give(json.dumps({"data": data}).encode())
