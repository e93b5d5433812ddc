"""Figures per territory: JSON, CSV, and GeoJSON with outlines."""

from datetime import UTC, datetime

from flask import Blueprint, Response
from sqlalchemy import Connection

from mapservice.db.engine import feature_collection
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives.filters import RollupScope
from mapservice.initiatives.params import read_filters
from mapservice.rollups import queries
from mapservice.territories.model import Level
from mapservice.web import edge, negotiation
from mapservice.web.edge import services

blueprint = Blueprint("activity", __name__, url_prefix="/activity")


@blueprint.get("/<level>.json")
def figures_json(level: str) -> Response:
    """`{"level", "as_of", "territories": [...]}`."""
    wanted = _level(level)
    with services().autocommit.connect() as connection:
        now = datetime.now(UTC)
        figures = queries.figures_json(connection, wanted, _scope(connection), now)
    told = f',"territories":{figures}}}'.encode()
    return negotiation.stamped(f'{{"level":"{wanted}",', (told,), edge.JSON, name="as_of")


@blueprint.get("/<level>.csv")
def figures_csv(level: str) -> Response:
    wanted, scope = _asked(level)
    return edge.stream_answer(
        edge.CSV,
        f"activity-{wanted}.csv",
        lambda connection: queries.figures_csv(connection, wanted, scope, datetime.now(UTC)),
    )


@blueprint.get("/<level>.geojson")
def figures_geojson(level: str) -> Response:
    wanted, scope = _asked(level)
    now = datetime.now(UTC)
    return edge.stream_answer(
        edge.GEOJSON,
        f"activity-{wanted}.geojson",
        lambda connection: feature_collection(
            queries.figures_geojson(connection, wanted, scope, now)
        ),
    )


def _asked(level: str) -> tuple[Level, RollupScope]:
    wanted = _level(level)
    with services().autocommit.connect() as connection:
        return wanted, _scope(connection)


def _level(text: str) -> Level:
    if text not in tuple(Level):
        raise NotFound(f"There are no figures for {text!r}; levels are {', '.join(Level)}.")
    return Level(text)


def _scope(connection: Connection) -> RollupScope:
    filters, paging = read_filters(connection)
    if paging.limit is not None or paging.cursor is not None:
        raise InvalidInput("limit" if paging.limit is not None else "cursor", "does not apply here")
    return RollupScope.of(filters)
