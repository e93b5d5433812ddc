"""PostgreSQL's own programs, called: `pg_dump`, `pg_restore` and `psql` of one version.

Passwords go by the environment: a command line can be read by everybody on a machine.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from psycopg.conninfo import make_conninfo

from mapservice.db.address import connection_parameters
from mapservice.db.binaries import find_clients
from mapservice.errors import ConfigurationError, SourceError

# What only a superuser may restore is left out: PostGIS is in a database before.
OURS = ("--extension=unaccent", "--extension=pg_trgm", "--exclude-table=spatial_ref_sys")
# An entry of a dump's list; its owner alone may say it.
OF_EXTENSIONS = " COMMENT - EXTENSION "

# All of ours in the present schema; what belongs to an extension stays.
DROP_ALL = """
DO $$
DECLARE all_of_ours text[]; one text;
BEGIN
  SELECT array_agg(line) INTO all_of_ours FROM (
    SELECT format('DROP %s IF EXISTS %s CASCADE',
                  CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                               WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                  pg_class.oid::regclass) AS line
      FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                          AND objid = pg_class.oid AND deptype IN ('e', 'i'))
     UNION ALL
    SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', pg_proc.oid::regprocedure)
      FROM pg_proc
     WHERE pronamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass
                          AND objid = pg_proc.oid AND deptype = 'e')
     UNION ALL
    SELECT format('DROP TYPE IF EXISTS %s CASCADE', pg_type.oid::regtype)
      FROM pg_type LEFT JOIN pg_class ON pg_class.oid = typrelid
     WHERE typnamespace = current_schema()::regnamespace
       AND (typtype IN ('e', 'd', 'r') OR (typtype = 'c' AND relkind = 'c'))
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass
                          AND objid = pg_type.oid AND deptype = 'e')
     UNION ALL
    SELECT format('DROP TEXT SEARCH CONFIGURATION IF EXISTS %s CASCADE', oid::regconfig)
      FROM pg_ts_config
     WHERE cfgnamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_ts_config'::regclass
                          AND objid = pg_ts_config.oid AND deptype = 'e')
  ) AS told;
  -- Worded before the first is gone: many go with another.
  FOREACH one IN ARRAY coalesce(all_of_ours, '{}') LOOP
    EXECUTE one;
  END LOOP;
END $$;
"""
# Stands from the restore of the rows to the end of all that follows it; readiness looks for it.
MARK = "CREATE TABLE restore_under_way (folder text NOT NULL);\n"


@dataclass(frozen=True, slots=True)
class PostgresClient:
    """The programs in `folder`, for one database."""

    folder: Path
    url: str

    @classmethod
    def of(cls, url: str, major: int) -> "PostgresClient":
        """For a server of that version. Raises ConfigurationError where no programs for it are."""
        return cls(find_clients(major), url)

    def dump(self, snapshot: str, target: Path) -> None:
        """Raises ConfigurationError with what pg_dump says."""
        wanted = ["--format=custom", f"--snapshot={snapshot}", *OURS, f"--file={target}"]
        done = subprocess.run(
            [self.folder / "pg_dump", *wanted, "--dbname", self._address],
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ConfigurationError(f"pg_dump failed:\n{done.stderr.strip()}")

    def restore(self, dump: Path, *, instead: bool) -> None:
        """All of the dump in one transaction, or nothing of it; `instead` of what is there.

        Raises ConfigurationError with what psql says, SourceError with what pg_restore says.
        """
        with _SqlOfDump(self.folder / "pg_restore", dump) as (lister, listed):
            told = subprocess.Popen(
                [self.folder / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self._address],
                env=self._environ | {"PGOPTIONS": "-c client_min_messages=warning"},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            assert told.stdin is not None
            assert told.stderr is not None
            # Without the last word nothing is committed: whatever ends before it has done nothing.
            try:
                told.stdin.write(b"BEGIN;\n" + (DROP_ALL.encode() if instead else b""))
                told.stdin.write(MARK.encode())
                shutil.copyfileobj(listed, told.stdin, 1024 * 1024)
                if lister.wait() == 0:
                    told.stdin.write(b"\nCOMMIT;\n")
                told.stdin.close()
            except BrokenPipeError:
                lister.kill()
                with contextlib.suppress(BrokenPipeError):
                    told.stdin.close()
            with told.stderr:
                words = told.stderr.read().decode(errors="replace").strip()
            if told.wait():
                raise ConfigurationError(f"the database refuses what the backup holds:\n{words}")
            if lister.wait():
                raise SourceError(f"{dump} cannot be read to its end")

    @property
    def _address(self) -> str:
        parameters = connection_parameters(self.url)
        parameters.pop("password", None)
        return make_conninfo("", **parameters)

    @property
    def _environ(self) -> dict[str, str]:
        password = connection_parameters(self.url).get("password")
        return {**os.environ, **({"PGPASSWORD": password} if password else {})}


class _SqlOfDump:
    """`pg_restore` writing SQL: the process, and what it writes."""

    def __init__(self, program: Path, dump: Path) -> None:
        self._program, self._dump = program, dump
        self._list = Path()

    def __enter__(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        listed = subprocess.run(
            [self._program, "--list", self._dump], capture_output=True, text=True, check=False
        )
        if listed.returncode:
            raise SourceError(f"{self._dump} is no dump: {listed.stderr.strip()}")
        kept = [line for line in listed.stdout.splitlines() if OF_EXTENSIONS not in line]
        number, name = tempfile.mkstemp(prefix="mapservice-", suffix=".list")
        self._list = Path(name)
        with os.fdopen(number, "w") as file:
            file.write("\n".join(kept))
        options: Sequence[str] = ("--no-owner", "--no-privileges", "--file=-")
        self._process = subprocess.Popen(
            [self._program, *options, f"--use-list={self._list}", self._dump],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        return self._process, self._process.stdout

    def __exit__(self, *_error: object) -> None:
        self._list.unlink(missing_ok=True)
        if self._process.stdout:
            self._process.stdout.close()
        self._process.kill()
        self._process.wait()
