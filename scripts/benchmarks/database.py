"""The databases of generated initiatives: made once, kept, found again by their name."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from mapservice.initiatives.facts import FACT_COLUMNS
from mapservice.initiatives.filters import InitiativeFilters
from scripts.benchmarks.options import ROOT

# A database that somebody made by hand serves too, if it holds as many initiatives.
BY_HAND = "bench"
TERRITORIES_ONLY = "bench_0"

# Peers read the same tables, through views that show what our doors show, facts included. Tiles
# want positions in EPSG:3857, items in EPSG:4326: they get an index for either.
PEER_VIEWS = """
CREATE SCHEMA IF NOT EXISTS bench;
CREATE INDEX IF NOT EXISTS bench_initiative_anchor ON initiative USING gist (anchor);
DROP VIEW IF EXISTS bench.initiative;
CREATE VIEW bench.initiative AS
    SELECT id, title, summary, theme, status, scale, commune, epci, departement, region,
           precision, supporters, created_at, created_period, updated_at,
           nullif(source_platform, '') AS source, nullif(source_url, '') AS source_url,
           nullif(source_licence, '') AS licence, source_supporters, {facts}, anchor AS geom
      FROM initiative
     WHERE status IN ({statuses});
CREATE OR REPLACE VIEW bench.initiative_tile AS
    SELECT id, title, theme, status, precision, anchor_3857 AS geom
      FROM initiative
     WHERE status IN ({statuses});
"""
# Names of communes as somebody types them, for the plain prefix search.
NAMES = """
CREATE TABLE IF NOT EXISTS bench.name AS
    SELECT code, name, population, lower(unaccent(name)) AS folded
      FROM territory
     WHERE level = 'commune';
CREATE INDEX IF NOT EXISTS bench_name_folded ON bench.name (folded text_pattern_ops);
ANALYZE bench.name;
"""

GATHERINGS_SEED = 7
DATES_AHEAD = "SELECT EXISTS (SELECT FROM event WHERE starts_at > now() + interval '300 days')"


def database(server: str, count: int) -> str:
    """The URL of a database with so many initiatives, made now if there is none."""
    for name in (f"bench_{count}", BY_HAND):
        url = _url(server, name)
        if name in _names(server) and _initiatives(url) == count:
            break
    else:
        url = _make(server, count)
    _mapservice(url, "db", "migrate")
    add_views(url)
    return url


def with_gatherings(server: str, count: int) -> str:
    """The same with as many dates of events in the year to come, and a twentieth of it in groups.

    Dates go by: one that was made more than two months ago is made anew.
    """
    name = f"bench_gatherings_{count}"
    url = _url(server, name)
    if name not in _names(server) or not _has_dates_ahead(url):
        template = make_url(database(server, count)).database or ""
        _create(server, name, template)
        seeded = ("--seed", str(GATHERINGS_SEED))
        _mapservice(url, "events", "generate", "--count", str(count), *seeded)
        _mapservice(url, "groups", "generate", "--count", str(max(1, count // 20)), *seeded)
    _mapservice(url, "db", "migrate")
    return url


def _has_dates_ahead(url: str) -> bool:
    """Whether the year to come is still that of the load."""
    with psycopg.connect(url) as connection:
        row = connection.execute(DATES_AHEAD).fetchone()
    return bool(row and row[0])


def add_views(url: str) -> None:
    """What the peers and the plain SQL read beside the service's own tables."""
    comma = sql.SQL(", ")
    statuses = comma.join(str(status) for status in InitiativeFilters().statuses)
    facts = comma.join(map(sql.Identifier, FACT_COLUMNS))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(PEER_VIEWS).format(statuses=statuses, facts=facts))
        connection.execute(NAMES)


def _make(server: str, count: int) -> str:
    """Of all territories and made-up initiatives; an unfinished one of that name is replaced."""
    empty = _url(server, TERRITORIES_ONLY)
    if TERRITORIES_ONLY not in _names(server):
        _create(server, TERRITORIES_ONLY, "template1")
    _mapservice(empty, "db", "migrate")
    _mapservice(empty, "territories", "load", "--if-needed")
    _create(server, f"bench_{count}", TERRITORIES_ONLY)
    url = _url(server, f"bench_{count}")
    _mapservice(url, "initiatives", "generate", "--count", str(count))
    return url


def _create(server: str, name: str, template: str) -> None:
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with _maintaining(server) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {name}").format(**names))
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))


def _names(server: str) -> Sequence[str]:
    with _maintaining(server) as connection:
        return [name for (name,) in connection.execute("SELECT datname FROM pg_database")]


@contextmanager
def _maintaining(server: str) -> Iterator[psycopg.Connection[tuple[str]]]:
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection


def _initiatives(url: str) -> int | None:
    """How many there are; None in a database of something else."""
    with psycopg.connect(url) as connection:
        try:
            row = connection.execute("SELECT count(*) FROM initiative").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return row[0] if row else None


def _url(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _mapservice(url: str, *words: str) -> None:
    code = "from mapservice.cli.main import main; main()"
    environ = os.environ | {"MAPSERVICE_DATABASE_URL": url}
    subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, env=environ, check=True)
