"""Wiring, nothing else: settings, database, geocoder, and the routes of every package."""

import secrets

from flask import Flask
from flask_babel import Babel

from mapservice.activity.routes import blueprint as activity
from mapservice.db.engine import make_engine
from mapservice.errors import ConfigurationError
from mapservice.geocoding.provider import Provider
from mapservice.geocoding.routes import blueprint as geocoding
from mapservice.geocoding.service import Geocoders
from mapservice.http import assets, health, pages, problems, security
from mapservice.http.logging import configure as configure_logging
from mapservice.http.services import EXTENSION, Services
from mapservice.initiatives.routes import blueprint as initiatives
from mapservice.maps.routes import blueprint as tiles
from mapservice.ogc.routes import blueprint as ogc
from mapservice.review.routes import blueprint as review
from mapservice.settings import Settings, asset_folder
from mapservice.territories.routes import blueprint as territories

BLUEPRINTS = (
    initiatives,
    tiles,
    activity,
    geocoding,
    review,
    health.blueprint,
    assets.blueprint,
    territories,
    ogc,
)


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Raises ConfigurationError when no database is named."""
    settings = settings or Settings.from_env()
    if not settings.database_url:
        raise ConfigurationError("DATABASE_URL is not set; `mapservice serve` sets it by itself")
    configure_logging()
    app = Flask(
        __name__, static_folder="static", template_folder=str(asset_folder("templates").resolve())
    )
    app.config.update(
        SECRET_KEY=settings.secret_key or secrets.token_urlsafe(32),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        SEND_FILE_MAX_AGE_DEFAULT=assets.YEAR_SECONDS,
        BABEL_DEFAULT_LOCALE="fr",
        BABEL_DEFAULT_TIMEZONE="Europe/Paris",
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Babel(app)
    app.extensions[EXTENSION] = _services(settings)
    problems.register(app)
    security.register(app)
    pages.register(app, settings)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def create_served_app() -> Flask:
    """The application with its geocoder built, to be shared by the workers forked from it."""
    app = create_app()
    services: Services = app.extensions[EXTENSION]
    with services.engine.connect() as connection:
        services.geocoders.current(connection)
    services.engine.dispose()  # a connection must not be shared by two processes
    return app


def _services(settings: Settings) -> Services:
    engine = make_engine(
        settings.database_url,
        pool_size=settings.pool_size,
        pool_wait_ms=settings.pool_wait_ms,
        statement_timeout_ms=settings.statement_timeout_ms,
    )
    return Services(settings, engine, Geocoders(Provider.of_settings(settings)))
