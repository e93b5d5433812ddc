"""Wiring, nothing else: settings, database, geocoder, and the routes of every package."""

import secrets
from typing import TYPE_CHECKING

import structlog
from psycopg import OperationalError as DriverError
from sqlalchemy.exc import OperationalError

from mapservice.accounts.api_keys import bearer
from mapservice.accounts.api_keys import routes as tokens
from mapservice.accounts.people import routes as people
from mapservice.accounts.people.magic_links import MagicLinkAction
from mapservice.accounts.people.personal_data import PersonalDataProvider
from mapservice.accounts.roles import routes as roles
from mapservice.accounts.second_factor import routes as second_factor
from mapservice.contributions.conversations import routes as conversations
from mapservice.contributions.needs import routes as needs
from mapservice.contributions.needs.call_routes import blueprint as need_calls
from mapservice.contributions.posts import comment_routes as comments
from mapservice.contributions.proposals import routes as proposals
from mapservice.contributions.proposals.api_routes import blueprint as proposals_api
from mapservice.contributions.proposals.author_routes import blueprint as authors
from mapservice.contributions.proposals.news_routes import blueprint as news
from mapservice.contributions.proposals.photo_routes import blueprint as author_photos
from mapservice.contributions.supports import routes as supports
from mapservice.contributions.supports.following import NewsFollowing
from mapservice.dashboards.map_routes import blueprint as coordination_maps
from mapservice.dashboards.routes import blueprint as coordination
from mapservice.dashboards.routes import make_ready
from mapservice.errors import ConfigurationError
from mapservice.events import author_routes as event_authors
from mapservice.events import message_moderation_routes as message_moderation
from mapservice.events import message_routes as event_messages
from mapservice.events import moderation_routes as event_moderation
from mapservice.events import registration_routes as event_registrations
from mapservice.events.month_routes import blueprint as event_months
from mapservice.events.need_routes import blueprint as event_needs
from mapservice.events.routes import blueprint as events
from mapservice.events.tile_routes import blueprint as event_tiles
from mapservice.events.tile_routes import drawings as event_drawings
from mapservice.geocoding.address_api.routes import blueprint as geocoding
from mapservice.geocoding.provider.client import AddressProvider
from mapservice.geocoding.service import GeocoderCache
from mapservice.groups import author_routes as group_authors
from mapservice.groups import member_routes as group_members
from mapservice.groups import message_routes as group_messages
from mapservice.groups import moderation_routes as group_moderation
from mapservice.groups.need_routes import blueprint as group_needs
from mapservice.groups.routes import blueprint as groups
from mapservice.groups.tile_routes import blueprint as group_tiles
from mapservice.media import routes as photos
from mapservice.media.uploads import Media
from mapservice.moderation.api_routes import blueprint as moderation_api
from mapservice.moderation.burst_routes import blueprint as trust
from mapservice.moderation.merge_routes import blueprint as merging
from mapservice.moderation.photo_routes import blueprint as moderation_photos
from mapservice.moderation.places.routes import blueprint as review
from mapservice.moderation.post_routes import blueprint as moderation_posts
from mapservice.moderation.report_routes import blueprint as reports
from mapservice.moderation.routes import blueprint as moderation
from mapservice.moderation.subjects import CaseProviders
from mapservice.notifications.feeds.news_routes import blueprint as news_feed
from mapservice.notifications.feeds.routes import blueprint as feeds
from mapservice.notifications.subscriptions import initiative_routes as following_one
from mapservice.notifications.subscriptions import push_routes
from mapservice.notifications.subscriptions import routes as following
from mapservice.notifications.subscriptions.service import follow_initiative
from mapservice.notifications.weekly_digest import routes as weekly_digest
from mapservice.notifications.weekly_digest.api_routes import blueprint as weekly_digest_api
from mapservice.ogc.routes import blueprint as ogc
from mapservice.operations import routes as operations
from mapservice.operations.backup.erasures import tell_backups
from mapservice.operations.disk import free_disk, restore_is_over
from mapservice.publishing.activitypub import routes as federation
from mapservice.publishing.exports.routes import blueprint as exporting
from mapservice.publishing.reports import schedule_routes as report_schedules
from mapservice.publishing.reports.routes import blueprint as reporting
from mapservice.rollups.routes import blueprint as activity
from mapservice.settings import Settings, asset_folder, retired_settings
from mapservice.site import (
    catalogue_routes,
    importer_routes,
    offline_routes,
    organisation_routes,
    sitemap_routes,
    template_words,
)
from mapservice.site.desk_routes import blueprint as group_desk
from mapservice.site.embed.code_routes import blueprint as embed_code
from mapservice.site.embed.oembed_routes import blueprint as oembed
from mapservice.site.embed.routes import blueprint as embed
from mapservice.site.group_routes import blueprint as group_pages
from mapservice.site.map_drawing_routes import blueprint as map_drawings
from mapservice.site.near_routes import blueprint as near
from mapservice.site.operator_pages.routes import blueprint as operator_pages
from mapservice.site.printed_routes import blueprint as printed
from mapservice.site.routes import blueprint as initiatives
from mapservice.site.search.routes import blueprint as search
from mapservice.site.search.service import finder
from mapservice.site.sharing.routes import blueprint as sharing
from mapservice.site.territory_routes import blueprint as territories
from mapservice.static_maps.card_photos import CardPhotos
from mapservice.static_maps.routes import blueprint as drawings
from mapservice.static_maps.routes import make_ready as make_drawings_ready
from mapservice.territories.queries import source_name
from mapservice.tiles.basemap.routes import blueprint as basemap
from mapservice.tiles.basemap.service import Basemap, origins_of
from mapservice.tiles.far_spots import FarSpots
from mapservice.tiles.routes import blueprint as tiles
from mapservice.tiles.tile_cache.middleware import TileCacheMiddleware
from mapservice.web import edge, forms, health
from mapservice.web.edge import SERVICES, Services, TrustedProxies
from mapservice.web.logging import configure as configure_logging

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = structlog.get_logger()

BLUEPRINTS = (
    initiatives,
    near,
    events,
    event_months,
    event_authors.blueprint,
    event_registrations.blueprint,
    event_tiles,
    event_drawings,
    groups,
    group_tiles,
    group_pages,
    group_authors.blueprint,
    group_members.blueprint,
    group_messages.blueprint,
    event_messages.blueprint,
    group_needs,
    event_needs,
    need_calls,
    group_desk,
    printed,
    operator_pages,
    feeds,
    sitemap_routes.blueprint,
    catalogue_routes.blueprint,
    offline_routes.blueprint,
    search,
    importer_routes.blueprint,
    embed,
    oembed,
    embed_code,
    sharing,
    tiles,
    basemap,
    drawings,
    map_drawings,
    activity,
    geocoding,
    proposals.blueprint,
    authors,
    author_photos,
    news,
    supports.blueprint,
    needs.blueprint,
    comments.blueprint,
    conversations.blueprint,
    following.blueprint,
    following_one.blueprint,
    news_feed,
    organisation_routes.blueprint,
    push_routes.blueprint,
    reports,
    review,
    moderation,
    moderation_photos,
    event_moderation.blueprint,
    group_moderation.blueprint,
    message_moderation.blueprint,
    moderation_posts,
    merging,
    roles.blueprint,
    second_factor.blueprint,
    weekly_digest.blueprint,
    trust,
    tokens.blueprint,
    moderation_api,
    weekly_digest_api,
    proposals_api,
    coordination,
    coordination_maps,
    edge.assets_blueprint,
    forms.proof_blueprint,
    territories,
    ogc,
    federation.blueprint,
    exporting,
    report_schedules.blueprint,
    reporting,
    photos.blueprint,
    operations.blueprint,
)

# What rooms add about people: the mailed links that they act on, and the data that they keep.
MAGIC_LINKS: tuple[MagicLinkAction, ...] = (
    proposals.MAGIC_LINK,
    *supports.MAGIC_LINKS,
    needs.MAGIC_LINK,
    following.MAGIC_LINK,
    event_authors.MAGIC_LINK,
    event_registrations.MAGIC_LINK,
    group_authors.MAGIC_LINK,
    *group_members.MAGIC_LINKS,
    comments.MAGIC_LINK,
    conversations.MAGIC_LINK,
    following_one.MAGIC_LINK,
)
PERSONAL_DATA: tuple[PersonalDataProvider, ...] = (
    proposals.PERSONAL_DATA,
    proposals.PHOTO_DATA,
    supports.PERSONAL_DATA,
    needs.PERSONAL_DATA,
    comments.PERSONAL_DATA,
    conversations.PERSONAL_DATA,
    following.PERSONAL_DATA,
    # Groups before events: so that an erasure locks them in the order of all others.
    group_authors.PERSONAL_DATA,
    group_messages.PERSONAL_DATA,
    event_authors.PERSONAL_DATA,
    roles.PERSONAL_DATA,
    weekly_digest.PERSONAL_DATA,
    report_schedules.PERSONAL_DATA,
    tokens.PERSONAL_DATA,
    importer_routes.PERSONAL_DATA,
)

# What waits for moderators besides texts of initiatives and what concerns these.
CASE_PROVIDERS = CaseProviders(
    (event_moderation.PROVIDER, group_moderation.PROVIDER, message_moderation.PROVIDER)
)

# What rooms know of the photos of initiatives, for the pictures of shared links.
CARD_PHOTOS = CardPhotos((photos.card_photo,))

READINESS = (
    health.ReadinessCheck(
        "territories", source_name, "No territories are loaded: run `mapservice territories load`."
    ),
    health.ReadinessCheck(
        "restore", restore_is_over, "A restore has not come to its end: run it again."
    ),
)


def create_app(settings: Settings | None = None) -> edge.MapserviceFlask:
    """The WSGI application. Raises ConfigurationError when no database is named."""
    settings = settings or Settings.from_env()
    if not settings.database_url:
        raise ConfigurationError("DATABASE_URL is not set; `mapservice serve` sets it by itself")
    configure_logging()
    app = edge.MapserviceFlask(
        __name__, static_folder="static", template_folder=str(asset_folder("templates").resolve())
    )
    app.proxies = TrustedProxies(settings.trusted_proxies)
    for words in retired_settings():
        log.warning("setting_no_longer_read", hint=words)
    app.config.update(
        SECRET_KEY=settings.secret_key or secrets.token_urlsafe(32),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        SEND_FILE_MAX_AGE_DEFAULT=edge.ASSET_SECONDS,
        BABEL_DEFAULT_LOCALE="fr",
        BABEL_DEFAULT_TIMEZONE="Europe/Paris",
    )
    app.jinja_options = {"cache_size": -1}  # all templates, without an order of their use
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    edge.register(app, _services(settings), origins_of(settings))
    template_words.register(app, settings)
    photos.register(app)
    federation.register(app, settings)
    forms.register(app)
    bearer.register(app)
    people.register(app, MAGIC_LINKS, PERSONAL_DATA, tell_backups)
    health.register(app, READINESS, {"disk": lambda: free_disk(settings)})
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def create_served_app() -> "WSGIApplication":
    """The application with its geocoder built, to be shared by the workers forked from it.

    So are its templates, and what is made of territories. What was made before is answered before
    it is asked. Without a database it starts too, and says so to whoever asks: each worker then
    builds what it needs once there is one.
    """
    app = create_app()
    for template in app.jinja_env.list_templates():
        app.jinja_env.get_template(template)
    services: Services = app.extensions[SERVICES]
    try:
        with services.snapshot.connect() as connection:
            services.of(GeocoderCache).current(connection)
            make_ready(connection)
        with services.autocommit.connect() as connection:
            finder(connection, services.of(GeocoderCache))
            make_drawings_ready(connection)
    except (OperationalError, DriverError) as error:
        log.warning("started_without_database", error=str(error).partition("\n")[0])
    services.dispose()
    if not services.settings.tile_cache_bytes and services.replicas is None:
        return app
    served = TileCacheMiddleware(app, services.settings, app.proxies)
    if services.replicas is not None:
        services.replicas.hear_of(served.cache.moment)
    return served


def _services(settings: Settings) -> Services:
    held: dict[type, object] = {
        GeocoderCache: GeocoderCache(AddressProvider.of_settings(settings)),
        FarSpots: FarSpots(),
        Basemap: Basemap.of_settings(settings),
        CardPhotos: CARD_PHOTOS,
        CaseProviders: CASE_PROVIDERS,
        NewsFollowing: NewsFollowing(follow_initiative),
        Media: Media(settings),
    }
    return Services(settings, held)
