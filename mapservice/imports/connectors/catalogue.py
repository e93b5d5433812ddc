"""The connectors that there are: a new one is a file beside this one, and its line here."""

from mapservice.imports.connectors import (
    api_engagement,
    data_inclusion,
    decidim,
    decidim_meetings,
    france_services,
    gogocarto,
    icalendar_file,
    mobilizon,
    openagenda,
    openfairdb,
    schema_org,
)
from mapservice.imports.connectors.model import Connector

CONNECTORS: dict[str, Connector] = {
    one.name: one
    for one in (
        gogocarto.CONNECTOR,
        france_services.CONNECTOR,
        data_inclusion.CONNECTOR,
        api_engagement.CONNECTOR,
        openfairdb.CONNECTOR,
        decidim.CONNECTOR,
        schema_org.CONNECTOR,
        icalendar_file.CONNECTOR,
        openagenda.CONNECTOR,
        mobilizon.CONNECTOR,
        decidim_meetings.CONNECTOR,
    )
}
