"""What could not leave again does not come in: licences that forbid reuse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from mapservice.errors import InvalidInput
from mapservice.geocoding.service import Locator
from mapservice.imports.service import ImportOptions, import_file


def test_rows_under_such_a_licence_are_rejected_and_told(
    import_rows: Callable[[str], list[str]],
) -> None:
    outcomes = import_rows(
        "titre,ville,licence\n"
        "Un verger,Niort,CC BY-NC-SA 4.0\n"
        "Un four,Niort,Licence Ouverte 2.0\n"
        "Un lavoir,Niort,Tous droits réservés\n"
        "Un sentier,Niort,\n"
    )
    assert outcomes == ["rejected", "imported", "rejected", "imported"]


def test_a_file_under_such_a_licence_is_refused_before_anything_is_saved(
    engine: Engine, locator: Locator, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("titre,ville\nUn verger,Niort\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="forbids reuse"):
        import_file(engine, locator, path, ImportOptions(licence="CC BY-ND 4.0"))
    with engine.connect() as connection:
        kept = text("SELECT count(*) FROM initiative")
        assert connection.execute(kept).scalar_one() == 0
