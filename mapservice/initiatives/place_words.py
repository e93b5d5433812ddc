"""Where an initiative is, in words that claim no more than is known."""

from mapservice.geocoding.matching.vocabulary import names_street
from mapservice.geocoding.model import Precision
from mapservice.i18n import gettext as _
from mapservice.i18n import metres_words
from mapservice.initiatives.place_asked import COMMUNE, PlaceAround
from mapservice.initiatives.queries import Initiative
from mapservice.territories.model import Level, in_departement, in_region, of_commune


def precision_words(initiative: Initiative) -> str:
    """Where it is, in words that claim no more than is known."""
    precision = initiative.precision
    if precision is Precision.POINT:
        if names_street(initiative.place_text):
            return _("à cette adresse, %(commune)s", commune=initiative.commune_name)
        return _("au point indiqué, %(commune)s", commune=initiative.commune_name)
    if precision is Precision.COMMUNE:
        name, article = initiative.commune_name or "", initiative.commune_article or ""
        return _("dans la commune %(of_name)s", of_name=of_commune(name, article))
    if precision is Precision.EPCI:
        return _("quelque part dans %(epci)s", epci=initiative.epci_name)
    if precision is Precision.DEPARTEMENT:
        name, article = initiative.departement_name or "", initiative.departement_article or ""
        return _("quelque part %(in_name)s", in_name=in_departement(name, article))
    if precision is Precision.REGION:
        name, article = initiative.region_name or "", initiative.region_article or ""
        return _("quelque part %(in_name)s", in_name=in_region(name, article))
    if precision is Precision.NATIONAL:
        return _("partout en France")
    return _("lieu à préciser")


def area_words(level: Level, name: str, article: str) -> str:
    """Somewhere in a territory: "quelque part en Bretagne"; `name` and `article` as kept."""
    if level is Level.COMMUNE:
        return _("quelque part dans la commune %(of_name)s", of_name=of_commune(name, article))
    if level is Level.EPCI:
        return _("quelque part dans %(epci)s", epci=name)
    in_name = in_departement if level is Level.DEPARTEMENT else in_region
    return _("quelque part %(in_name)s", in_name=in_name(name, article))


def distance_words(initiative: Initiative) -> str:
    """How far it is from the position asked for; "" unless it truly stands at a point."""
    if initiative.distance is None or initiative.precision is not Precision.POINT:
        return ""
    return _("à %(distance)s", distance=metres_words(initiative.distance))


def place_name(initiative: Initiative) -> str:
    """The name of the finest territory known, or ""."""
    names = (
        initiative.commune_name,
        initiative.epci_name if initiative.precision is Precision.EPCI else None,
        initiative.departement_name,
        initiative.region_name,
    )
    return next((name for name in names if name), "")


def around_words(around: PlaceAround | None) -> str:
    """How far around what; a commune with its département where another bears its name."""
    if around is None:
        return _("autour d’un lieu")
    if around.parameter != COMMUNE:
        return _("autour du code postal %(code)s", code=around.code)
    of_name = of_commune(around.full_name, around.article)
    count = round(around.metres / 1000)
    return _("à moins de %(count)s km %(of_name)s", count=count, of_name=of_name)
