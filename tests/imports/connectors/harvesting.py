"""A source fetched by its connector, from a stand-in: what the importer would get."""

import json
from pathlib import Path
from typing import Any

from mapservice.imports.sources.harvest import Harvest, SourceFetcher
from mapservice.imports.sources.model import LivingSource
from mapservice.outgoing.guarded_client import GuardedClient
from tests.outgoing.stand_in import StandIn


class Harvesting:
    """`harvest(connector, …)`: the properties of each record, by its id, and the harvest."""

    def __init__(self, stand_in: StandIn, folder: Path) -> None:
        self.stand_in = stand_in
        self.folder = folder
        self.waits: list[float] = []
        self.last: Harvest | None = None

    def __call__(
        self, connector: str, path: str, licence: str = "Licence de l’essai", key: str = ""
    ) -> dict[str, dict[str, Any]]:
        client = GuardedClient(frozenset({self.stand_in.netloc}))
        keys = {self.stand_in.netloc: key} if key else {}
        fetcher = SourceFetcher(client, keys, self.waits.append)
        source = LivingSource("essai", connector, f"{self.stand_in.base}{path}", licence)
        self.last = fetcher.harvest(source, self.folder)
        lines = self.last.path.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line)["properties"] for line in lines]
        return {one["external_id"]: one for one in found}
