"""The collections, declared once: for requests, for queryables and for the OpenAPI document."""

from mapservice.errors import NotFound
from mapservice.geocoding.model import Precision
from mapservice.initiatives.facts import Audience, Wheelchair
from mapservice.initiatives.filters import MAX_RADIUS, AccessAsked, OpenAsked
from mapservice.initiatives.local_days import DaysAsked
from mapservice.initiatives.model import PUBLIC, Scale, Theme
from mapservice.ogc.gathering_source import LISTED
from mapservice.ogc.model import (
    AttributeKind,
    FeatureAttribute,
    GatheringKind,
    ItemsCollection,
    QueryParameter,
    SortKey,
)
from mapservice.territories.model import OUTLINE_ZOOMS, Level
from mapservice.tiles.activity_queries import ATTRIBUTES, OWN_FIRST_ZOOMS
from mapservice.tiles.queries import DETAIL_ZOOM
from mapservice.tiles.territory_queries import LAYERS_BY_NAME

_THEMES = tuple(str(theme) for theme in Theme)
_AUDIENCES = tuple(str(audience) for audience in Audience)
_STATUSES = tuple(str(status) for status in PUBLIC)
_PRECISIONS = tuple(str(precision) for precision in Precision)
# Who told of it first, and under which terms.
_SOURCE_ATTRIBUTES = (
    FeatureAttribute("source", AttributeKind.STRING, "Where it was taken from", nullable=True),
    FeatureAttribute("source_url", AttributeKind.STRING, "Its page at the source", nullable=True),
    FeatureAttribute("licence", AttributeKind.STRING, "Licence of its source", nullable=True),
    FeatureAttribute(
        "attribution", AttributeKind.STRING, "Whom to name: source and licence", nullable=True
    ),
)
# Where an initiative or an event is.
_PLACE_ATTRIBUTES = (
    FeatureAttribute("commune", AttributeKind.STRING, "Commune, INSEE code", nullable=True),
    FeatureAttribute("commune_name", AttributeKind.STRING, "Name of the commune", nullable=True),
    FeatureAttribute("epci", AttributeKind.STRING, "EPCI, SIREN code", nullable=True),
    FeatureAttribute("departement", AttributeKind.STRING, "Département, INSEE code", nullable=True),
    FeatureAttribute("region", AttributeKind.STRING, "Région, INSEE code", nullable=True),
    FeatureAttribute("region_name", AttributeKind.STRING, "Name of the région", nullable=True),
    FeatureAttribute(
        "precision",
        AttributeKind.STRING,
        "Finest thing known of its place",
        choices=_PRECISIONS,
    ),
)

_POSITION = r"^-?[0-9]+(\.[0-9]+)?,-?[0-9]+(\.[0-9]+)?$"

THEME = QueryParameter("theme", "Themes, any of them.", _THEMES, many=True)
STATUS = QueryParameter(
    "status",
    "States, any of them. Without it: published and done, whatever `filter` says.",
    _STATUSES,
    many=True,
)
TERRITORY = QueryParameter(
    "territory",
    "Territories, any of them, as level:code, such as commune:35238; a former code means today's.",
    many=True,
    pattern=f"^({'|'.join(Level)}):[0-9A-Za-z]+$",
)
SINCE = QueryParameter(
    "since",
    "Created on this day or later (a date, or a date and time); never what has no known day.",
)
UNTIL = QueryParameter("until", "Created on this day or earlier; never what has no known day.")

_FACTS = (
    FeatureAttribute("address", AttributeKind.STRING, "Where to go, as told", nullable=True),
    FeatureAttribute(
        "opening_hours",
        AttributeKind.STRING,
        "When it is open, local time, in the syntax of OpenStreetMap",
        nullable=True,
    ),
    FeatureAttribute("start_day", AttributeKind.STRING, "Its first day, ISO 8601", nullable=True),
    FeatureAttribute("end_day", AttributeKind.STRING, "Its last day, ISO 8601", nullable=True),
    FeatureAttribute(
        "start_time", AttributeKind.STRING, "Local time of its beginning, HH:MM", nullable=True
    ),
    FeatureAttribute(
        "end_time", AttributeKind.STRING, "Local time of its end, HH:MM", nullable=True
    ),
    FeatureAttribute("is_free", AttributeKind.BOOLEAN, "Whether it costs nothing", nullable=True),
    FeatureAttribute("price", AttributeKind.STRING, "What it costs, in words", nullable=True),
    FeatureAttribute(
        "wheelchair",
        AttributeKind.STRING,
        "Access for wheelchairs",
        nullable=True,
        choices=tuple(map(str, Wheelchair)),
    ),
    FeatureAttribute("website", AttributeKind.STRING, "Its own page elsewhere", nullable=True),
    FeatureAttribute(
        "tags", AttributeKind.STRING, "Words of its author, commas between", nullable=True
    ),
    FeatureAttribute(
        "audience", AttributeKind.STRING, "Whom it is for, commas between", nullable=True
    ),
)

# Its names are those of columns of sources, so no list of parameters can hold it.
ATTRIBUTES_ASKED = (
    "Beside its parameters, `attr.NAME=value` asks what a column that a source keeps beside the"
    " fields says: `attr.Type de lieu=Ferme`, the whole value as it is shown, or a range of numbers"
    " or days with both ends, `attr.Places=10..20`, `10..`, `..2026-06-30`. All must hold."
)

INITIATIVES = ItemsCollection(
    id="initiatives",
    title="Initiatives locales",
    description=(
        "Local initiatives. The geometry is the true point, or null: a commune never becomes a"
        " pin. Spatial filters use the anchor, the label point of the finest territory known."
    ),
    attributes=(
        FeatureAttribute("id", AttributeKind.STRING, "Identifier (UUID)"),
        FeatureAttribute("title", AttributeKind.STRING, "Title"),
        FeatureAttribute("summary", AttributeKind.STRING, "Summary"),
        FeatureAttribute("theme", AttributeKind.STRING, "Theme", choices=_THEMES),
        FeatureAttribute("status", AttributeKind.STRING, "State", choices=_STATUSES),
        FeatureAttribute(
            "scale", AttributeKind.STRING, "Extent meant", choices=tuple(map(str, Scale))
        ),
        *_PLACE_ATTRIBUTES,
        FeatureAttribute("supporters", AttributeKind.INTEGER, "Confirmed supporters"),
        FeatureAttribute(
            "created_at", AttributeKind.MOMENT, "Created; null where nobody told", nullable=True
        ),
        FeatureAttribute(
            "created_period",
            AttributeKind.STRING,
            "Year or month of its creation (2022, 2022-03) where no day was told",
            nullable=True,
        ),
        FeatureAttribute(
            "updated_at",
            AttributeKind.MOMENT,
            "Last changed; null where nobody told",
            nullable=True,
        ),
        FeatureAttribute("url", AttributeKind.STRING, "Its page"),
        *_SOURCE_ATTRIBUTES,
        FeatureAttribute(
            "source_supporters",
            AttributeKind.INTEGER,
            "Supporters that the source tells, confirmed by nobody here",
            nullable=True,
        ),
        *_FACTS,
    ),
    geometry="Point",
    order=(SortKey("created_at", descending=True), SortKey("id", descending=True)),
    temporal="created_at",
    grammar=(
        QueryParameter("q", "Words to look for in the texts, French."),
        THEME,
        STATUS,
        TERRITORY,
        QueryParameter("near", "A position, longitude,latitude in degrees.", pattern=_POSITION),
        QueryParameter(
            "radius", "Metres around `near`; 10000 if it is not given.", most=MAX_RADIUS
        ),
        SINCE,
        UNTIL,
        QueryParameter("precision", "Precisions, any of them.", _PRECISIONS, many=True),
        QueryParameter(
            "when",
            "Takes place today, this week-end or this week, by the calendar of each place; past"
            " days of them are left out.",
            tuple(map(str, DaysAsked)),
        ),
        QueryParameter(
            "open",
            "Open at this minute, by the clock of each place; never what tells no hours, nor a"
            " public holiday that its hours do not speak of.",
            tuple(map(str, OpenAsked)),
        ),
        QueryParameter(
            "access",
            "Accessible to all of these, as somebody told; not what is so in part.",
            tuple(map(str, AccessAsked)),
            many=True,
        ),
        QueryParameter("tag", "Tags, any of them, commas between, as `tags` holds them."),
        QueryParameter("audience", "Audiences, any of them.", _AUDIENCES, many=True),
    ),
    zooms=(0, DETAIL_ZOOM),
    tiled=(
        FeatureAttribute(
            "id", AttributeKind.STRING, "UUID of an initiative shown by itself", nullable=True
        ),
        FeatureAttribute("title", AttributeKind.STRING, "Its title", nullable=True),
        FeatureAttribute(
            "theme", AttributeKind.STRING, "Its theme", nullable=True, choices=_THEMES
        ),
        FeatureAttribute(
            "status", AttributeKind.STRING, "Its state", nullable=True, choices=_STATUSES
        ),
        FeatureAttribute(
            "precision", AttributeKind.STRING, "Finest thing known of its place", nullable=True
        ),
        FeatureAttribute(
            "territory", AttributeKind.STRING, "Code of that territory", nullable=True
        ),
        FeatureAttribute("count", AttributeKind.INTEGER, "1, or how many a cluster stands for"),
        *(
            FeatureAttribute(
                theme, AttributeKind.INTEGER, f"How many of a cluster have {theme}", nullable=True
            )
            for theme in _THEMES
        ),
    ),
)

# What events and groups share with initiatives.
_ABOUT = (
    QueryParameter("q", "Words to look for in the texts, French."),
    THEME,
    TERRITORY,
    QueryParameter("near", "A position, longitude,latitude in degrees.", pattern=_POSITION),
    QueryParameter("radius", "Metres around `near`; 10000 if it is not given.", most=MAX_RADIUS),
)
_EVENT_STATUSES = LISTED
EVENTS = ItemsCollection(
    id="events",
    title="Événements locaux",
    description=(
        "Local events, each occurrence by itself, past ones too. The geometry is the true point, or"
        " null. Spatial filters use the anchor, as of initiatives; `datetime` meets what is under"
        " way then."
    ),
    attributes=(
        FeatureAttribute("id", AttributeKind.STRING, "Identifier (UUID)"),
        FeatureAttribute("title", AttributeKind.STRING, "Title"),
        FeatureAttribute("summary", AttributeKind.STRING, "Summary"),
        FeatureAttribute("theme", AttributeKind.STRING, "Theme", choices=_THEMES),
        FeatureAttribute("status", AttributeKind.STRING, "State", choices=_EVENT_STATUSES),
        FeatureAttribute(
            "mode",
            AttributeKind.STRING,
            "On the spot, online, or both",
            choices=("place", "online", "both"),
        ),
        FeatureAttribute("starts_at", AttributeKind.MOMENT, "Begins"),
        FeatureAttribute("ends_at", AttributeKind.MOMENT, "Ends"),
        FeatureAttribute("zone", AttributeKind.STRING, "Time zone of its clocks (IANA)"),
        *_PLACE_ATTRIBUTES,
        FeatureAttribute("place_text", AttributeKind.STRING, "Place as its organiser wrote it"),
        FeatureAttribute(
            "registration",
            AttributeKind.STRING,
            "How one registers",
            choices=("none", "open", "approval", "external"),
        ),
        FeatureAttribute(
            "capacity", AttributeKind.INTEGER, "Seats; null: not counted", nullable=True
        ),
        *_SOURCE_ATTRIBUTES,
        FeatureAttribute("updated_at", AttributeKind.MOMENT, "Last changed"),
        FeatureAttribute("url", AttributeKind.STRING, "Its page"),
    ),
    geometry="Point",
    order=(SortKey("starts_at"), SortKey("id")),
    gathering=GatheringKind.EVENTS,
    temporal="starts_at",
    grammar=_ABOUT,
)

GROUPS = ItemsCollection(
    id="groups",
    title="Groupes locaux",
    description=(
        "Local groups that are not archived. The geometry is the true point, or null. Spatial"
        " filters use the anchor, as of initiatives; `datetime` meets when they were published."
    ),
    attributes=(
        FeatureAttribute("id", AttributeKind.STRING, "Identifier (UUID)"),
        FeatureAttribute("name", AttributeKind.STRING, "Name"),
        FeatureAttribute("summary", AttributeKind.STRING, "Summary"),
        FeatureAttribute("theme", AttributeKind.STRING, "Theme", choices=_THEMES),
        FeatureAttribute(
            "openness",
            AttributeKind.STRING,
            "How one becomes a member",
            choices=("open", "moderated", "invitation"),
        ),
        FeatureAttribute(
            "area",
            AttributeKind.STRING,
            "What it is for: its place (commune), or the whole territory around it",
            choices=tuple(str(scale) for scale in Scale),
        ),
        *_PLACE_ATTRIBUTES,
        FeatureAttribute("place_text", AttributeKind.STRING, "Place as its organiser wrote it"),
        FeatureAttribute("members", AttributeKind.INTEGER, "Members who confirmed"),
        FeatureAttribute(
            "last_sign_at",
            AttributeKind.MOMENT,
            "Last sign of an organiser; dormant after 183 days without one",
        ),
        *_SOURCE_ATTRIBUTES,
        FeatureAttribute("published_at", AttributeKind.MOMENT, "Published"),
        FeatureAttribute("updated_at", AttributeKind.MOMENT, "Last changed"),
        FeatureAttribute("url", AttributeKind.STRING, "Its page"),
    ),
    geometry="Point",
    order=(SortKey("published_at", descending=True), SortKey("id", descending=True)),
    gathering=GatheringKind.GROUPS,
    temporal="published_at",
    grammar=_ABOUT,
)

_PLACE = (
    FeatureAttribute("code", AttributeKind.STRING, "INSEE or SIREN code"),
    FeatureAttribute("name", AttributeKind.STRING, "Name"),
    FeatureAttribute(
        "population", AttributeKind.INTEGER, "Inhabitants; null where unknown", nullable=True
    ),
    FeatureAttribute(
        "population_year",
        AttributeKind.INTEGER,
        "Year that the inhabitants are of; null where unknown, or of several",
        nullable=True,
    ),
)
_EPCI = FeatureAttribute("epci", AttributeKind.STRING, "EPCI, SIREN code", nullable=True)
_DEPARTEMENT = FeatureAttribute(
    "departement", AttributeKind.STRING, "Département, INSEE code", nullable=True
)
_REGION = FeatureAttribute("region", AttributeKind.STRING, "Région, INSEE code", nullable=True)
_APPROXIMATE = FeatureAttribute(
    "approximate", AttributeKind.BOOLEAN, "Whether the outline was rebuilt"
)
_YEAR = FeatureAttribute("cog_year", AttributeKind.INTEGER, "Year of the official code")
_POSTCODES = FeatureAttribute("postcodes", AttributeKind.LIST, "Postal codes")

_FIGURES = (
    FeatureAttribute(
        "initiatives", AttributeKind.INTEGER, "Initiatives; 0 says that there is none"
    ),
    FeatureAttribute(
        "supporters", AttributeKind.INTEGER, "Confirmed supporters; 0 says that there is none"
    ),
    FeatureAttribute(
        "per_10000_inhabitants",
        AttributeKind.NUMBER,
        "Initiatives per 10,000 inhabitants; null where nobody lives, or how many is unknown",
        nullable=True,
    ),
)
_PARENTS = {
    Level.COMMUNE: (_EPCI, _DEPARTEMENT, _REGION),
    Level.EPCI: (),
    Level.DEPARTEMENT: (_REGION,),
    Level.REGION: (),
}
_WORDS = {
    Level.COMMUNE: ("communes", "Communes"),
    Level.EPCI: ("epcis", "Intercommunalités (EPCI)"),
    Level.DEPARTEMENT: ("departements", "Départements"),
    Level.REGION: ("regions", "Régions"),
}
# What full outlines replace the simplified ones from.
_LAST_ZOOM = max(OUTLINE_ZOOMS) + 1


def _territories(level: Level) -> ItemsCollection:
    name, title = _WORDS[level]
    postcodes = (_POSTCODES,) if level is Level.COMMUNE else ()
    attributes = (*_PLACE, *_PARENTS[level], *postcodes, _APPROXIMATE, _YEAR)
    layer = LAYERS_BY_NAME[name]
    return ItemsCollection(
        id=name,
        title=title,
        description="Official territories of France and their outlines (INSEE, IGN).",
        attributes=attributes,
        geometry="MultiPolygon",
        order=(SortKey("code"),),
        level=level,
        zooms=(layer.first_zoom, _LAST_ZOOM),
        tiled=tuple(one for one in attributes if one.name in layer.attributes),
    )


def _activity(level: Level) -> ItemsCollection:
    attributes = (*_PLACE, *_PARENTS[level], *_FIGURES)
    return ItemsCollection(
        id=f"activity-{level}",
        title=f"Activité : {_WORDS[level][1].lower()}",
        description=(
            "Initiatives and supporters per territory, with outlines. `theme`, `status`, `since`"
            " and `until` say what is counted; a territory with none shows zeros."
        ),
        attributes=attributes,
        geometry="MultiPolygon",
        order=(SortKey("code"),),
        level=level,
        counted=True,
        grammar=(THEME, STATUS, SINCE, UNTIL),
        zooms=(OWN_FIRST_ZOOMS[level], _LAST_ZOOM),
        tiled=tuple(one for one in attributes if one.name in ATTRIBUTES),
    )


COLLECTIONS = {
    one.id: one
    for one in (INITIATIVES, EVENTS, GROUPS, *map(_territories, Level), *map(_activity, Level))
}


def collection_named(name: str) -> ItemsCollection:
    """Raises NotFound for a name that is no collection's."""
    if name not in COLLECTIONS:
        raise NotFound(f"There is no collection {name[:50]!r}; see /ogc/collections.")
    return COLLECTIONS[name]
