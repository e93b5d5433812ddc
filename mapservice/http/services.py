"""What every route may use: the settings, the database, the geocoder."""

from dataclasses import dataclass

from flask import current_app
from sqlalchemy import Engine

from mapservice.geocoding.service import Geocoders
from mapservice.settings import Settings

EXTENSION = "mapservice"


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    engine: Engine
    geocoders: Geocoders


def services() -> Services:
    """Those of the application that serves the present request."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Services)
    return found
