"""One record of a table turned into a `SourceRow`: cleaned, judged, never guessed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import shapely

from mapservice.imports.codes import bare_number, read_citycode, read_departement, read_postcode
from mapservice.imports.dates import is_day, is_future, read_date
from mapservice.imports.leftovers import RowHabits, why_no_record
from mapservice.imports.points import (
    FrenchProjection,
    Pair,
    read_number,
    read_pair,
    shape_to_wgs84,
    to_wgs84,
)
from mapservice.imports.readers.shapes import UNREADABLE, looks_like_shape, read_shape
from mapservice.imports.readers.tables import SourceRecord, SourceTable
from mapservice.imports.territory import arrondissement_number, names_a_place
from mapservice.imports.text import block, is_placeholder, one_line, shortened
from mapservice.imports.words import EPCI_NAME, read_scale, read_status, read_theme
from mapservice.initiatives.model import Scale, SourceRow, Status, Theme

TITLE_LENGTH = 200
SUMMARY_LENGTH = 500
DESCRIPTION_LENGTH = 20_000
URL_LENGTH = 2_000
# Places, licences and identifiers: longer than any true one.
CELL_LENGTH = 300
# How much of a description stands in for a missing title.
SUBSTITUTE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class RowReader:
    """How the rows of one file are read: decided once, from its columns and a sample.

    `bearer_is_place`: the bearer's name ("MANS", "CC DES COEVRONS") is all that names a place.
    """

    columns: Mapping[str, str]
    projection: FrenchProjection | None = None
    context_commune: str = ""
    bearer_is_place: bool = False
    habits: RowHabits = field(default_factory=lambda: RowHabits({}, 0))


@dataclass(slots=True)
class RowCells:
    """The cells of one record by field, and the notes taken while reading them."""

    record: SourceRecord
    columns: Mapping[str, str]
    notes: list[str] = field(default_factory=list)

    def raw(self, name: str) -> str:
        """The cell as the file gave it; "" where there is no such column or nothing in it."""
        text = self.record.values.get(self.columns.get(name, ""), "")
        return "" if is_placeholder(text) else text

    def line(self, name: str, length: int = CELL_LENGTH) -> str:
        """The cell as one line of plain text, cut to `length` characters with a note."""
        text = one_line(self.raw(name))
        if len(text) > length:
            self.note(name, f"{len(text)} characters, cut to {length}")
        return shortened(text, length)

    def note(self, name: str, message: str) -> None:
        """Add a problem that names the column of a field."""
        self.notes.append(f"{self.columns.get(name, name)}: {message}")


@dataclass(frozen=True, slots=True)
class RowPlace:
    """What a row says of its place, in the words and codes of `SourceRow`."""

    address: str
    postcode: str
    city: str
    citycode: str
    departement: str
    arrondissement: str


def read_rows(table: SourceTable, reading: RowReader) -> Iterator[SourceRow]:
    """Every row of the table, in order; a bad one is rejected and the next one read."""
    first_with_id: dict[str, int] = {}
    for number, record in enumerate(table.records(), start=1):
        cells = RowCells(record, reading.columns, list(record.notes))
        external_id = _external_id(cells)
        if external_id:
            first = first_with_id.setdefault(external_id, number)
            if first != number:
                cells.note("external_id", f"{external_id!r} already stands in row {first}")
        yield _row(number, cells, reading, external_id)


def _row(number: int, cells: RowCells, reading: RowReader, external_id: str) -> SourceRow:
    raw = dict(cells.record.values)
    if skipped := why_no_record(cells.record, reading.habits):
        return SourceRow(number, raw, skipped=skipped)
    if cells.record.rejected:
        return SourceRow(number, raw, rejected=cells.record.rejected)
    title, summary, description = _texts(cells)
    place = _place(cells, reading)
    created_as_told = _date(cells, "created_on")
    created_on = _past(cells, "created_on", created_as_told)
    shape, shape_doubt = _shape(cells, reading.projection)
    is_shaped = bool(shape or shape_doubt)
    point, point_doubt = (None, "") if is_shaped else _point(cells, reading.projection)
    return SourceRow(
        number=number,
        raw=raw,
        title=title,
        summary=summary,
        description=description,
        theme=_theme(cells),
        scale=_scale(cells, place.city if reading.bearer_is_place else ""),
        status=_status(cells),
        created_on=created_on,
        created_as_told=created_as_told,
        updated_on=_updated_on(cells, created_on),
        external_id=external_id,
        url=_url(cells),
        licence=cells.line("licence"),
        address=place.address,
        postcode=place.postcode,
        city=place.city,
        citycode=place.citycode,
        departement=place.departement,
        arrondissement=place.arrondissement,
        lon=point[0] if point else None,
        lat=point[1] if point else None,
        shape=shape,
        point_doubt=point_doubt or shape_doubt,
        problems=tuple(cells.notes),
        rejected=_why_untitled(cells, title),
    )


def _why_untitled(cells: RowCells, title: str) -> str:
    written = one_line(cells.raw("title"))
    if any(map(str.isdigit, written)) and not any(map(str.isalpha, written)):
        return f"the title {shortened(written, 40)!r} is only a number"
    return "" if title else "no title, and no description to take one from"


def _external_id(cells: RowCells) -> str:
    text = cells.line("external_id")
    return bare_number(text) if text.endswith((".0", ",0")) else text


def _texts(cells: RowCells) -> tuple[str, str, str]:
    """Title, summary and description; what is cut from the first two moves to an empty third."""
    title = one_line(cells.raw("title"))
    summary = one_line(cells.raw("summary"))
    description = block(cells.raw("description"))
    title = title if any(map(str.isalnum, title)) else ""
    title = title or _substitute_title(cells, summary or one_line(description))
    for name, text, length in (
        ("title", title, TITLE_LENGTH),
        ("summary", summary, SUMMARY_LENGTH),
    ):
        if len(text) > length:
            kept = "" if description else "; kept whole as the description"
            description = description or text
            cells.note(name, f"{len(text)} characters, cut to {length}{kept}")
    if len(description) > DESCRIPTION_LENGTH:
        cells.note("description", f"{len(description)} characters, cut to {DESCRIPTION_LENGTH}")
    return (
        shortened(title, TITLE_LENGTH),
        shortened(summary, SUMMARY_LENGTH),
        shortened(description, DESCRIPTION_LENGTH),
    )


def _substitute_title(cells: RowCells, text: str) -> str:
    """The first words of the text, or, for a title withheld ("NON REGISTRÉ"), its category."""
    if any(map(str.isalnum, text)):
        cells.note("title", "empty; the first words of the description stand in for it")
        return shortened(text, SUBSTITUTE_LENGTH)
    written = one_line(cells.record.values.get(cells.columns.get("title", ""), ""))
    category = one_line(cells.raw("theme"))
    if category and any(map(str.isalnum, written)):
        cells.note("title", f"{written!r} is no title; the category stands in for it")
        return f"Sans titre ({category})"
    return ""


def _theme(cells: RowCells) -> Theme:
    return read_theme(cells.raw("theme")[:1_000])


def _status(cells: RowCells) -> Status:
    text = cells.line("status")
    status = read_status(text) if text else Status.PUBLISHED
    if status is None:
        cells.note("status", f"{text!r} is not a known state; a moderator is to see it first")
    return status or Status.PENDING


def _scale(cells: RowCells, bearer: str) -> Scale:
    named = read_scale(cells.raw("scale")[:CELL_LENGTH])
    if named is None and EPCI_NAME.match(bearer):
        return Scale.EPCI
    return named or Scale.COMMUNE


def _date(cells: RowCells, name: str) -> str:
    text = cells.line(name)
    found = read_date(text) if text else ""
    if found is None:
        cells.note(name, f"{text!r} is not a date; dropped")
    return found or ""


def _past(cells: RowCells, name: str, told: str) -> str:
    """The same, unless it lies ahead: then it is not when something was made."""
    if told and is_future(told, datetime.now(UTC)):
        cells.note(name, f"{told!r} lies in the future; taken as unknown")
        return ""
    return told


def _updated_on(cells: RowCells, created_on: str) -> str:
    """The day of the last change, where all of it was told and it can be true."""
    told = _past(cells, "updated_on", _date(cells, "updated_on"))
    if told and not is_day(told):
        cells.note("updated_on", f"{told!r} is not a day; taken as unknown")
        return ""
    if told and told < created_on:
        cells.note("updated_on", f"{told!r} comes before the creation; taken as unknown")
        return ""
    return told


def _url(cells: RowCells) -> str:
    text = cells.line("url", URL_LENGTH + 1).split(" ")[0]
    url = f"https://{text}" if text.lower().startswith("www.") else text
    if url and (len(url) > URL_LENGTH or not _is_web_address(url)):
        cells.note("url", f"{url[:60]!r} is not a web address; dropped")
        return ""
    return url


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and "." in (parts.hostname or "")


def _place(cells: RowCells, reading: RowReader) -> RowPlace:
    postcode, town = _postcode(cells)
    city = cells.line("city")
    if reading.bearer_is_place and not city:
        bearer = cells.line("bearer")
        city = bearer if names_a_place(bearer, cells.raw("scale")) else ""
    arrondissement, borough_code = _arrondissement(cells, reading.context_commune)
    return RowPlace(
        address=cells.line("address"),
        postcode=postcode,
        city=city or town,
        citycode=_citycode(cells) or borough_code,
        departement=read_departement(cells.line("departement")),
        arrondissement=arrondissement,
    )


def _postcode(cells: RowCells) -> tuple[str, str]:
    """The postcode, and a town written in the same cell."""
    text = cells.line("postcode")
    postcode, town = read_postcode(text)
    if text and not postcode:
        cells.note("postcode", f"{text!r} is not a postcode; dropped")
    elif len(bare_number(text)) == 4:
        cells.note("postcode", f"{text!r} taken as {postcode!r} (a zero lost at the front)")
    return postcode, town


def _citycode(cells: RowCells) -> str:
    text = cells.line("citycode")
    code = read_citycode(text)
    if text and not code:
        cells.note("citycode", f"{text!r} is not an INSEE code; dropped")
    elif len(bare_number(text)) == 4:
        cells.note("citycode", f"{text!r} taken as {code!r} (a zero lost at the front)")
    return code


def _arrondissement(cells: RowCells, context: str) -> tuple[str, str]:
    """The arrondissement as typed, and its INSEE code where the cell holds one (75112).

    A number that the city does not have ("23" of 20 in Paris) means the whole city: "".
    """
    text = cells.line("arrondissement")
    number, code = arrondissement_number(text)
    if context == "75056" and number is not None and not 1 <= number <= 20:
        return "", ""
    return text, code


def _shape(cells: RowCells, projection: FrenchProjection | None) -> tuple[str, str]:
    """The WKB of a geometry that is no point, EPSG:4326; the middle of it is not looked at.

    With why it says nothing of the place, or "".
    """
    name, written = "geometry", cells.record.shape
    for column in ("shape", "point") if written is None and cells.record.point is None else ():
        text = cells.raw(column)
        if looks_like_shape(text):
            name, written = column, read_shape(text) or UNREADABLE
            break
    if written is None:
        return "", ""
    if written.is_empty:
        return "", "the geometry cannot be read"
    if name != "geometry":
        cells.note(name, f"a {written.geom_type} gives no true point, so no pin")
    shape, note = shape_to_wgs84(written, projection)
    if note:
        cells.note(name, note)
    return (shapely.to_wkb(shape, hex=True), "") if shape is not None else ("", note)


def _point(cells: RowCells, projection: FrenchProjection | None) -> tuple[Pair | None, str]:
    """Longitude and latitude from the geometry, else from the columns; never from the place.

    With why it is no place known to the metre, or "".
    """
    name, written = "geometry", cells.record.point
    if written is None:
        name, written = _written_point(cells)
    if written is None:
        return None, ""
    point, note = to_wgs84(*written, projection)
    if note:
        cells.note(name, note)
    return point, _roughness(written) if point else ""


def _roughness(written: Pair) -> str:
    """Degrees of two decimals are a square of a kilometre, metres in thousands the same."""
    if max(map(abs, written)) <= 180:
        is_rough = all(round(value, 2) == value for value in written)
    else:
        is_rough = all(value % 1000 == 0 for value in written)
    return "the point is rounded to about a kilometre" if is_rough else ""


def _written_point(cells: RowCells) -> tuple[str, Pair | None]:
    texts = {name: cells.line(name) for name in ("lon", "lat")}
    if all(texts.values()):
        lon, lat = (read_number(text) for text in texts.values())
        if lon is not None and lat is not None:
            return "lat", (lon, lat)
    pair = read_pair(cells.raw("point")) or read_pair(cells.raw("shape"))
    if pair is None and (any(texts.values()) or cells.raw("point")):
        name = next((name for name, text in texts.items() if text), "point")
        cells.note(name, "the coordinates are incomplete or no numbers; dropped")
    return "point", pair
