"""Answers made smaller on their way: zstd, Brotli or gzip, as the client likes best.

Flask-Compress gives each encoding its own strong ETag, and answers conditions that name it.
"""

from http import HTTPStatus

from flask import Flask, Response
from flask_compress import Compress

from mapservice.web.answers import MOSAIC

# What we send that is text or like it; images, fonts and archives are compressed by themselves.
TYPES = [
    "application/atom+xml",
    "application/geo+json",
    "application/geo+json-seq",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/problem+json",
    "application/schema+json",
    "application/vnd.mapbox-vector-tile",
    MOSAIC,
    "application/vnd.oai.openapi+json",
    "application/xml",
    "image/svg+xml",
    "text/calendar",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
]


def register(app: Flask) -> None:
    """To be called before whatever else looks at answers: the first to come is the last to look."""
    app.config.update(
        COMPRESS_MIMETYPES=TYPES,
        COMPRESS_ALGORITHM=["zstd", "br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["zstd", "gzip"],
        COMPRESS_LEVEL=5,
        COMPRESS_REGISTER=False,
    )
    compress = Compress(app)

    def smaller(response: Response) -> Response:
        # A part of something cannot be compressed by itself.
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            return response
        return compress.after_request(response)

    app.after_request(smaller)
