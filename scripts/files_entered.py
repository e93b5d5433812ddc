"""Counts the files under mapservice/ that requests enter, by `sys.setprofile`; see files-entered.

A request is made twice and the second is counted, so that what is made once for all requests does
not count. The geocoder aside: its way through a text is a library's to whoever calls it.
"""

import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from flask.testing import FlaskClient
from sqlalchemy import text

from mapservice.app import create_app
from mapservice.db.engine import make_engine
from mapservice.db.migrate import migrate
from mapservice.settings import Settings
from mapservice.territories.service import load_territories

HOUSE = Path(__file__).resolve().parents[1] / "mapservice"
ASIDE = ("geocoding",)
# At most so many files, as docs/architecture.md promises.
PROMISED = {"tile": 6, "coordination": 9, "proposal": 9}


def entered(work: Callable[[], object]) -> set[str]:
    """The files whose functions are called meanwhile, relative to the package."""
    found: set[str] = set()

    def see(frame: FrameType, event: str, argument: object) -> None:
        del argument
        if event == "call":
            found.add(frame.f_code.co_filename)

    threading.setprofile(see)
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    inside = {Path(name) for name in found if name.startswith(str(HOUSE))}
    names = {path.relative_to(HOUSE).as_posix() for path in inside}
    return {name for name in names if name.split("/")[0] not in ASIDE}


def propose(client: FlaskClient) -> None:
    page = client.get("/proposer").get_data(as_text=True)
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    form |= {
        "title": "Un verger partagé",
        "summary": "Planter et soigner des fruitiers ensemble.",
        "description": "Planter et soigner des fruitiers ensemble, au pied des immeubles.",
        "theme": "environnement",
        "scale": "commune",
        "place": "Rennes",
        "email": "proposer@example.org",
        "name": "Une voisine",
    }
    client.post("/proposer", data=form)


def main() -> int:
    settings = Settings.from_env()
    engine = make_engine(settings.database_url)
    migrate(engine)
    with engine.connect() as connection:
        if not connection.execute(text("SELECT EXISTS (SELECT FROM territory)")).scalar_one():
            load_territories(engine)
    app = create_app(settings)
    ways: dict[str, Callable[[FlaskClient], object]] = {
        "tile": lambda client: client.get("/tiles/initiatives/12/2018/1428.pbf"),
        "coordination": lambda client: client.get("/coordination/region/53"),
        "proposal": propose,
    }
    worst = 0
    for name, way in ways.items():
        client = app.test_client()
        way(client)
        files = entered(lambda client=client, way=way: way(client))
        worst = max(worst, len(files) - PROMISED[name])
        print(f"{name}: {len(files)} files, at most {PROMISED[name]}")
        if "--list" in sys.argv:
            print(*sorted(files), sep="\n", end="\n\n")
    return int(worst > 0)


if __name__ == "__main__":
    os.environ.setdefault(
        "MAPSERVICE_DATABASE_URL", os.environ.get("MAPSERVICE_TEST_DATABASE_URL", "")
    )
    sys.exit(main())
