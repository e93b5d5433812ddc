"""The collections, declared once: for requests, for queryables and for the OpenAPI document."""

from mapservice.errors import NotFound
from mapservice.geocoding.model import Precision
from mapservice.initiatives.filters import MAX_RADIUS
from mapservice.initiatives.model import PUBLIC, Scale, Theme
from mapservice.ogc.model import Attribute, Collection, Kind, Parameter, SortKey
from mapservice.territories.model import OUTLINE_ZOOMS, Level
from mapservice.tiles.activity_queries import ATTRIBUTES, OWN_FIRST_ZOOMS
from mapservice.tiles.queries import DETAIL_ZOOM
from mapservice.tiles.territory_queries import LAYERS_BY_NAME

_THEMES = tuple(str(theme) for theme in Theme)
_STATUSES = tuple(str(status) for status in PUBLIC)
_PRECISIONS = tuple(str(precision) for precision in Precision)

_POSITION = r"^-?[0-9]+(\.[0-9]+)?,-?[0-9]+(\.[0-9]+)?$"

THEME = Parameter("theme", "Themes, any of them.", _THEMES, many=True)
STATUS = Parameter(
    "status",
    "States, any of them. Without it: published and done, whatever `filter` says.",
    _STATUSES,
    many=True,
)
TERRITORY = Parameter(
    "territory",
    "Territories, any of them, as level:code, such as commune:35238; a former code means today's.",
    many=True,
    pattern=f"^({'|'.join(Level)}):[0-9A-Za-z]+$",
)
SINCE = Parameter(
    "since",
    "Created on this day or later (a date, or a date and time); never what has no known day.",
)
UNTIL = Parameter("until", "Created on this day or earlier; never what has no known day.")

INITIATIVES = Collection(
    id="initiatives",
    title="Initiatives locales",
    description=(
        "Local initiatives. The geometry is the true point, or null: a commune never becomes a"
        " pin. Spatial filters use the anchor, the label point of the finest territory known."
    ),
    attributes=(
        Attribute("id", Kind.STRING, "Identifier (UUID)"),
        Attribute("title", Kind.STRING, "Title"),
        Attribute("summary", Kind.STRING, "Summary"),
        Attribute("theme", Kind.STRING, "Theme", choices=_THEMES),
        Attribute("status", Kind.STRING, "State", choices=_STATUSES),
        Attribute("scale", Kind.STRING, "Extent meant", choices=tuple(map(str, Scale))),
        Attribute("commune", Kind.STRING, "Commune, INSEE code", nullable=True),
        Attribute("commune_name", Kind.STRING, "Name of the commune", nullable=True),
        Attribute("epci", Kind.STRING, "EPCI, SIREN code", nullable=True),
        Attribute("departement", Kind.STRING, "Département, INSEE code", nullable=True),
        Attribute("region", Kind.STRING, "Région, INSEE code", nullable=True),
        Attribute("region_name", Kind.STRING, "Name of the région", nullable=True),
        Attribute("precision", Kind.STRING, "Finest thing known of its place", choices=_PRECISIONS),
        Attribute("supporters", Kind.INTEGER, "Confirmed supporters"),
        Attribute("created_at", Kind.MOMENT, "Created; null where nobody told", nullable=True),
        Attribute(
            "created_period",
            Kind.STRING,
            "Year or month of its creation (2022, 2022-03) where no day was told",
            nullable=True,
        ),
        Attribute("updated_at", Kind.MOMENT, "Last changed; null where nobody told", nullable=True),
        Attribute("url", Kind.STRING, "Its page"),
        Attribute("source", Kind.STRING, "Where it was taken from", nullable=True),
        Attribute("source_url", Kind.STRING, "Its page at the source", nullable=True),
        Attribute("licence", Kind.STRING, "Licence of its source", nullable=True),
        Attribute("attribution", Kind.STRING, "Whom to name: source and licence", nullable=True),
        Attribute(
            "source_supporters",
            Kind.INTEGER,
            "Supporters that the source tells, confirmed by nobody here",
            nullable=True,
        ),
    ),
    geometry="Point",
    order=(SortKey("created_at", descending=True), SortKey("id", descending=True)),
    temporal="created_at",
    grammar=(
        Parameter("q", "Words to look for in the texts, French."),
        THEME,
        STATUS,
        TERRITORY,
        Parameter("near", "A position, longitude,latitude in degrees.", pattern=_POSITION),
        Parameter("radius", "Metres around `near`; 10000 if it is not given.", most=MAX_RADIUS),
        SINCE,
        UNTIL,
        Parameter("precision", "Precisions, any of them.", _PRECISIONS, many=True),
    ),
    zooms=(0, DETAIL_ZOOM),
    tiled=(
        Attribute("id", Kind.STRING, "UUID of an initiative shown by itself", nullable=True),
        Attribute("title", Kind.STRING, "Its title", nullable=True),
        Attribute("theme", Kind.STRING, "Its theme", nullable=True, choices=_THEMES),
        Attribute("status", Kind.STRING, "Its state", nullable=True, choices=_STATUSES),
        Attribute("precision", Kind.STRING, "Finest thing known of its place", nullable=True),
        Attribute("territory", Kind.STRING, "Code of that territory", nullable=True),
        Attribute("count", Kind.INTEGER, "1, or how many a cluster stands for"),
        *(
            Attribute(theme, Kind.INTEGER, f"How many of a cluster have {theme}", nullable=True)
            for theme in _THEMES
        ),
    ),
)

_PLACE = (
    Attribute("code", Kind.STRING, "INSEE or SIREN code"),
    Attribute("name", Kind.STRING, "Name"),
    Attribute("population", Kind.INTEGER, "Inhabitants; null where unknown", nullable=True),
    Attribute(
        "population_year",
        Kind.INTEGER,
        "Year that the inhabitants are of; null where unknown, or of several",
        nullable=True,
    ),
)
_EPCI = Attribute("epci", Kind.STRING, "EPCI, SIREN code", nullable=True)
_DEPARTEMENT = Attribute("departement", Kind.STRING, "Département, INSEE code", nullable=True)
_REGION = Attribute("region", Kind.STRING, "Région, INSEE code", nullable=True)
_APPROXIMATE = Attribute("approximate", Kind.BOOLEAN, "Whether the outline was rebuilt")
_YEAR = Attribute("cog_year", Kind.INTEGER, "Year of the official code")
_POSTCODES = Attribute("postcodes", Kind.LIST, "Postal codes")

_FIGURES = (
    Attribute("initiatives", Kind.INTEGER, "Initiatives; 0 says that there is none"),
    Attribute("supporters", Kind.INTEGER, "Confirmed supporters; 0 says that there is none"),
    Attribute(
        "per_10000_inhabitants",
        Kind.NUMBER,
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


def _territories(level: Level) -> Collection:
    name, title = _WORDS[level]
    postcodes = (_POSTCODES,) if level is Level.COMMUNE else ()
    attributes = (*_PLACE, *_PARENTS[level], *postcodes, _APPROXIMATE, _YEAR)
    layer = LAYERS_BY_NAME[name]
    return Collection(
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


def _activity(level: Level) -> Collection:
    attributes = (*_PLACE, *_PARENTS[level], *_FIGURES)
    return Collection(
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
    one.id: one for one in (INITIATIVES, *map(_territories, Level), *map(_activity, Level))
}


def collection_named(name: str) -> Collection:
    """Raises NotFound for a name that is no collection's."""
    if name not in COLLECTIONS:
        raise NotFound(f"There is no collection {name[:50]!r}; see /ogc/collections.")
    return COLLECTIONS[name]
