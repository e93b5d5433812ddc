"""Writing a package: file after file into one archive, whole or not at all.

Memory does not grow with the number of initiatives, nor with that of photos: each line is written
as it is read, each picture as it is fetched.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from sqlalchemy import Connection

from mapservice import __version__
from mapservice.initiatives.filters import InitiativeFilters, parse
from mapservice.initiatives.licences import terms_of
from mapservice.media.storage import MediaStore
from mapservice.publishing.exports.model import ExportJob
from mapservice.publishing.exports.unfinished import beside, publish
from mapservice.publishing.packages import queries
from mapservice.publishing.packages.model import (
    MANIFEST,
    OWN,
    PHOTO_FOLDER,
    README,
    VERSION,
    LeftOut,
    LicenceCount,
    PackageOrigin,
    PackageResource,
    schema_of,
)
from mapservice.publishing.packages.queries import PackageContent

# As many bytes of pictures go with a package; those of the others are told with their number.
MAX_PHOTO_BYTES = 1_000_000_000
TOLD_EVERY = 2_000

Start = Callable[[int], None]
Advance = Callable[[int], None]
Make = Callable[[Connection, ExportJob, Path, Start, Advance], None]


def maker(site_name: str, store: MediaStore) -> Make:
    """The function that the job of exports calls for a package."""
    return partial(_make, site_name, store)


def _make(
    site_name: str,
    store: MediaStore,
    connection: Connection,
    one: ExportJob,
    target: Path,
    start: Start,
    advance: Advance,
) -> None:
    filters, _ = parse(parse_qsl(one.filter))
    origin = PackageOrigin(site_name, one.base_url)
    write_package(connection, filters, origin, store, target, (start, advance))


def write_package(
    connection: Connection,
    filters: InitiativeFilters,
    origin: PackageOrigin,
    store: MediaStore,
    target: Path,
    progress: tuple[Start, Advance],
    most_photo_bytes: int = MAX_PHOTO_BYTES,
) -> None:
    """Writes all public data of a filter to `target`, which a crash leaves as it was.

    `progress` is told how many initiatives there are, then how many are written. Run it in a
    transaction of one snapshot: so that what is counted is what is written.
    """
    start, advance = progress
    content = queries.content(connection, filters)
    start(content.total)
    with beside(target) as folder:
        made = folder / target.name
        with ZipFile(made, "w", ZIP_DEFLATED) as archive:
            package = _Package(archive, datetime.now(UTC))
            package.table(
                PackageResource.INITIATIVES,
                queries.initiatives(connection, content, origin),
                advance,
            )
            package.table(PackageResource.POSTS, queries.posts(connection, content, origin))
            missing = package.pictures(
                queries.photos(connection, content, origin), store, most_photo_bytes
            )
            package.table(
                PackageResource.PHOTOS,
                (
                    record
                    | {"path": None if record["id"] in missing else _picture_path(record["id"])}
                    for record, _ in queries.photos(connection, content, origin)
                ),
            )
            package.table(PackageResource.GROUPS, queries.groups(connection, content, origin))
            package.table(PackageResource.SERIES, queries.series(connection, content, origin))
            package.table(PackageResource.EVENTS, queries.events(connection, content, origin))
            left_out = queries.left_out(connection, content)
            if missing:
                why = f"the pictures of a package take at most {most_photo_bytes} bytes, or the"
                why += " store no longer has them; what is said of them is here"
                left_out.append(LeftOut("pictures", len(missing), why))
            named = queries.territory_names(connection, content.filters)
            notes = _notes(content.licences, queries.made_up(connection, content))
            manifest = _manifest(package, content, filters, origin, named, left_out, notes)
            package.text(README, _read_me(manifest))
            package.text(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
        publish(made, target)


@dataclass(slots=True)
class _Package:
    """An archive under way, and what is known of its files so far."""

    archive: ZipFile
    at: datetime
    resources: list[dict[str, Any]] = field(default_factory=list)

    def table(
        self,
        resource: PackageResource,
        records: Iterable[dict[str, Any]],
        advance: Advance | None = None,
    ) -> None:
        """One record a line (UTF-8); its digest and size are told in the manifest."""
        digest = hashlib.sha256()
        rows = size = 0
        with self.archive.open(self._info(resource.path), "w", force_zip64=True) as file:
            for record in records:
                told = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
                line = told.encode() + b"\n"
                file.write(line)
                digest.update(line)
                size += len(line)
                rows += 1
                if advance and rows % TOLD_EVERY == 0:
                    advance(TOLD_EVERY)
        if advance:
            advance(rows % TOLD_EVERY)
        self.resources.append(
            {
                "name": str(resource),
                "profile": "data-resource",
                "path": resource.path,
                "format": resource.path.partition(".")[2],
                "mediatype": resource.media_type,
                "encoding": "utf-8",
                "bytes": size,
                "hash": f"sha256:{digest.hexdigest()}",
                "rows": rows,
                "schema": schema_of(resource),
            }
        )

    def pictures(
        self, found: Iterable[tuple[dict[str, Any], str]], store: MediaStore, most_bytes: int
    ) -> set[str]:
        """Writes the pictures; returns the ids of those that are left out."""
        written = 0
        missing: set[str] = set()
        for record, name in found:
            picture = store.get(name) if written < most_bytes else None
            if picture is None or written + len(picture) > most_bytes:
                missing.add(record["id"])
                continue
            info = self._info(_picture_path(record["id"]), ZIP_STORED)
            self.archive.writestr(info, picture)
            written += len(picture)
        return missing

    def text(self, path: str, words: str) -> None:
        self.archive.writestr(self._info(path), words.encode())

    def _info(self, path: str, method: int = ZIP_DEFLATED) -> ZipInfo:
        info = ZipInfo(path, self.at.timetuple()[:6])
        info.compress_type = method
        info.external_attr = 0o644 << 16
        return info


def _picture_path(identifier: str) -> str:
    return f"{PHOTO_FOLDER}/{identifier}.webp"


def _manifest(
    package: _Package,
    content: PackageContent,
    filters: InitiativeFilters,
    origin: PackageOrigin,
    named: list[dict[str, str]],
    left_out: list[LeftOut],
    notes: list[str],
) -> dict[str, Any]:
    places = ", ".join(one["name"] for one in named) or "France"
    slug = "-".join(f"{one['level']}-{one['code'].lower()}" for one in named[:5]) or "france"
    manifest: dict[str, Any] = {
        "profile": "data-package",
        "name": f"initiatives-{slug}",
        "title": f"Initiatives locales : {places}",
        "description": "All public data of these initiatives: see LISEZMOI.md.",
        "version": f"{package.at:%Y.%m.%d}",
        "created": f"{package.at:%Y-%m-%dT%H:%M:%SZ}",
        "licenses": _licences(content.licences),
        "sources": [{"title": origin.name} | _path(origin.base_url)],
        "resources": package.resources,
        OWN: {
            "version": VERSION,
            "generator": f"mapservice {__version__}",
            "origin": {"name": origin.name, "url": origin.base_url or None},
            "filter": urlencode(filters.to_pairs(), safe=",:"),
            "territories": named,
            "licences": [
                {
                    "licence": one.licence or None,
                    "initiatives": one.initiatives,
                    "identifier": terms_of(one.licence).name or None,
                    "shares_alike": terms_of(one.licence).shares_alike,
                }
                for one in content.licences
            ],
            "left_out": [one.to_json() for one in left_out],
            "notes": notes,
        },
    }
    if not manifest["licenses"]:
        # The standard wants at least one, or none at all.
        del manifest["licenses"]
    return manifest | ({"homepage": origin.base_url} if origin.base_url else {})


def _path(address: str) -> dict[str, str]:
    return {"path": address} if address else {}


def _licences(counted: Iterable[LicenceCount]) -> list[dict[str, str]]:
    """Those that have a name or an address, as the standard wants; each record says its own."""
    found: dict[str, dict[str, str]] = {}
    for one in counted:
        terms = terms_of(one.licence)
        if terms.name:
            found[terms.name] = {"name": terms.name, "title": one.licence} | _path(terms.path)
    return list(found.values())


def _notes(counted: Iterable[LicenceCount], made_up: int) -> list[str]:
    """What whoever uses the data must know, in French and in English."""
    terms = [terms_of(one.licence) for one in counted]
    notes = []
    if made_up:
        notes.append(
            f"{made_up} de ces initiatives sont des exemples inventés : elles n’existent pas."
        )
        notes.append(f"{made_up} of these initiatives are made-up examples: they do not exist.")
    alike = sorted({one.words for one in terms if one.shares_alike})
    if alike and len(terms) > 1:
        names = ", ".join(alike)
        notes.append(
            f"Une partie est sous {names} : ce qui en est tiré doit l’être aussi. Le reste est sous"
            " d’autres licences ; chaque ligne porte la sienne, ne les mêlez pas sans y regarder."
        )
        notes.append(
            f"Part of it is under {names}: what is made from it must be so too. The rest is under"
            " other licences; each line tells its own, do not mix them unseen."
        )
    if any(not one.words for one in terms):
        notes += [
            "Pour une partie, aucune licence n’est dite : demandez à la source avant de republier.",
            "For a part, no licence is told: ask its source before you publish it anew.",
        ]
    return notes


_SUPPORTS = (
    "`supporters` : soutiens confirmés par courriel par le service qui a écrit cette archive ;"
    " `source_supporters` : soutiens annoncés par la source, vérifiés par personne."
)


def _read_me(manifest: dict[str, Any]) -> str:
    """For who opens the archive by hand: French first."""
    own = manifest[OWN]
    lines = [
        f"# {manifest['title']}",
        "",
        f"Toutes les données publiques de ces initiatives, le {manifest['created'][:10]},"
        f" de {own['origin']['name']} {own['origin']['url'] or ''}".rstrip()
        + ".",
        "",
        "## Fichiers",
        "",
    ]
    words = {
        "initiatives": "les initiatives, une par ligne (GeoJSONSeq, à ouvrir dans QGIS)",
        "posts": "les nouvelles et les mots de la fin",
        "photos": "les photos : textes et crédits ; les images sont dans le dossier photos",
        "groups": "les groupes, un par ligne (GeoJSONSeq) : combien de membres, jamais qui",
        "series": "quand les événements ont lieu",
        "events": "les événements, une date par ligne (GeoJSONSeq)",
    }
    lines += [f"- `{one['path']}` : {words[one['name']]} ({one['rows']})" for one in
              manifest["resources"]]  # fmt: skip
    lines += [
        "- `datapackage.json` : la description de ces fichiers (Frictionless Data Package)",
        "",
        "## Licences",
        "",
        *(
            f"- {one['licence'] or 'aucune licence dite'} : {one['initiatives']} initiatives"
            for one in own["licences"]
        ),
        "",
        *own["notes"],
        "",
        _SUPPORTS,
        "",
        "## Ce qui n’y est pas / Left out",
        "",
        *(f"- {one['count']} {one['what']}: {one['why']}" for one in own["left_out"]),
        *(() if own["left_out"] else ("- rien / nothing",)),
        "",
        "## Reprendre / Import",
        "",
        "    mapservice initiatives import ARCHIVE.zip",
        "",
    ]
    return "\n".join(lines)
