"""The catalogue of our data sets, for portals that harvest it."""

import json

from flask import Blueprint, Response

from mapservice.site import catalogue_queries, data_catalogue
from mapservice.web import edge
from mapservice.web.edge import base_url, only_parameters, services

blueprint = Blueprint("catalogue", __name__)

HOUR_SECONDS = 3_600


@blueprint.get("/catalogue.jsonld")
def catalogue() -> Response:
    """DCAT-AP as JSON-LD."""
    only_parameters()
    with services().autocommit.connect() as connection:
        facts = catalogue_queries.read(connection)
    told = data_catalogue.document(facts, services().settings, base_url())
    body = json.dumps(told, ensure_ascii=False, indent=1)
    return edge.whole_answer(body, data_catalogue.MEDIA_TYPE, HOUR_SECONDS)
