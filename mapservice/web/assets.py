"""Files for browsers: our own under /static, third parties' under /vendor, all served by us.

Each has a digest of its content in its address, so that browsers may keep it for ever.
"""

import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, send_from_directory, url_for

from mapservice.errors import NotFound
from mapservice.settings import vendor_folder

blueprint = Blueprint("assets", __name__)

STATIC = Path(__file__).resolve().parent.parent / "static"
# What pages may load from node_modules, by the first part of its address.
VENDORED = {
    "maplibre-gl": "maplibre-gl/dist",
    "atkinson": "@fontsource-variable/atkinson-hyperlegible-next",
}
VENDOR_SUFFIXES = (".js", ".mjs", ".css", ".woff2", ".map")
YEAR_SECONDS = 31_536_000


def asset(name: str) -> str:
    """The address of one of our static files, with the digest that makes it cacheable."""
    return url_for("static", filename=name, v=_digest(name))


@cache
def _digest(name: str) -> str:
    return hashlib.blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()


@blueprint.get("/vendor/<package>/<path:name>")
def vendor(package: str, name: str) -> Response:
    if package not in VENDORED or not name.endswith(VENDOR_SUFFIXES):
        raise NotFound(f"There is no /vendor/{package}/{name}.")
    response = send_from_directory(vendor_folder() / VENDORED[package], name, max_age=86_400)
    if name.endswith(".mjs"):
        response.content_type = "text/javascript; charset=utf-8"
    return response
