"""A calendar imported into a database of its own."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from mapservice.geocoding.service import Locator
from tests.events.incoming.calendars import Import, importer


@pytest.fixture
def take(engine: Engine, locator: Locator, tmp_path: Path) -> Import:
    """Imports the text of a calendar; options are those of an import."""
    return importer(engine, locator, tmp_path)
