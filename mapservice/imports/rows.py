"""One record of a table turned into a `SourceRow`: cleaned, judged, never guessed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import shapely

from mapservice.imports.attributes import (
    AttributeColumn,
    ColumnKind,
    ConsentColumn,
    kept_cells,
    personal_part,
)
from mapservice.imports.codes import bare_number, read_citycode, read_departement, read_postcode
from mapservice.imports.dates import is_day, is_future, read_date
from mapservice.imports.first_names import may_name_somebody, names_somebody
from mapservice.imports.leftovers import RowHabits, why_no_record
from mapservice.imports.points import (
    TEN_KILOMETRES,
    FrenchProjection,
    Pair,
    read_number,
    read_pair,
    shape_to_wgs84,
    to_wgs84,
)
from mapservice.imports.readers.shapes import UNREADABLE, looks_like_shape, read_shape
from mapservice.imports.readers.tables import SourceRecord, SourceTable
from mapservice.imports.row_facts import FactColumns
from mapservice.imports.territory import PARIS, arrondissement_number, names_a_place
from mapservice.imports.text import block, is_placeholder, one_line, shortened, words_of
from mapservice.imports.words import EPCI_NAME, read_scale, read_status, read_theme
from mapservice.initiatives.licences import forbids_reuse
from mapservice.initiatives.model import PUBLIC, Scale, SourceRow, Status

TITLE_LENGTH = 200
SUMMARY_LENGTH = 500
DESCRIPTION_LENGTH = 20_000
URL_LENGTH = 2_000
# Places, licences and identifiers: longer than any true one.
CELL_LENGTH = 300
# How much of a description stands in for a missing title.
SUBSTITUTE_LENGTH = 80


# Where something is that is nowhere on a map: no misspelt commune ("en ligne" is not Ligné).
ONLINE = re.compile(
    r"(?:en ligne|online|a distance|en distanciel|distanciel|en visio|visio|visioconference|virtuel"
    r"|sur internet|internet|zoom|teams|webinaire)"
)


@dataclass(frozen=True, slots=True)
class RowReader:
    """How the rows of one file are read: decided once, from its columns and a sample.

    `period_start`: the column of the first day of a period.
    `spare` keeps cells of a field's column that the field cannot take.
    `bearer_is_place`: the bearer's name ("MANS", "CC DES COEVRONS") is all that names a place.
    """

    columns: Mapping[str, str]
    projection: FrenchProjection | None = None
    context_commune: str = ""
    bearer_is_place: bool = False
    habits: RowHabits = field(default_factory=lambda: RowHabits({}, 0))
    attributes: tuple[AttributeColumn, ...] = ()
    consents: tuple[ConsentColumn, ...] = ()
    facts: FactColumns | None = None
    period_start: str = ""
    spare: Mapping[str, AttributeColumn] = field(default_factory=dict)


@dataclass(slots=True)
class RowCells:
    """The cells of one record by field, and the notes taken while reading them.

    `unread` are the columns whose cells no field could take.
    """

    record: SourceRecord
    columns: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def raw(self, name: str) -> str:
        """The cell as the file gave it; "" where there is no such column or nothing in it."""
        text = self.record.values.get(self.columns.get(name, ""), "")
        return "" if not text or is_placeholder(text) else text

    def line(self, name: str, length: int = CELL_LENGTH) -> str:
        """The cell as one line of plain text, cut to `length` characters with a note."""
        told = self.raw(name)
        if not told:
            return ""
        text = one_line(told)
        if len(text) > length:
            self.note(name, f"{len(text)} characters, cut to {length}")
        return shortened(text, length)

    def note(self, name: str, message: str) -> None:
        """Add a problem that names the column of a field."""
        self.notes.append(f"{self.columns.get(name, name)}: {message}")

    def refuse(self, name: str, message: str) -> None:
        """A note on a cell that its field cannot take; its words are kept beside the fields."""
        self.note(name, message)
        self.unread += [self.columns[name]] if name in self.columns else []


@dataclass(frozen=True, slots=True)
class NumberedRecord:
    """A record with what only its file as a whole tells: its place in it, and its id there."""

    number: int
    record: SourceRecord
    external_id: str
    notes: tuple[str, ...]

    @property
    def line(self) -> int:
        """What somebody who opens the file calls this row; of formats without lines, its number."""
        return self.record.line or self.number


def numbered_records(table: SourceTable, reading: RowReader) -> Iterator[NumberedRecord]:
    """Every record of the table, in order; what is left to be done needs no other one."""
    first_with_id: dict[str, int] = {}
    for number, record in enumerate(table.records(), start=1):
        cells = RowCells(record, reading.columns, list(record.notes))
        external_id = cells.line("external_id")
        if external_id.endswith((".0", ",0")):
            external_id = bare_number(external_id)
        if external_id:
            line = record.line or number
            first = first_with_id.setdefault(external_id, line)
            if first != line:
                cells.note("external_id", f"{external_id!r} already stands in line {first}")
        yield NumberedRecord(number, record, external_id, tuple(cells.notes))


def read_row(one: NumberedRecord, reading: RowReader) -> SourceRow:
    """One row; a bad one is rejected."""
    cells = RowCells(one.record, reading.columns, list(one.notes))
    return _row(one, cells, reading)


def read_rows(table: SourceTable, reading: RowReader) -> Iterator[SourceRow]:
    """Every row of the table, in order; a bad one is rejected and the next one read."""
    return (read_row(one, reading) for one in numbered_records(table, reading))


def _words_of_fields(
    cells: RowCells, reading: RowReader, values: Mapping[str, object]
) -> frozenset[str]:
    """Attributes that say what a field says already: a category that is written as we write it."""
    same = {
        reading.columns[name]
        for name, value in values.items()
        if name in reading.columns and value is not None and cells.line(name) == str(value)
    }
    return frozenset(one.key for one in reading.attributes if one.column in same)


def _row(one: NumberedRecord, cells: RowCells, reading: RowReader) -> SourceRow:
    raw = dict(cells.record.values)
    if skipped := why_no_record(cells.record, reading.habits):
        return SourceRow(one.number, raw, skipped=skipped, line=one.line)
    if cells.record.rejected:
        return SourceRow(one.number, raw, rejected=cells.record.rejected, line=one.line)
    title, summary, description = _texts(cells)

    # The place, in the words and codes of `SourceRow`.
    postcode_text = cells.line("postcode")
    postcode, town = read_postcode(postcode_text)
    _note_code(cells, "postcode", postcode_text, postcode, "a postcode")
    city = cells.line("city")
    if reading.bearer_is_place and not city:
        bearer = cells.line("bearer")
        city = bearer if names_a_place(bearer, cells.raw("scale")) else ""
    arrondissement = cells.line("arrondissement")
    borough, borough_code = arrondissement_number(arrondissement)
    if reading.context_commune == PARIS and borough is not None and not 1 <= borough <= 20:
        # A number that the city does not have ("23" of 20 in Paris) means the whole city.
        arrondissement, borough_code = "", ""
    places = cells.line("address"), city or town
    address, city = ("" if _is_online(words) else words for words in places)
    citycode_text = cells.line("citycode")
    citycode = read_citycode(citycode_text)
    _note_code(cells, "citycode", citycode_text, citycode, "an INSEE code")
    departement = read_departement(cells.line("departement"))

    created_as_told = _date(cells, "created_on")
    created_on = _past(cells, "created_on", created_as_told)
    if reading.period_start:
        # Rows without ids are told apart as they were when this passed for their creation.
        begins = cells.record.values.get(reading.period_start, "")
        created_as_told = read_date(one_line(begins)) or ""
    shape, shape_doubt = _shape(cells, reading.projection)
    is_shaped = bool(shape or shape_doubt)
    point, point_doubt = (None, "") if is_shaped else _point(cells, reading.projection)

    scale = read_scale(cells.raw("scale")[:CELL_LENGTH])
    if scale is None and reading.bearer_is_place and EPCI_NAME.match(city):
        scale = Scale.EPCI
    status_text = cells.line("status")
    status = read_status(status_text) if status_text else Status.PUBLISHED
    if status is None:
        cells.note(
            "status", f"{status_text!r} is not a known state; a moderator is to see it first"
        )

    # The last change: a whole day, not before the creation.
    updated_on = _past(cells, "updated_on", _date(cells, "updated_on"))
    if updated_on and not is_day(updated_on):
        cells.refuse("updated_on", f"{updated_on!r} is not a day; taken as unknown")
        updated_on = ""
    elif updated_on and updated_on < created_on:
        cells.refuse("updated_on", f"{updated_on!r} comes before the creation; taken as unknown")
        updated_on = ""

    url = _url(cells)
    consent = _consent(cells, reading.consents)
    unread = [reading.spare[column] for column in cells.unread if column in reading.spare]
    kept = kept_cells(
        (*reading.attributes, *unread),
        cells.record.values,
        without_contacts=consent.without_contacts,
    )
    cells.notes.extend(kept.notes)
    reaches_a_person = _reaches_a_person(cells, title, summary, description)
    if (_names_a_person(cells, title, reading) or reaches_a_person) and status in PUBLIC:
        status = Status.PENDING
    theme = read_theme(cells.raw("theme")[:1_000])
    facts, said = None, frozenset[str]()
    if reading.facts:
        facts, said = reading.facts.read(cells.record.values, address, url)
    said |= _words_of_fields(cells, reading, {"theme": theme, "status": status, "scale": scale})
    licence = cells.line("licence")
    written = one_line(cells.raw("title"))
    rejected = "" if title else "no title, and no description to take one from"
    if forbids_reuse(licence):
        rejected = f"the licence {shortened(licence, 80)!r} forbids reuse"
    if consent.unanswered and status in PUBLIC:
        status = Status.PENDING
        cells.notes.append(f"{consent.unanswered}: not answered; a moderator is to see it first")
    if consent.refused:
        rejected = f"{consent.refused}: who wrote it does not want it published"
    if any(map(str.isdigit, written)) and not any(map(str.isalpha, written)):
        rejected = f"the title {shortened(written, 40)!r} is only a number"
    return SourceRow(
        number=one.number,
        line=one.line,
        raw=raw,
        title=title,
        summary=summary,
        description=description,
        theme=theme,
        scale=scale or Scale.COMMUNE,
        status=status or Status.PENDING,
        created_on=created_on,
        created_as_told=created_as_told,
        updated_on=updated_on,
        external_id=one.external_id,
        url=url,
        licence=licence,
        address=address,
        postcode=postcode,
        city=city,
        citycode=citycode or borough_code,
        departement=departement,
        arrondissement=arrondissement,
        lon=point[0] if point else None,
        lat=point[1] if point else None,
        shape=shape,
        point_doubt=point_doubt or shape_doubt,
        attributes={key: told for key, told in kept.attributes.items() if key not in said},
        withheld=kept.withheld,
        facts=facts.to_json() if facts is not None else None,
        problems=tuple(cells.notes),
        rejected=rejected,
        is_forbidden=bool(consent.refused) or forbids_reuse(licence),
        own_id=cells.record.own_id,
    )


@dataclass(frozen=True, slots=True)
class RowConsent:
    """What a row answers where a form asks whether it may be published: the questions answered by
    no and by nothing, and whether its contacts alone are not for the public."""

    refused: str
    unanswered: str
    without_contacts: bool


def _consent(cells: RowCells, asked: Sequence[ConsentColumn]) -> RowConsent:
    answers = {one: one_line(cells.record.values.get(one.column, "")) for one in asked}
    refused = [one for one, answer in answers.items() if one.is_refused(answer)]
    whole = [shortened(one.column, 80) for one in refused if not one.of_contacts]
    silent = [
        shortened(one.column, 80)
        for one, answer in answers.items()
        if not answer and one.is_answered and not one.of_contacts
    ]
    return RowConsent(
        refused=next(iter(whole), ""),
        unanswered=next(iter(silent), ""),
        without_contacts=any(one.of_contacts for one in refused),
    )


def _is_online(words: str) -> bool:
    return len(words) < 20 and ONLINE.fullmatch(words_of(words)) is not None


def _reaches_a_person(cells: RowCells, title: str, summary: str, description: str) -> bool:
    """Notes which texts tell how to reach a person; whether any does, so that the row waits."""
    found = False
    for name, text in (("title", title), ("summary", summary), ("description", description)):
        if text and (about := personal_part(text)):
            found = True
            cells.note(name, f"holds {about}: is it meant to be public? It waits for a moderator")
    return found


def _names_a_person(cells: RowCells, title: str, reading: RowReader) -> bool:
    """Whether the title names somebody, so that it waits; noted, also where it only may."""
    persons = [
        one_line(cells.record.values.get(one.column, "")[:CELL_LENGTH])
        for one in reading.attributes
        if one.kind is ColumnKind.PERSON
    ]
    if names_somebody(title, persons):
        cells.note("title", "may name a person: is it meant to be public? It waits for a moderator")
        return True
    if may_name_somebody(title):
        cells.note("title", "may name a person: is it meant to be public?")
    return False


def _note_code(cells: RowCells, name: str, text: str, code: str, what: str) -> None:
    """Notes a code of five digits that could not be read, or that had lost its first one."""
    if text and not code:
        cells.refuse(name, f"{text!r} is not {what}; kept as it is")
    elif len(bare_number(text)) == 4:
        cells.note(name, f"{text!r} taken as {code!r} (a zero lost at the front)")


def _texts(cells: RowCells) -> tuple[str, str, str]:
    """Title, summary and description; what is cut from the first two moves to an empty third."""
    title = one_line(cells.raw("title"))
    summary = one_line(cells.raw("summary"))
    description = block(cells.raw("description"))
    title = title if any(map(str.isalnum, title)) else ""
    if not title:
        # The first words of the text, or, for a title withheld ("NON REGISTRÉ"), its category.
        text = summary or one_line(description)
        withheld = one_line(cells.record.values.get(cells.columns.get("title", ""), ""))
        category = one_line(cells.raw("theme"))
        if any(map(str.isalnum, text)):
            cells.note("title", "empty; the first words of the description stand in for it")
            title = shortened(text, SUBSTITUTE_LENGTH)
        elif category and any(map(str.isalnum, withheld)):
            cells.note("title", f"{withheld!r} is no title; the category stands in for it")
            title = f"Sans titre ({category})"
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


def _date(cells: RowCells, name: str) -> str:
    text = cells.line(name)
    found = read_date(text) if text else ""
    if found is None:
        cells.refuse(name, f"{text!r} is not a date; kept as it is")
    return found or ""


def _past(cells: RowCells, name: str, written: str) -> str:
    """The date, or "" for one that lies ahead: nothing was made or changed then."""
    if written and is_future(written, datetime.now(UTC)):
        cells.refuse(name, f"{cells.line(name)!r} lies in the future; taken as unknown")
        return ""
    return written


def _url(cells: RowCells) -> str:
    text = cells.line("url", URL_LENGTH + 1).split(" ")[0]
    url = f"https://{text}" if text.lower().startswith("www.") else text
    try:
        parts = urlsplit(url)
        is_web = parts.scheme.lower() in ("http", "https") and "." in (parts.hostname or "")
    except ValueError:
        is_web = False
    if url and (len(url) > URL_LENGTH or not is_web):
        cells.refuse("url", f"{url[:60]!r} is not a web address; kept as it is")
        return ""
    return url


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
        texts = {name: cells.line(name) for name in ("lon", "lat")}
        lon, lat = (read_number(text) for text in texts.values())
        if lon is not None and lat is not None:
            name, written = "lat", (lon, lat)
        else:
            name, written = "point", read_pair(cells.raw("point")) or read_pair(cells.raw("shape"))
        if written is None and (any(texts.values()) or cells.raw("point")):
            told = [name for name in (*texts, "point") if cells.raw(name)]
            cells.refuse(told[0], "the coordinates are incomplete or no numbers; kept as they are")
            cells.unread += [cells.columns[name] for name in told[1:]]
    if written is None:
        return None, ""
    point, note = to_wgs84(*written, projection)
    if note:
        cells.note(name, note)
    # Degrees of two decimals are a square of a kilometre, metres in thousands the same.
    is_of_degrees = max(map(abs, written)) <= 180
    steps = (1, 2) if is_of_degrees else (-4, -3)
    ten, one = (all(round(value, digits) == value for value in written) for digits in steps)
    doubt = TEN_KILOMETRES if ten else "the point is rounded to about a kilometre" if one else ""
    return point, doubt if point else ""
