"""Calendars read back by ical.js, independently of how they are made."""

import json
import subprocess
from typing import Any

from mapservice.settings import vendor_folder
from tests.conftest import REPOSITORY

SCRIPT = REPOSITORY / "tests" / "events" / "ical_expand.mjs"


def by_ical_js(calendars: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """What ical.js finds in each calendar before a wall time (ISO 8601)."""
    assert (vendor_folder() / "ical.js").is_dir(), "npm installs ical.js with the other files"
    asked = {"calendars": [{"ics": ics, "until": until} for ics, until in calendars]}
    done = subprocess.run(
        ["node", str(SCRIPT)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
