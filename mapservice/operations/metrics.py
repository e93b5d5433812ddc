"""Figures for Prometheus that no request counts: what waits, what failed, what is left of the disk.

They are read when they are asked for, in one short transaction; whoever cannot be asked is told as
absent, never as nought.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from mapservice import __version__
from mapservice.db.revisions import current_revision, is_served
from mapservice.operations.disk import disks
from mapservice.publishing.exports.model import ExportState
from mapservice.settings import Settings

SHARED_VALUES = "PROMETHEUS_MULTIPROC_DIR"
TIMEOUT_MS = 2000

JOBS = """
SELECT task_name AS kind, status::text AS state, count(*) AS n,
       greatest(0, extract(epoch FROM now() - min(coalesce(scheduled_at, deferred.at)))) AS age
  FROM procrastinate_jobs AS job
  LEFT JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events
                      WHERE job_id = job.id AND type IN ('deferred', 'scheduled')) AS deferred
         ON true
 WHERE status IN ('todo', 'doing', 'failed')
 GROUP BY task_name, status"""

MAILS = """
SELECT state, count(*) AS n,
       greatest(0, extract(epoch FROM now() - min(created_at))) AS age
  FROM delivery WHERE state <> 'sent' GROUP BY state"""

EXPORTS = "SELECT state, count(*) AS n FROM export GROUP BY state"

FIGURES = """
SELECT (SELECT count(*) FROM rollup_delta) AS rollup_deltas,
       (SELECT count(*) FROM push_message) AS notifications,
       (SELECT extract(epoch FROM now() - max(last_heartbeat))
          FROM procrastinate_workers) AS worker_age,
       pg_database_size(current_database()) AS database_bytes,
       (SELECT max(made_at) FROM backup) AS backup_made,
       (SELECT max(made_at) FROM backup WHERE verified_at IS NOT NULL) AS backup_verified"""


class StateCollector(Collector):
    """What the database and the disk say at the moment of the question."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def collect(self) -> Iterator[Metric]:
        yield _one("mapservice_info", "Version of the service.", 1, version=__version__)
        yield from _disk_figures(self._settings)
        found: list[Metric] = []
        with contextlib.suppress(SQLAlchemyError), self._engine.connect() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = {TIMEOUT_MS}"))
            found = list(_database_figures(connection))
        yield _one("mapservice_database_up", "Whether the database answers.", int(bool(found)))
        yield from found


def write_metrics(engine: Engine, settings: Settings) -> bytes:
    """All figures in Prometheus' text format: of all processes of this gunicorn, and of now."""
    registry = CollectorRegistry()
    counted = b""
    if os.environ.get(SHARED_VALUES):
        MultiProcessCollector(registry)
    else:
        counted = generate_latest(REGISTRY)
    registry.register(StateCollector(engine, settings))
    return counted + generate_latest(registry)


def _database_figures(connection: Connection) -> Iterator[Metric]:
    schema = int(is_served(current_revision(connection)))
    yield _one("mapservice_schema_current", "Whether no migration is missing.", schema)
    if not schema:
        return
    jobs = connection.execute(text(JOBS)).all()
    yield _many(
        "mapservice_jobs",
        "Jobs of the queue, by kind and state.",
        ("kind", "state"),
        [((row.kind, row.state), row.n) for row in jobs],
    )
    yield _many(
        "mapservice_job_oldest_seconds",
        "Age of the oldest job that waits.",
        ("kind",),
        [((row.kind,), row.age) for row in jobs if row.state == "todo" and row.age is not None],
    )
    mails = connection.execute(text(MAILS)).all()
    counts = {"queued": 0, "sending": 0, "failed": 0} | {row.state: row.n for row in mails}
    yield _many(
        "mapservice_mails",
        "Mails that are not sent, by state.",
        ("state",),
        [((state,), n) for state, n in counts.items()],
    )
    ages = [row.age for row in mails if row.state in ("queued", "sending")]
    yield _one(
        "mapservice_mail_oldest_seconds", "Age of the oldest mail that waits.", max(ages, default=0)
    )
    exports = connection.execute(text(EXPORTS)).all()
    orders = {str(state): 0 for state in ExportState} | {row.state: row.n for row in exports}
    yield _many(
        "mapservice_exports",
        "Exports and reports, by state.",
        ("state",),
        [((state,), n) for state, n in orders.items()],
    )
    row = connection.execute(text(FIGURES)).one()
    yield _one(
        "mapservice_rollup_deltas", "Changes of counts not folded in yet.", row.rollup_deltas
    )
    yield _one("mapservice_notifications_waiting", "Notifications on their way.", row.notifications)
    yield _one("mapservice_database_bytes", "Size of the database.", row.database_bytes)
    if row.worker_age is not None:
        yield _one(
            "mapservice_worker_heartbeat_seconds",
            "Since a worker last said it lives.",
            row.worker_age,
        )
    yield from _moment(
        "mapservice_backup_made_timestamp_seconds",
        "Moment that the last backup holds.",
        row.backup_made,
    )
    yield from _moment(
        "mapservice_backup_verified_timestamp_seconds",
        "Moment that the last verified backup holds.",
        row.backup_verified,
    )


def _disk_figures(settings: Settings) -> Iterator[Metric]:
    found = disks(settings)
    yield _many(
        "mapservice_disk_free_bytes",
        "Bytes that the service may still write.",
        ("place",),
        [((place,), usage.free) for place, usage in found.items()],
    )
    yield _many(
        "mapservice_disk_size_bytes",
        "Bytes of the disk.",
        ("place",),
        [((place,), usage.total) for place, usage in found.items()],
    )
    yield _one(
        "mapservice_disk_least_bytes",
        "Less free than this, and readiness is red.",
        settings.disk_free_bytes,
    )


def _moment(name: str, words: str, at: datetime | None) -> Iterator[Metric]:
    """None where it never was: an alert asks for its absence."""
    if at is not None:
        yield _one(name, words, at.timestamp())


def _one(name: str, words: str, value: float, **labels: str) -> Metric:
    return _many(name, words, tuple(labels), [(tuple(labels.values()), value)])


def _many(
    name: str, words: str, labels: tuple[str, ...], values: list[tuple[tuple[str, ...], Any]]
) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for texts, value in values:
        family.add_metric(texts, float(value))
    return family
