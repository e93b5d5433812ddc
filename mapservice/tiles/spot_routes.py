"""Answers of the tile routes of events and of groups. Rows count from the north (XYZ)."""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from flask import Response

from mapservice.tiles.routes import BOUNDS
from mapservice.tiles.spot_queries import MAX_ZOOM, SpotLayer
from mapservice.web import edge
from mapservice.web.edge import base_url

FRESH_SECONDS = 60


def tilejson(
    layer: SpotLayer,
    pairs: Sequence[tuple[str, str]],
    fields: Mapping[str, str],
    credit: str,
    description: str = "",
) -> Response:
    """TileJSON 3 of a layer under a filter, `pairs`; `fields` tells what a feature says."""
    query = urlencode(pairs, safe=",:")
    suffix = f"?{query}" if query else ""
    document = {
        "tilejson": "3.0.0",
        "name": layer.name,
        **({"description": description} if description else {}),
        "scheme": "xyz",
        "tiles": [f"{base_url()}/tiles/{layer.name}/{{z}}/{{x}}/{{y}}.pbf{suffix}"],
        "minzoom": 0,
        "maxzoom": MAX_ZOOM,
        "bounds": BOUNDS,
        "center": [2.4, 46.6, 5],
        "attribution": credit,
        "vector_layers": [
            {"id": layer.name, "fields": dict(fields), "minzoom": 0, "maxzoom": MAX_ZOOM}
        ],
    }
    return edge.whole_answer(json.dumps(document, ensure_ascii=False), edge.JSON)


def mvt(content: bytes) -> Response:
    """A tile; 204 where there is nothing."""
    if not content:
        headers = {"Cache-Control": f"public, max-age={FRESH_SECONDS}"}
        return Response(status=204, headers=headers)
    return edge.whole_answer(content, edge.MVT, FRESH_SECONDS)


def geojson(content: str) -> Response:
    return edge.whole_answer(content, edge.GEOJSON, FRESH_SECONDS)
