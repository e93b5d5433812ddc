"""What an initiative is: its closed vocabularies and the values that cross package borders."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Theme(StrEnum):
    """Eight themes, each with its hue, icon and word; `autre` is what no theme claims."""

    ENVIRONNEMENT = "environnement"
    ALIMENTATION = "alimentation"
    MOBILITE = "mobilite"
    HABITAT = "habitat"
    SOLIDARITE = "solidarite"
    EDUCATION = "education"
    CULTURE = "culture"
    ECONOMIE = "economie"
    AUTRE = "autre"


class Status(StrEnum):
    """States of an initiative; only PUBLISHED, DONE and ARCHIVED are ever public.

    MERGED: a moderator took it for the same as another one, which its address leads to.
    """

    DRAFT = "draft"
    PENDING = "pending"
    PUBLISHED = "published"
    REJECTED = "rejected"
    DONE = "done"
    ARCHIVED = "archived"
    MERGED = "merged"


# What a listing shows when no status is asked for.
LISTED = (Status.PUBLISHED, Status.DONE)
# What anybody may ask for by name.
PUBLIC = (Status.PUBLISHED, Status.DONE, Status.ARCHIVED)


class Scale(StrEnum):
    """The extent that an initiative is meant for, as its author sees it."""

    COMMUNE = "commune"
    EPCI = "epci"
    DEPARTEMENT = "departement"
    REGION = "region"
    NATIONAL = "national"


@dataclass(frozen=True, slots=True)
class CoverPhoto:
    """The photo that stands for an initiative in lists; the columns of `photo` by these names."""

    name: str
    widths: tuple[int, ...]
    width: int
    height: int
    shared_width: int
    shared_height: int
    shared_bytes: int
    alt: str
    credit: str
    focal_x: int
    focal_y: int


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of an imported file, read and cleaned, not yet placed.

    `number` counts data rows from 1, `line` is that of its sheet, `raw` is the row as the file
    gave it. `lon`/`lat` are EPSG:4326 or None. `point_doubt` says why the point is no place known
    to the metre, or "".
    `shape` is a geometry that is no point, as the hexadecimal digits of its WKB, EPSG:4326, or "".
    Dates are ISO 8601, as much as is written ("2025-01-18", "2025-01", "2025") or ""; `created_on`
    is only what can be a date of creation, `created_as_told` whatever was written: it helps to
    distinguish rows without ids. `problems` lists what was dropped or mended on the way, in words
    that name the column. `attributes` are the cells that no field takes, by their column, as JSON
    holds them; `withheld` those of them that are about persons. `facts` are those that cells tell,
    as `InitiativeFacts.to_json` gives them; None where the file has no column for any.
    `own_id` is the id of the initiative of this service that the row was taken from, or "".
    `is_forbidden` says that whoever wrote it, or its licence, does not allow it to be published.
    `rejected` is the reason why the row cannot become an initiative, `skipped` why it is none at
    all (a total, a heading, the header once more), or "".
    """

    number: int
    raw: dict[str, str]
    title: str = ""
    summary: str = ""
    description: str = ""
    theme: Theme = Theme.AUTRE
    scale: Scale = Scale.COMMUNE
    status: Status = Status.PUBLISHED
    created_on: str = ""
    created_as_told: str = ""
    updated_on: str = ""
    external_id: str = ""
    url: str = ""
    licence: str = ""
    address: str = ""
    postcode: str = ""
    city: str = ""
    citycode: str = ""
    departement: str = ""
    arrondissement: str = ""
    lon: float | None = None
    lat: float | None = None
    shape: str = ""
    point_doubt: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] | None = None
    problems: tuple[str, ...] = ()
    rejected: str = ""
    is_forbidden: bool = False
    own_id: str = ""
    skipped: str = ""
    line: int = 0

    @property
    def place_text(self) -> str:
        """The location as typed: the fields that name a place, in the order of an envelope."""
        town = " ".join(part for part in (self.postcode, self.city) if part)
        return ", ".join(part for part in (self.address, town) if part)
