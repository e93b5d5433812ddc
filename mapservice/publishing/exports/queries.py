"""Exports as the table `export` keeps them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select

from mapservice.db.tables import export
from mapservice.publishing.exports.model import (
    FRESH,
    BundleFormat,
    ExportFormat,
    ExportJob,
    ExportState,
    JobFormat,
    SheetFormat,
)

_COLUMNS = (
    export.c.id,
    export.c.format,
    export.c.filter,
    export.c.state,
    export.c.base_url,
    export.c.done_rows.label("done"),
    export.c.total_rows.label("total"),
    export.c.bytes,
    export.c.created_at,
    export.c.finished_at,
    export.c.expires_at,
)
UNFINISHED = (ExportState.QUEUED, ExportState.RUNNING)


def find(connection: Connection, identifier: UUID) -> ExportJob | None:
    """One export that has not expired."""
    query: Select[Any] = select(*_COLUMNS).where(
        export.c.id == identifier,
        func.coalesce(export.c.expires_at > func.now(), export.c.expires_at.is_(None)),
    )
    row = connection.execute(query).one_or_none()
    return _export(row) if row else None


def same(connection: Connection, form: JobFormat, text: str, base_url: str) -> ExportJob | None:
    """An export of the same format and filter, in the making or finished recently."""
    fresh = (export.c.state == ExportState.DONE) & (export.c.finished_at > func.now() - FRESH)
    query: Select[Any] = (
        select(*_COLUMNS)
        .where(
            export.c.format == form,
            export.c.filter == text,
            export.c.base_url == base_url,
            export.c.state.in_(UNFINISHED) | fresh,
        )
        .order_by(export.c.created_at.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return _export(row) if row else None


def waiting(connection: Connection) -> int:
    query = select(func.count()).select_from(export).where(export.c.state == ExportState.QUEUED)
    return connection.execute(query).scalar_one()


def under_way(connection: Connection, asker: bytes) -> int:
    """How many that somebody ordered are not finished yet."""
    query = (
        select(func.count())
        .select_from(export)
        .where(export.c.asker == asker, export.c.state.in_(UNFINISHED))
    )
    return connection.execute(query).scalar_one()


def running(connection: Connection) -> Sequence[UUID]:
    query = select(export.c.id).where(export.c.state == ExportState.RUNNING)
    return connection.execute(query).scalars().all()


def finished(connection: Connection) -> Sequence[ExportJob]:
    """Exports whose file exists, the newest first."""
    query: Select[Any] = (
        select(*_COLUMNS)
        .where(export.c.state == ExportState.DONE)
        .order_by(export.c.finished_at.desc(), export.c.id)
    )
    return [_export(row) for row in connection.execute(query)]


def _export(row: Row[Any]) -> ExportJob:
    kinds = (ExportFormat, SheetFormat, BundleFormat)
    form = next(kind(row.format) for kind in kinds if row.format in tuple(kind))
    state = ExportState(row.state)
    return ExportJob(**dict(row._mapping) | {"format": form, "state": state})
