"""Which PostgreSQL counts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mapservice.db.binaries import find_binaries, inspect
from mapservice.errors import ConfigurationError


def test_a_newer_postgres_without_postgis_gives_way_to_an_older_one_with_it(
    made_up_postgres: Callable[..., Path],
) -> None:
    bare, spatial = made_up_postgres("17.2", None), made_up_postgres("16.4", "3.4.1")
    found = find_binaries([bare, spatial])
    assert (found.folder, found.major, found.postgis) == (spatial, 16, "3.4.1")


def test_the_newest_of_two_usable_ones_is_taken(made_up_postgres: Callable[..., Path]) -> None:
    folders = [made_up_postgres("15.9", "3.3.2"), made_up_postgres("17.2", "3.5.0")]
    assert find_binaries(folders).major == 17


def test_data_of_an_older_version_keep_their_own_programs(
    made_up_postgres: Callable[..., Path],
) -> None:
    folders = [made_up_postgres("15.9", "3.3.2"), made_up_postgres("17.2", "3.5.0")]
    assert find_binaries(folders, major=15).major == 15


@pytest.mark.parametrize(
    ("version", "postgis", "reason"),
    [
        ("14.13", "3.5.0", "PostgreSQL 14 is too old"),
        ("17.2", None, "PostgreSQL 17 without PostGIS"),
        ("15.9", "3.2.6", "PostgreSQL 15 with PostGIS 3.2.6, too old"),
    ],
)
def test_one_that_cannot_serve_is_refused_with_its_reason(
    made_up_postgres: Callable[..., Path], version: str, postgis: str | None, reason: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        find_binaries([made_up_postgres(version, postgis)])
    assert reason in str(refusal.value)
    assert "apt-get install postgresql-17 postgresql-17-postgis-3" in str(refusal.value)
    assert "DATABASE_URL" in str(refusal.value)


def test_without_any_postgres_the_message_says_what_to_install() -> None:
    with pytest.raises(ConfigurationError, match=r"PostgreSQL >= 15 with PostGIS >= 3\.3"):
        find_binaries([])


def test_a_folder_of_client_programs_only_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()
    assert inspect(tmp_path) == f"{tmp_path}: initdb, pg_ctl missing"
