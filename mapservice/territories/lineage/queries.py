"""The lineage in the database: what became of one commune, and all that is stored."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Row, select, text

from mapservice.db.tables import commune_event, territory, territory_alias
from mapservice.errors import InvalidInput
from mapservice.territories.lineage.event_words import (
    EventLanguage,
    kind_words,
    tell,
    tell_way,
    telling_steps,
)
from mapservice.territories.lineage.events import CommuneMovement, EventKind, EventUnit, UnitType
from mapservice.territories.lineage.model import (
    CommuneLineage,
    LineageCommune,
    OnDay,
)
from mapservice.territories.model import (
    AliasKind,
    AliasRecord,
    Level,
    TerritoryRef,
    leading_article,
    of_commune,
)
from mapservice.territories.queries import TerritorySummary, find, source_in_force


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event of a commune: under which code, INSEE's kind, and the sentence that tells it."""

    day: date
    kind: EventKind
    code: str
    kind_name: str
    words: str
    before: tuple[LineageCommune, ...]
    after: tuple[LineageCommune, ...]


@dataclass(frozen=True, slots=True)
class CurrentCommunes:
    """Today's communes for a code, and why.

    `communes` holds the code itself where it is in force; several where a split left no heir;
    none where it left the official code. `day` is that of the last event, None where only the
    alias is known; `words` continue the former name ("fusionnée avec Saint-Denis le …").
    """

    code: str
    name: str
    communes: tuple[LineageCommune, ...]
    partly: tuple[LineageCommune, ...]
    day: date | None
    words: str

    @property
    def in_force(self) -> bool:
        return any(commune.code == self.code for commune in self.communes)


def current_of(
    connection: Connection, code: str, language: EventLanguage = EventLanguage.FRENCH
) -> CurrentCommunes | None:
    """Today's commune for any code ever valid; None for an unknown one.

    By the stored events; where these don't know it, by the aliases.
    """
    lineage = lineage_around(connection, code)
    resolution = lineage.resolve(code)
    if resolution and (resolution.steps or code in lineage.current):
        telling = telling_steps(resolution.steps)
        return CurrentCommunes(
            code=resolution.code,
            name=resolution.name,
            communes=resolution.communes,
            partly=resolution.partly,
            day=telling[-1].event.day if telling else None,
            words=tell_way(resolution.steps, language),
        )
    found = connection.execute(text(BY_ALIAS), {"code": code}).all()
    if not found:
        return None
    communes = tuple(dict.fromkeys(LineageCommune(row.commune, row.commune_name) for row in found))
    name = communes[0].name
    of = of_commune(name, leading_article(name))
    french, english = {
        AliasKind.DELEGUEE: (f"commune déléguée {of}", f"commune déléguée of {name}"),
        AliasKind.ASSOCIEE: (f"commune associée {of}", f"commune associée of {name}"),
        AliasKind.ARRONDISSEMENT: (f"arrondissement {of}", f"arrondissement of {name}"),
        AliasKind.FORMER: (
            f"ancienne commune, aujourd'hui sur le territoire {of}",
            f"former commune, today in {name}",
        ),
    }[AliasKind(found[0].kind)]
    words = french if language is EventLanguage.FRENCH else english
    return CurrentCommunes(code, found[0].name, communes, (), None, words)


def of_today(
    connection: Connection, ref: TerritoryRef, field: str = "territory"
) -> TerritorySummary:
    """The territory in force that a reference means.

    A code that is one commune's by now (that of an arrondissement, a part of a commune or a former
    one) means that commune. Raises InvalidInput naming the field for a code that was never valid,
    or whose ground several communes share now.
    """
    found = find(connection, ref)
    if found is not None:
        return found
    current = current_of(connection, ref.code) if ref.level is Level.COMMUNE else None
    if current is None or not current.communes:
        raise InvalidInput(field, f"there is no {ref}")
    if len(current.communes) > 1:
        heirs = ", ".join(f"commune:{one.code} ({one.name})" for one in current.communes)
        raise InvalidInput(field, f"there is no {ref} any more; its ground is that of {heirs}")
    return of_today(connection, TerritoryRef(Level.COMMUNE, current.communes[0].code), field)


def refs_of_today(connection: Connection, refs: Iterable[TerritoryRef]) -> tuple[TerritoryRef, ...]:
    """The same of many, each once, in order."""
    found = (of_today(connection, ref) for ref in refs)
    return tuple(sorted({TerritoryRef(one.level, one.code) for one in found}))


def history(
    connection: Connection, code: str, language: EventLanguage = EventLanguage.FRENCH
) -> list[HistoryEntry]:
    """The events of a commune, oldest first, earlier codes of the same commune included."""
    return [
        HistoryEntry(
            day=event.day,
            kind=event.kind,
            code=own,
            kind_name=kind_words(event.kind, language),
            words=tell(event, own, language),
            before=tuple(LineageCommune(unit.code, unit.name) for unit in event.before),
            after=tuple(LineageCommune(unit.code, unit.name) for unit in event.after),
        )
        for event, own in lineage_around(connection, code).history(code)
    ]


def state_on(connection: Connection, code: str, day: date) -> OnDay | None:
    """What a code was on a day; None for an unknown one. Without events, what it is today."""
    return lineage_around(connection, code).at(code, day)


def lineage_around(connection: Connection, code: str) -> CommuneLineage:
    """Of all communes that share an event with this one, directly or through others: 22 at most."""
    movements = [_movement(row) for row in connection.execute(text(RELATED), {"code": code})]
    codes = {code, *(other for movement in movements for other in movement.codes)}
    aliases = list(_aliases(connection, codes))
    codes |= {alias.commune for alias in aliases}
    source = source_in_force(connection)
    rows = connection.execute(
        select(territory.c.code, territory.c.name).where(
            territory.c.level == "commune", territory.c.code.in_(codes)
        )
    )
    current = {row.code: row.name for row in rows}
    return CommuneLineage.of(movements, current, aliases, source.cog_year if source else None)


def whole_lineage(connection: Connection) -> CommuneLineage:
    """Of all communes: for whole series. Reads every event, so not for a request."""
    source = source_in_force(connection)
    communes = select(territory.c.code, territory.c.name).where(territory.c.level == "commune")
    current = {row.code: row.name for row in connection.execute(communes)}
    codes = connection.scalars(select(territory_alias.c.code).distinct()).all()
    aliases = list(_aliases(connection, codes))
    year = source.cog_year if source else None
    return CommuneLineage.of(stored_movements(connection), current, aliases, year)


def stored_movements(connection: Connection) -> list[CommuneMovement]:
    """All that was loaded, oldest first."""
    rows = connection.execute(select(commune_event).order_by(commune_event.c.id))
    return [_movement(row) for row in rows]


def event_rows(movements: Iterable[CommuneMovement]) -> Iterator[tuple[object, ...]]:
    """Rows of `commune_event`, its columns in order."""
    for number, movement in enumerate(movements, start=1):
        yield (
            number,
            movement.day,
            str(movement.kind),
            *_unit_cells(movement.before),
            *_unit_cells(movement.after),
        )


def _aliases(connection: Connection, codes: Iterable[str]) -> Iterator[AliasRecord]:
    """Today's parts of communes that bear one of the codes."""
    rows = connection.execute(
        select(
            territory_alias.c.code,
            territory_alias.c.name,
            territory_alias.c.kind,
            territory_alias.c.commune,
        ).where(territory_alias.c.code.in_(list(codes)), territory_alias.c.kind != "former")
    )
    for code, name, kind, commune in rows:
        yield AliasRecord(code, name, AliasKind(kind), commune)


def _movement(row: Row[tuple[object, ...]]) -> CommuneMovement:
    return CommuneMovement(
        kind=EventKind(row.kind),
        day=row.day,
        before=_unit(row.type_before, row.code_before, row.name_before),
        after=_unit(row.type_after, row.code_after, row.name_after),
    )


def _unit(type_: str | None, code: str | None, name: str | None) -> EventUnit | None:
    return EventUnit(UnitType(type_), code, name) if type_ and code and name else None


def _unit_cells(unit: EventUnit | None) -> tuple[str | None, str | None, str | None]:
    return (str(unit.type), unit.code, unit.name) if unit else (None, None, None)


RELATED = """
WITH RECURSIVE related (code) AS (
    SELECT CAST(:code AS text)
     UNION
    SELECT other.code
      FROM related
      JOIN commune_event AS event
        ON event.code_before = related.code OR event.code_after = related.code
     CROSS JOIN LATERAL (VALUES (event.code_before), (event.code_after)) AS other (code)
     WHERE other.code IS NOT NULL
)
SELECT *
  FROM commune_event
 WHERE code_before IN (SELECT code FROM related) OR code_after IN (SELECT code FROM related)
 ORDER BY id"""

# What INSEE still lists as a part of a commune comes first.
BY_ALIAS = """
SELECT alias.kind, alias.name, alias.commune, territory.name AS commune_name
  FROM territory_alias AS alias
  JOIN territory ON territory.level = 'commune' AND territory.code = alias.commune
 WHERE alias.code = :code
 ORDER BY alias.kind = 'former', alias.commune, alias.name"""
