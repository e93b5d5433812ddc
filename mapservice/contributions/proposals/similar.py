"""Ideas that exist already: near in place, alike in words.

An index of each word in each commune finds titles that share words (stems, without accents) within
the commune and those that touch it. Those with the most similar spelling (trigrams) are then
compared by the words that they have in common.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from mapservice.accounts.roles.model import TerritoryScope
from mapservice.accounts.roles.reach import bound as bound_reach
from mapservice.accounts.roles.reach import condition
from mapservice.db.engine import fill
from mapservice.initiatives import queries
from mapservice.initiatives.queries import Initiative
from mapservice.territories.model import TerritoryRef

SHOWN = 3
COMPARED = 60
# Half of the words, or a title written almost alike.
LIKENESS = 0.5


def find(
    connection: Connection,
    place: TerritoryRef | None,
    title: str,
    *,
    but: UUID | None = None,
    limit: int = SHOWN,
) -> Sequence[Initiative]:
    """Public initiatives that may be the same idea, the likeliest first; `but` is left out.

    With `place` None, initiatives without a territory are compared.
    """
    return _find(connection, PUBLIC_ONES, place, title, but, limit)


def find_waiting(
    connection: Connection,
    place: TerritoryRef | None,
    title: str,
    reach: TerritoryScope,
    *,
    but: UUID | None = None,
    limit: int = SHOWN,
) -> Sequence[Initiative]:
    """Likewise among those that wait to be published, within the viewer's scope."""
    which = fill(WAITING_ONES, {"reach": condition(reach, "initiative.")})
    return _find(connection, which, place, title, but, limit, bound_reach(reach))


def _find(
    connection: Connection,
    which: str,
    place: TerritoryRef | None,
    title: str,
    but: UUID | None,
    limit: int,
    more: Mapping[str, Any] | None = None,
) -> Sequence[Initiative]:
    bound = {
        "level": str(place.level) if place else "none",
        "code": place.code if place else None,
        "title": title,
        "but": but,
        "least": LIKENESS,
        "limit": limit,
        "compared": COMPARED,
        **(more or {}),
    }
    statement = text(fill(ALIKE, {"which": which}))
    found = list(connection.execute(statement, bound).scalars())
    known = queries.of_any_status(connection, found)
    return [known[one] for one in found]


# As the index of ideas has it.
PUBLIC_ONES = "status IN ('published', 'done')"
# Few at any time: the queue.
WAITING_ONES = "status = 'pending' AND {reach}"

# With a commune go those that touch it, and ideas known to lie in its EPCI or département only.
ALIKE = """
WITH place AS (
    SELECT own.code AS area
      FROM territory AS own WHERE :level = 'commune' AND own.level = 'commune' AND own.code = :code
     UNION
    SELECT other.code
      FROM territory_outline AS own
      JOIN territory_outline AS other
        ON other.level = 'commune' AND other.zoom = 10 AND ST_Intersects(other.geom, own.geom)
     WHERE :level = 'commune' AND own.level = 'commune' AND own.zoom = 10 AND own.code = :code
     UNION
    SELECT unnest(ARRAY[own.epci, 'D' || own.departement])
      FROM territory AS own WHERE :level = 'commune' AND own.level = 'commune' AND own.code = :code
     UNION
    SELECT idea_area(:level, NULL, CAST(:code AS text), CAST(:code AS text), CAST(:code AS text))
     WHERE :level <> 'commune'
), asked AS (
    SELECT tsvector_to_array(to_tsvector('french_unaccent', :title)) AS words,
           lower(unaccent(:title)) AS title
), sharing AS MATERIALIZED (
    SELECT id, title, similarity(lower(unaccent(title)), (SELECT title FROM asked)) AS spelt
      FROM initiative
     WHERE {which}
       AND idea_keys(idea_area(precision, commune, epci, departement, region),
                     tsvector_to_array(to_tsvector('french_unaccent', title)))
           && ARRAY(SELECT key FROM place CROSS JOIN asked
                     CROSS JOIN LATERAL unnest(idea_keys(area, words)) AS key
                     WHERE area IS NOT NULL)
       AND id IS DISTINCT FROM CAST(:but AS uuid)
     ORDER BY spelt DESC, id
     LIMIT :compared
), compared AS (
    SELECT id, greatest(spelt, 2.0 * common / (cardinality(own.words) + cardinality(asked.words)))
               AS likeness
      FROM sharing
     CROSS JOIN asked
     CROSS JOIN LATERAL (
           SELECT tsvector_to_array(to_tsvector('french_unaccent', sharing.title)) AS words) AS own
     CROSS JOIN LATERAL (
           SELECT count(*) AS common FROM unnest(own.words) AS word
            WHERE word = ANY(asked.words)) AS shared
)
SELECT id FROM compared WHERE likeness >= :least ORDER BY likeness DESC, id LIMIT :limit"""
