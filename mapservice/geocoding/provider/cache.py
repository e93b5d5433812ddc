"""Answers of the outside provider, kept in the database so that all workers share them.

Only a digest of each question is stored: an address that somebody typed is theirs.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from mapservice.db.tables import provider_answer

MAX_ANSWERS = 200_000


@dataclass(frozen=True, slots=True)
class PointAnswer:
    """What the provider knows of an address: its best answer.

    `lon`, `lat` are EPSG:4326; `type` is the API's ("housenumber", "street", "locality",
    "municipality"); `citycode` is the commune or arrondissement that it names, "" if none.
    """

    lon: float
    lat: float
    score: float
    type: str
    citycode: str
    attribution: str


NOTHING: dict[str, None] = dict.fromkeys(spec.name for spec in fields(PointAnswer))


@dataclass(frozen=True, slots=True)
class AnswerCache:
    """`scope` sets one provider's answers apart from another's; with 0 `days` nothing is stored."""

    scope: str
    days: int
    most: int = MAX_ANSWERS

    def find(self, connection: Connection, asked: Sequence[str]) -> dict[str, PointAnswer | None]:
        """The fresh answers on record for these texts; None where the provider knew nothing."""
        digests = {self._digest(one): one for one in asked}
        columns = [provider_answer.c[name] for name in NOTHING]
        rows = connection.execute(
            select(provider_answer.c.digest, *columns).where(
                provider_answer.c.digest.in_(list(digests)),
                provider_answer.c.fetched_at > func.now() - timedelta(days=self.days),
            )
        )
        return {
            digests[digest]: None if values[0] is None else PointAnswer(*values)
            for digest, *values in rows
        }

    def keep(self, connection: Connection, answers: Mapping[str, PointAnswer | None]) -> None:
        """Stores them, and drops those that are too old or too many."""
        if not answers or self.days <= 0:
            return
        rows = [
            {"digest": self._digest(one), **(asdict(answer) if answer else NOTHING)}
            for one, answer in answers.items()
        ]
        # In one order for all, so that no two workers ever wait for each other.
        statement = insert(provider_answer).values(sorted(rows, key=lambda row: str(row["digest"])))
        fresh = {name: statement.excluded[name] for name in NOTHING} | {"fetched_at": func.now()}
        connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=fresh))
        limits = {"age": timedelta(days=self.days), "most": self.most}
        connection.execute(text(PRUNE), limits)

    def _digest(self, asked: str) -> str:
        return hashlib.blake2b(f"{self.scope}\n{asked}".encode(), digest_size=16).hexdigest()


# Rows that another worker is writing are left to it.
PRUNE = """
DELETE FROM provider_answer
 WHERE digest IN (
       SELECT digest
         FROM provider_answer
        WHERE fetched_at <= greatest(
              now() - CAST(:age AS interval),
              (SELECT fetched_at
                 FROM provider_answer
                ORDER BY fetched_at DESC
               OFFSET :most LIMIT 1))
          FOR UPDATE SKIP LOCKED)"""
