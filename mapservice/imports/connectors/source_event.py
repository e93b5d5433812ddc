"""What a connector tells of one event: the words between it and the room of events, which reads it.

Its source's own texts, neither cleaned nor understood; "" for what the source does not say.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from mapservice.imports.connectors.model import ConnectorRecord

Dates = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEvent:
    """One event, however many dates it has.

    `dates`: when each begins and ends ("" for no end), in ISO 8601. Those without an offset are by
    the clock of `zone`, an IANA name; those with one are the same moments by that clock.
    `place` is what people read (name, street), `postcode`, `city` and `citycode` (INSEE) are told
    beside it; `lat` and `lon` are EPSG:4326. `attendance` is place, online or both. `status` is
    tentative, cancelled, postponed (to a day that nobody knows), or "". `note` stands beside its
    dates. `withheld`: why it is not for the public, as it is private; nothing else is told then.
    """

    external_id: str
    title: str = ""
    description: str = ""
    categories: str = ""
    place: str = ""
    postcode: str = ""
    city: str = ""
    citycode: str = ""
    lat: str = ""
    lon: str = ""
    attendance: str = ""
    page: str = ""
    online_url: str = ""
    registration_url: str = ""
    zone: str = ""
    dates: Dates = ()
    status: str = ""
    note: str = ""
    updated_at: str = ""
    licence: str = ""
    withheld: str = ""

    def record(self) -> ConnectorRecord:
        """What a connector yields: what is said, and nothing of what may not be public."""
        said = self
        if self.withheld:
            said = SourceEvent(external_id=self.external_id, withheld=self.withheld)
        told = asdict(said) | {"dates": [list(one) for one in said.dates]}
        return ConnectorRecord({name: value for name, value in told.items() if value})

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Its inverse, of members as they were kept."""
        known = {one.name for one in fields(cls)}
        values = {name: value for name, value in told.items() if name in known}
        dates = tuple((str(begin), str(end)) for begin, end in values.pop("dates", ()))
        return replace(cls(**{"external_id": "", **values}), dates=dates)


def gone(identifier: str) -> ConnectorRecord:
    """An event of which its source says that there is none any more."""
    return ConnectorRecord({"external_id": identifier}, is_gone=True)
