"""Installed and offline: the manifest, the service worker, the page of what a device keeps.

`/sw.js` is `static/js/service-worker.js` below constants: its version, the files of the shell, the
words that it shows. The version is a digest of all that the shell shows, so that a new release is a
new worker. Its scope is the whole site, as it stands at the root.
"""

import hashlib
import json
from functools import cache

from flask import Blueprint, Response, jsonify, render_template

from mapservice.i18n import CATALOGUES, LANGUAGE, LOCALES, translator
from mapservice.i18n import gettext as _
from mapservice.settings import asset_folder
from mapservice.web.edge import STATIC, asset, only_parameters, services, stylesheet

blueprint = Blueprint("offline", __name__)

# The tokens of `static/css/tokens.css` that a system shows around the page.
PAPER = "#f7f5f0"
SHORTEST_NAME = 12
SAVED = "/enregistrees"
# What pages that are kept look like without a network.
# The stylesheets of home, of other lists and sheets, of a territory.
SHELL_SHEETS = tuple(f"tokens components {own}" for own in ("atlas", "pages", "pages territory"))
SHELL_ASSETS = (
    "icons/mark.svg",
    "icons/signs.svg",
    "icons/themes.svg",
    "js/offline.js",
)
SHELL_FONTS = ("/static/fonts/atkinson-next-normal.woff2?v=1",)
SHELL_TEMPLATES = ("base.html", "_footer.html", "_offline.html", "_mark.svg", "offline/saved.html")
FALLBACK = {language: f"{SAVED}?lang={language}" for language in LOCALES}
ICONS = (
    ("icons/app-192.png", "192x192", "any"),
    ("icons/app-512.png", "512x512", "any"),
    ("icons/app-maskable-192.png", "192x192", "maskable"),
    ("icons/app-maskable-512.png", "512x512", "maskable"),
)


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    """In the language of the request; dark colours come from the page's own `theme-color`."""
    only_parameters()
    name = services().settings.site_name
    shortcuts = (
        (_("Proposer une initiative"), "/proposer"),
        (_("Autour de moi"), "/autour-de-moi"),
        (_("Initiatives enregistrées"), SAVED),
    )
    icon = {"src": asset(ICONS[0][0]), "sizes": ICONS[0][1], "type": "image/png"}
    response = jsonify(
        {
            "id": "/",
            "name": name,
            "short_name": short_name(name),
            "description": _(
                "La carte des initiatives locales\u00a0: ce que font les habitants, "
                "commune par commune."
            ),
            "lang": LANGUAGE.get(),
            "dir": "ltr",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": PAPER,
            "theme_color": PAPER,
            "icons": [
                {"src": asset(path), "sizes": sizes, "type": "image/png", "purpose": purpose}
                for path, sizes, purpose in ICONS
            ],
            "shortcuts": [
                {"name": words, "url": path, "icons": [icon]} for words, path in shortcuts
            ],
        }
    )
    response.content_type = "application/manifest+json"
    return response


@blueprint.get("/sw.js")
def service_worker() -> Response:
    """Never taken from a cache: a browser asks at each navigation whether it is another one."""
    only_parameters()
    settings = services().settings
    if settings.offline == "on":
        sheets = map(stylesheet, SHELL_SHEETS)
        files = map(asset, SHELL_ASSETS)
        shell = [*sheets, *files, *SHELL_FONTS, *FALLBACK.values()]
        shown = (settings.site_name, settings.accessibility, *shell)
        constants = {
            "VERSION": hashlib.sha256("\n".join((*shown, _sources())).encode()).hexdigest()[:16],
            "SHELL": shell,
            "FALLBACK": FALLBACK,
            "NAME": settings.site_name,
            "ICON": asset(ICONS[0][0]),
            "WORDS": {language: _words(language) for language in LOCALES},
        }
        told = "".join(f"const {name} = {json.dumps(one)};\n" for name, one in constants.items())
        body = told + _script("service-worker.js")
    else:
        body = _script("service-worker-off.js")
    response = Response(body, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get(SAVED)
def saved() -> str:
    """The same for everybody: a script fills it with what this device keeps."""
    only_parameters()
    return render_template("offline/saved.html")


def short_name(name: str) -> str:
    """Under an icon there is room for some twelve signs: as many whole words as fit."""
    short = ""
    for word in name.split():
        longer = f"{short} {word}".strip()
        if len(longer) > SHORTEST_NAME:
            break
        short = longer
    return short or name[:SHORTEST_NAME]


def _words(language: str) -> dict[str, str]:
    _ = translator(language)
    return {
        "kept": _("Vous êtes hors ligne. Cette page date du {when}."),
        "absent": _(
            "Vous êtes hors ligne, et cette page n’est pas gardée sur cet appareil. "
            "Voici ce qui l’est."
        ),
    }


@cache
def _script(name: str) -> str:
    return (STATIC / "js" / name).read_text(encoding="utf-8")


@cache
def _sources() -> str:
    """A digest of what the shell's pages are made of, besides settings and assets."""
    templates = asset_folder("templates")
    found = hashlib.sha256(_script("service-worker.js").encode())
    for path in sorted([*CATALOGUES.rglob("*.po"), *(templates / one for one in SHELL_TEMPLATES)]):
        found.update(path.read_bytes())
    return found.hexdigest()
