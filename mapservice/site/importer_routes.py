"""`/importer`: a coordinator's file, from its upload to its undoing.

A worker looks at the file and imports it (`imports/upload_work.py`); these pages show where it
stands, take choices, and work without JavaScript. Coordinators import within the territories of
their roles, from sources that are their own; what they import waits for a moderator unless an
administrator trusts the source.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.exceptions import RequestEntityTooLarge

from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.accounts.roles import permissions as access
from mapservice.errors import InvalidInput, NotFound, StateConflict
from mapservice.i18n import gettext as _
from mapservice.imports import run_queries, upload_queries, uploads
from mapservice.imports.columns import FACT_REASON
from mapservice.imports.first_rows import FirstRow
from mapservice.imports.landings import places_of
from mapservice.imports.repeated_rows import RepeatHandling
from mapservice.imports.report_words import field_words, report_in_words, report_words
from mapservice.imports.run_queries import RecordedSource
from mapservice.imports.sources import decisions
from mapservice.imports.sources import queries as source_queries
from mapservice.imports.upload_queries import ImportUpload
from mapservice.initiatives.licences import forbids_reuse
from mapservice.moderation import pages
from mapservice.outgoing.guarded_client import FetchRefused
from mapservice.static_maps.landing_drawing import landing_svg
from mapservice.static_maps.landing_model import drawn_of
from mapservice.static_maps.routes import SVG, archive_at_hand, asked_palette
from mapservice.web.edge import drain_body, only_parameters, services, whole_answer

blueprint = Blueprint("importer", __name__, url_prefix="/importer")
pages.keep_private(blueprint)

LOOK_AGAIN_SECONDS = 2
# Degrees around what an import brought, on the map that its page leads to.
AROUND = 0.02
RECENT = 12
LICENCE_LENGTH = 300
# Apart from the column of that name, which is a choice of columns.
REFUSED_LICENCE = "refused_licence"
CHOSEN = "column-"


@blueprint.get("")
def start() -> Response:
    only_parameters()
    return _start()


@blueprint.post("")
def send() -> Response:
    settings = services().settings
    request.max_content_length = settings.max_upload_bytes
    badge = access.badge()
    try:
        if not access.is_own_form():
            return _start(HTTPStatus.FORBIDDEN, pages.expired())
        given = request.files.get("file")
    except RequestEntityTooLarge:
        drain_body()
        most = settings.max_upload_bytes // 1_000_000
        words = _("Ce fichier est trop grand : %(most)s Mo au plus.", most=most)
        return _start(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)
    address = request.form.get("address", "").strip()
    options = {"within": _within(), "moderate": not badge.is_admin}
    try:
        if address and (given is None or not given.filename):
            identifier = uploads.receive_address(
                services().engine,
                settings.home,
                address,
                badge.person,
                badge.name,
                options,
                frozenset(settings.source_hosts.replace(",", " ").split()),
            )
            return pages.see(url_for("importer.file", identifier=identifier))
        if given is None or not given.filename:
            words = _("Choisissez un fichier, ou donnez son adresse.")
            return _start(HTTPStatus.BAD_REQUEST, words)
        identifier = uploads.receive(
            services().engine,
            settings.home,
            given.stream,
            given.filename,
            badge.person,
            badge.name,
            options,
        )
    except (InvalidInput, FetchRefused) as error:
        if isinstance(error, FetchRefused) or error.field == "address":
            words = _("Cette adresse ne peut pas être lue : il en faut une en https, publique.")
            return _start(HTTPStatus.UNPROCESSABLE_ENTITY, words)
        if given is not None and (given.filename or "").lower().endswith((".ics", ".ical")):
            words = _(
                "Un calendrier contient des événements : l’administration le suit comme une source,"
                " par son adresse (mapservice sources add), ou l’importe une fois"
                " (mapservice events import)."
            )
            return _start(HTTPStatus.UNPROCESSABLE_ENTITY, words)
        words = _("Ce n’est ni un tableau, ni un classeur, ni une carte que nous sachions lire.")
        return _start(HTTPStatus.UNPROCESSABLE_ENTITY, words)
    except StateConflict:
        words = _("Plusieurs de vos fichiers sont encore à l’étude. Patientez un instant.")
        return _start(HTTPStatus.CONFLICT, words)
    return pages.see(url_for("importer.file", identifier=identifier))


@blueprint.post("/sources")
def decide_sweep() -> Response:
    """Applies or gives up a sweep that waits, as it would lose too much: for administrators."""
    told = request.form.get("run", "")
    run = int(told) if re.fullmatch(r"[0-9]{1,15}", told) else 0
    with services().engine.connect() as connection:
        found = run_queries.find_run(connection, run)
    if not access.badge().is_admin or found is None:
        raise NotFound("There is no such sweep.")
    if not access.is_own_form():
        return _start(HTTPStatus.FORBIDDEN, pages.expired())
    if "accept" in request.form:
        with services().engine.begin() as connection:
            done = decisions.accept(connection, run)
    else:
        done = decisions.drop(services().engine, services().settings.home, run)
    if not done:
        words = _("Cette relève n’attend plus : quelqu’un en a déjà décidé.")
        return _start(HTTPStatus.CONFLICT, words)
    return pages.see(url_for("importer.start"))


@blueprint.get("/<uuid:identifier>")
def file(identifier: UUID) -> Response:
    only_parameters()
    with services().engine.connect() as connection:
        return _file(connection, _own(connection, identifier))


@blueprint.post("/<uuid:identifier>")
def choose(identifier: UUID) -> Response:
    """Checks the file with new choices, or imports it with those that were checked."""
    request.max_form_parts = 3_000
    with services().engine.begin() as connection:
        upload = _own(connection, identifier)
        if not access.is_own_form():
            return _file(connection, upload, HTTPStatus.FORBIDDEN, pages.expired())
        try:
            options = _options(connection, upload)
        except InvalidInput as error:
            return _file(connection, upload, HTTPStatus.BAD_REQUEST, _mistake(error))
        checked = uploads.checked_options(upload)
        if not access.badge().is_admin:
            # Who waits for a moderator is no choice of theirs, and changes nothing that is shown.
            checked["moderate"] = options["moderate"]
        is_ready = checked == options and not upload.preview.get("title_doubt")
        if "import" in request.form and upload.state == "checked" and is_ready:
            if not _may_import(connection, options["platform"]):
                words = _("Une source porte déjà ce nom et n’est pas à vous : donnez-en un autre.")
                return _file(connection, upload, HTTPStatus.CONFLICT, words)
            badge = access.badge()
            source = RecordedSource(
                options["platform"],
                owner=None if badge.is_admin else badge.person,
                mapping=options["mapping"],
                licence=options["licence"],
            )
            run_queries.save_source(connection, source)
            done = upload_queries.ask(connection, identifier, "accepted", options, ("checked",))
        else:
            done = upload_queries.ask(
                connection, identifier, "sent", options, ("checked", "failed")
            )
        if not done:
            return _file(connection, upload, HTTPStatus.CONFLICT, _late())
    return pages.see(url_for("importer.file", identifier=identifier))


@blueprint.post("/<uuid:identifier>/annuler")
def undo(identifier: UUID) -> Response:
    """Takes back all that the import of a file did."""
    with services().engine.begin() as connection:
        upload = _own(connection, identifier)
        if not access.is_own_form():
            return _file(connection, upload, HTTPStatus.FORBIDDEN, pages.expired())
        done = upload.run is not None and upload_queries.ask(
            connection, identifier, "undoing", upload.options, ("done", "failed")
        )
        if not done:
            return _file(connection, upload, HTTPStatus.CONFLICT, _late())
    return pages.see(url_for("importer.file", identifier=identifier))


@blueprint.get("/<uuid:identifier>/carte.svg")
def landings(identifier: UUID) -> Response:
    """Where the rows would land, before any of them is saved."""
    palette = asked_palette()
    with services().engine.connect() as connection:
        upload = _own(connection, identifier)
        landed = upload.preview.get("landed")
        if upload.state != "checked" or not landed:
            raise NotFound("There is no map yet, or no longer.")
        made = landing_svg(
            connection,
            places_of(landed),
            landed["communes"],
            archive_at_hand(),
            palette,
            title=_("Où arriveraient les lignes du fichier"),
            told=landing_words(landed["counts"]),
        )
    return whole_answer(made, SVG, 0)


def landed_box(preview: Mapping[str, Any]) -> str:
    """The `bbox` of a map of what an import brought, "" where that is at no place."""
    places = drawn_of(places_of(preview.get("landed", {})))
    if not places:
        return ""
    lons, lats = [one.lon for one in places], [one.lat for one in places]
    west, east = max(min(lons) - AROUND, -180), min(max(lons) + AROUND, 180)
    south, north = max(min(lats) - AROUND, -90), min(max(lats) + AROUND, 90)
    return f"{west:.4f},{south:.4f},{east:.4f},{north:.4f}"


def landing_words(counts: Mapping[str, int]) -> str:
    """What the drawing shows, in a sentence."""
    parts = (
        ("exact", _("à un point exact")),
        ("area", _("quelque part dans un territoire")),
        ("doubt", _("en doute")),
    )
    said = [f"{counts[name]} {words}" for name, words in parts if counts.get(name)]
    return ", ".join(said) or _("Aucune ligne n’a de lieu à montrer.")


@blueprint.get("/<uuid:identifier>/rapport.csv")
def report(identifier: UUID) -> Response:
    """What became, or would become, of each row, with its reasons in the reader's language."""
    only_parameters()
    with services().engine.connect() as connection:
        upload = _own(connection, identifier)
    path = uploads.report_path(services().settings.home, upload)
    if not path.is_file():
        raise NotFound("There is no report yet, or no longer.")
    stem = upload.file_name.partition(".")[0]
    answer = Response(report_in_words(path), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=f"{stem}.rapport.csv")
    answer.cache_control.no_store = True
    return answer


def _start(status: HTTPStatus = HTTPStatus.OK, error: str = "") -> Response:
    badge = access.badge()
    with services().engine.connect() as connection:
        page = render_template(
            "importer/index.html",
            recent=upload_queries.recent(
                connection, badge.person, of_all=badge.is_admin, limit=RECENT
            ),
            state_words=_state_words(),
            sources=source_queries.find_all(connection) if badge.is_admin else [],
            sweep_words={
                "never": _("jamais relevée"),
                "done": _("relevée"),
                "unchanged": _("relevée, rien de nouveau"),
                "waits": _("attend votre décision"),
                "failed": _("relève échouée, rien n’a changé"),
            },
            waiting=run_queries.waiting_runs(connection) if badge.is_admin else [],
            most_megabytes=services().settings.max_upload_bytes // 1_000_000,
            endings=",".join(sorted(uploads.SUFFIXES)),
            error=error,
            report_words=report_words,
            badge=badge,
            reviewer=access.reviewer(),
            token=access.form_token(),
        )
    return make_response(page, status)


def _file(
    connection: Connection,
    upload: ImportUpload,
    status: HTTPStatus = HTTPStatus.OK,
    error: str = "",
) -> Response:
    platform = upload.options.get("platform") or upload.preview.get("platform", "")
    chosen = {
        name.removeprefix(CHOSEN): value
        for name, value in request.form.items()
        if name.startswith(CHOSEN)
    }
    page = render_template(
        "importer/file.html",
        upload=upload,
        platform=request.form.get("platform", platform),
        versions=[
            (other, count, _may_import(connection, other))
            for other, count in upload.preview.get("elsewhere", ())
            if other and upload.state == "checked"
        ],
        licence=request.form.get("licence", uploads.checked_options(upload)["licence"]),
        source=run_queries.find_source(connection, platform),
        chosen=chosen,
        fields=field_words(),
        report_words=report_words,
        reasons=_reason_words(),
        fact_reason=FACT_REASON,
        kinds=_kind_words(),
        state_words=_state_words(),
        error=error,
        badge=access.badge(),
        reviewer=access.reviewer(),
        token=access.form_token(),
        look_again=LOOK_AGAIN_SECONDS,
        landing_words=landing_words,
        later=_later_files(connection, upload),
        landed_box=landed_box(upload.preview),
        as_here=[FirstRow.from_json(one) for one in upload.preview.get("as_here", ())],
        has_report=uploads.report_path(services().settings.home, upload).is_file(),
    )
    return make_response(page, status)


def _later_files(
    connection: Connection, upload: ImportUpload
) -> list[tuple[int, int, ImportUpload | None]]:
    """Later runs that changed what this file brought, which are undone first, the latest first:
    number, how many initiatives, and their file where the reviewer may see it."""
    if upload.run is None or upload.state not in ("done", "failed"):
        return []
    runs = sorted(run_queries.later_runs(connection, upload.run), reverse=True)
    files = upload_queries.of_runs(connection, [number for number, _ in runs])
    badge = access.badge()
    return [
        (number, count, found)
        if (found := files.get(number)) and (badge.is_admin or found.person == badge.person)
        else (number, count, None)
        for number, count in runs
    ]


def _own(connection: Connection, identifier: UUID) -> ImportUpload:
    """A file that the reviewer may see. Raises NotFound."""
    badge = access.badge()
    found = upload_queries.find(connection, identifier)
    if found is None or not (badge.is_admin or found.person == badge.person):
        raise NotFound("There is no such file.")
    return found


def _options(connection: Connection, upload: ImportUpload) -> dict[str, Any]:
    """The choices of the present form. Raises InvalidInput naming the field."""
    columns = [one["column"] for one in upload.preview.get("columns", ())]
    form = request.form
    chosen = {
        column: form[f"{CHOSEN}{index}"]
        for index, column in enumerate(columns)
        if f"{CHOSEN}{index}" in form
    }
    named = form.get("as_source") or form.get("platform", "")
    platform = " ".join(named.split())[: uploads.PLATFORM_LENGTH]
    platform = platform or upload.preview.get("platform", "")
    badge = access.badge()
    licence = " ".join(form.get("licence", "").split())[:LICENCE_LENGTH]
    if forbids_reuse(licence):
        raise InvalidInput(REFUSED_LICENCE, "forbids reuse")
    repeats = form.get("repeats", RepeatHandling.WAIT)
    if repeats not in tuple(RepeatHandling):
        raise InvalidInput("repeats", "is not one of those offered")
    moderate = "moderate" in form
    if not badge.is_admin:
        moderate = not run_queries.find_source(connection, platform).trusted
    kept = {"address": upload.options["address"]} if "address" in upload.options else {}
    return {
        **kept,
        "mapping": uploads.mapping_of(chosen) if chosen else {},
        "platform": platform,
        "licence": licence,
        "snapshot": "snapshot" in form,
        "repeats": repeats,
        "moderate": moderate,
        "within": _within(),
    }


def _within() -> list[str]:
    """The territories that the reviewer imports into, as options keep them."""
    scope = access.sees()
    return ["*"] if scope.everywhere else [str(ref) for ref in scope.territories]


def _may_import(connection: Connection, platform: str) -> bool:
    """Whether a source is new, or the reviewer's own; administrators import from all."""
    badge = access.badge()
    if badge.is_admin or not run_queries.exists(connection, platform):
        return True
    owner = run_queries.find_source(connection, platform).owner
    return owner is not None and owner == badge.person


def _reason_words() -> dict[str, str]:
    return {
        "by its name": _("d’après son nom"),
        "as asked": _("choix retenu"),
        "kept as it is": _("aucun champ ne la prend : gardée telle quelle"),
        FACT_REASON: _(
            "mise dans les informations pratiques si elle est comprise, sinon gardée telle quelle"
        ),
        "holds nothing": _("vide"),
        "row numbers": _("numérote les lignes : non gardée"),
    }


def _kind_words() -> dict[str, str]:
    return {
        "opening_hours": _("horaires"),
        "start": _("début"),
        "end": _("fin"),
        "price": _("prix"),
        "access": _("accessibilité"),
        "website": _("adresse web"),
        "tags": _("mots-clés"),
        "audience": _("public"),
        "organiser": _("porteur"),
        "email": _("courriel"),
        "phone": _("téléphone"),
        "image": _("image"),
        "person": _("nom de personne"),
        "number": _("nombre"),
        "boolean": _("oui ou non"),
        "date": _("date"),
        "text": _("texte"),
    }


def _state_words() -> dict[str, str]:
    return {
        "sent": _("en attente de lecture"),
        "checking": _("en cours de lecture"),
        "checked": _("lu, rien n’est enregistré"),
        "accepted": _("en attente d’import"),
        "importing": _("import en cours"),
        "done": _("importé"),
        "undoing": _("annulation en cours"),
        "undone": _("import annulé"),
        "failed": _("échec"),
    }


def _mistake(error: InvalidInput) -> str:
    if error.field == REFUSED_LICENCE:
        return _("Cette licence interdit de republier : rien ne peut être importé sous elle.")
    words = field_words()
    if error.field in words:
        return _("« %(field)s » est choisi pour deux colonnes.", field=words[error.field])
    return _("Un des choix n’existe pas.")


def _late() -> str:
    return _("Ce fichier a changé d’état entre-temps. Rien n’a été fait.")


PERSONAL_DATA = PersonalDataProvider("imports", run_queries.export_person, run_queries.erase_person)
