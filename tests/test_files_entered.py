"""To follow a request a newcomer opens as few files as `docs/architecture.md` promises."""

import pytest
from flask import Flask
from sqlalchemy import Engine

from scripts.files_entered import PROMISED, files_of


@pytest.mark.parametrize("way", PROMISED)
def test_a_request_enters_no_more_files_than_promised(app: Flask, engine: Engine, way: str) -> None:
    files = files_of(app, way)
    assert "web/edge.py" in files
    assert len(files) <= PROMISED[way], sorted(files)
