"""Reports: ordered, watched while they are made, shown in a sandbox, fetched in every form."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request, send_file

from mapservice.accounts.people import session
from mapservice.accounts.roles import queries as roles
from mapservice.errors import InvalidInput, NotFound
from mapservice.initiatives import queries as initiatives
from mapservice.initiatives.filters import InitiativeFilters
from mapservice.initiatives.model import Theme
from mapservice.initiatives.params import with_known_places
from mapservice.publishing.exports import quota
from mapservice.publishing.exports.model import ExportJob
from mapservice.publishing.exports.service import FOR_ALL
from mapservice.publishing.reports import service
from mapservice.publishing.reports.model import PARTS, ReportFigure, ReportFile, ReportView
from mapservice.rollups import territory_queries
from mapservice.territories.model import Level
from mapservice.web import edge
from mapservice.web.edge import FORM_FIELD, base_url, json_object, only_parameters, services
from mapservice.web.negotiation import HTML_FORM, JSON_FORM, chosen, vary

blueprint = Blueprint("reporting", __name__, url_prefix="/rapports")

PIECES = {piece.file_name: piece for piece in ReportFile}
WHOLE = "tout.zip"
DOWNLOAD = "telecharger"
LOOK_AGAIN_SECONDS = 1
PERIOD, BETWEEN = "periode", ".."
PAST_YEARS = 3
# Scripts and styles are those written into the file; it reaches nothing, and has no origin. Links
# to initiatives open outside the sandbox.
SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        f"sandbox {SANDBOX}",
    )
)


@blueprint.get("")
def choose() -> str:
    """The page where a person orders a report; the URL may fill in the form."""
    with services().engine.connect() as connection:
        view = ReportView.parse(request.args.items(multi=True))
        filters = with_known_places(connection, view.filters)
        view = replace(view, filters=filters)
        person = session.current_person()
        return render_template(
            "reports/choose.html",
            view=view,
            filters=filters,
            regions=territory_queries.everywhere(connection, Level.REGION),
            departements=territory_queries.everywhere(connection, Level.DEPARTEMENT),
            levels=PARTS[view.ref.level] if view.ref else tuple(Level),
            figures=list(ReportFigure),
            themes=list(Theme),
            periods=_periods(view.filters, datetime.now(UTC).date()),
            sample=initiatives.sample_share(connection),
            # A monthly report is offered to people with a role.
            monthly=person is not None and bool(roles.of_person(connection, person.id)),
        )


@blueprint.post("")
def order() -> Response:
    """By a form or JSON: the names of the grammar, `by` and `figure`.

    JSON is an object of texts, or of lists of them.
    """
    only_parameters("f")
    form = chosen(JSON_FORM, HTML_FORM)
    pairs = []
    for name, value in json_object().items() if request.is_json else ():
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise InvalidInput(str(name)[:50], "must be text, or a list of texts")
        pairs.append((str(name), ",".join(texts)))
    view = ReportView.parse(pairs if request.is_json else form_pairs())
    with services().engine.connect() as connection:
        view = replace(view, filters=with_known_places(connection, view.filters))
    terms = quota.terms_for(None, FOR_ALL)
    made = service.ask(services().engine, view, base_url(), terms)
    response = Response(status=HTTPStatus.SEE_OTHER)
    if form is JSON_FORM:
        response = jsonify(_document(made))
        response.status_code = HTTPStatus.ACCEPTED if made.unfinished else HTTPStatus.OK
    response.headers["Location"] = base_url() + made.url
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/<identifier>")
def progress(identifier: str) -> Response:
    """Progress, then the report: JSON, or a page that reloads by itself."""
    only_parameters("f")
    form = chosen(JSON_FORM, HTML_FORM)
    with services().engine.connect() as connection:
        one = service.find(connection, identifier)
        if form is HTML_FORM:
            view = ReportView.of_query(one.filter)
            page = render_template(
                "reports/report_page.html",
                export=one,
                view=view,
                filters=with_known_places(connection, view.filters),
                pieces=list(ReportFile),
                whole=WHOLE,
                download=DOWNLOAD,
                sandbox=SANDBOX,
                look_again=LOOK_AGAIN_SECONDS,
                sample=initiatives.sample_share(connection),
            )
            response = Response(page, content_type=HTML_FORM.content_type)
        else:
            response = jsonify(_document(one))
    if one.unfinished and form is JSON_FORM:
        response.headers["Retry-After"] = str(LOOK_AGAIN_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    return vary(response)


@blueprint.get(f"/<identifier>/{WHOLE}")
def whole(identifier: str) -> Response:
    """All files in one archive."""
    only_parameters()
    one = _found(identifier)
    path = service.archive(services().settings.home, one)
    name = f"rapport-{ReportView.of_query(one.filter).name}.zip"
    return send_file(path, mimetype="application/zip", as_attachment=True, download_name=name)


@blueprint.get("/<identifier>/<name>")
def piece(identifier: str, name: str) -> Response:
    """One file as a download; the HTML page is shown in a sandbox unless `telecharger` is given."""
    only_parameters(DOWNLOAD)
    if name not in PIECES:
        raise NotFound("A report has no such file.")
    one, wanted = _found(identifier), PIECES[name]
    content = service.content(services().settings.home, one, name)
    response = edge.whole_answer(content, wanted.media_type)
    if wanted is ReportFile.PAGE and not request.args.get(DOWNLOAD):
        response.headers["Content-Security-Policy"] = POLICY
        return response
    stem = f"{name.partition('.')[0]}-{ReportView.of_query(one.filter).name}"
    response.headers.set("Content-Disposition", "attachment", filename=f"{stem}.{wanted}")
    return response


def _found(identifier: str) -> ExportJob:
    with services().engine.connect() as connection:
        return service.find(connection, identifier)


def _document(one: ExportJob) -> dict[str, Any]:
    url = base_url() + one.url
    files = {str(piece): f"{url}/{piece.file_name}" for piece in ReportFile} | {
        "zip": f"{url}/{WHOLE}"
    }
    return {
        "id": str(one.id),
        "view": one.filter,
        "state": one.state,
        "done": one.done,
        "total": one.total,
        "bytes": one.bytes,
        "url": url,
        "files": files if one.file_url else None,
    }


def form_pairs() -> list[tuple[str, str]]:
    """The form's parameters, whose period is one choice; a level that does not fit is dropped."""
    pairs = [pair for pair in request.form.items(multi=True) if pair[0] not in (PERIOD, FORM_FIELD)]
    since, _, until = request.form.get(PERIOD, "").partition(BETWEEN)
    pairs += [("since", since), ("until", until)]
    ref = ReportView.parse(pair for pair in pairs if pair[0] != "by").ref
    unsuited = set(Level) - set(PARTS[ref.level if ref else None])
    return [pair for pair in pairs if pair[0] != "by" or pair[1] not in unsuited]


def _periods(filters: InitiativeFilters, today: date) -> list[tuple[str, str, str]]:
    """The form's choices of period: the value, and the first and last day, "" for open ends."""
    end = today.replace(day=1) - timedelta(days=1)
    year_before = (end + timedelta(days=1)).replace(year=today.year - 1)
    spans = [("", ""), (year_before.isoformat(), end.isoformat())]
    spans += [
        (f"{today.year - back}-01-01", f"{today.year - back}-12-31") for back in range(PAST_YEARS)
    ]
    named = dict(filters.to_pairs())
    asked = (named.get("since", ""), named.get("until", ""))
    if asked not in spans:
        spans.append(asked)
    return [(f"{a}{BETWEEN}{b}" if a or b else "", a, b) for a, b in spans]
