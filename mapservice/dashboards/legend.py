"""What each class of a shaded map is called: one list for pages, drawings and their keys."""

from collections.abc import Sequence
from itertools import pairwise

from mapservice.dashboards.classes import NOTHING, UNKNOWN
from mapservice.dashboards.model import SHARED, DashboardFigure
from mapservice.i18n.text import gettext as _
from mapservice.i18n.text import number, percent

# A class (1 and on, 0 for none, -1 for unknown) and its words.
Key = tuple[int, str]


def title(figure: DashboardFigure) -> str:
    return {
        DashboardFigure.INITIATIVES: _("Initiatives"),
        DashboardFigure.RATE: _("Initiatives pour 10 000 habitants, taux lissé"),
        DashboardFigure.SUPPORTERS: _("Soutiens"),
        DashboardFigure.LOCAL: _("Soutiens d’ici, part lissée"),
        DashboardFigure.RECENT: _("Nouvelles en 90 jours"),
        DashboardFigure.CHANGE: _("Évolution sur un an"),
        DashboardFigure.SILENT: _("Communes silencieuses, part lissée"),
        DashboardFigure.LAST: _("Dernière initiative"),
    }[figure]


def keys(figure: DashboardFigure, breaks: Sequence[float], *, unknown: bool = True) -> list[Key]:
    """In the order of a key: none first, unknown last. `unknown`: some territory is."""
    if figure is DashboardFigure.CHANGE:
        found = _fixed(
            _("baisse de moitié ou plus"),
            _("baisse"),
            _("écart que le hasard explique"),
            _("hausse"),
            _("hausse de moitié ou plus"),
        )
        found.append((NOTHING, _("rien, ni cette année ni l’an dernier")))
        return [*found, *_unknown(_("pas encore un an de recul"), shown=unknown)]
    if figure is DashboardFigure.LAST:
        found = _fixed(
            _("ce mois-ci"),
            _("il y a 1 à 2 mois"),
            _("3 à 5 mois"),
            _("6 à 11 mois"),
            _("un an ou plus"),
        )
        found.append((NOTHING, _("aucune")))
        return [*found, *_unknown(_("date inconnue"), shown=unknown)]
    supports = figure in (DashboardFigure.SUPPORTERS, DashboardFigure.LOCAL)
    found = [(NOTHING, _("aucun") if supports else _("aucune"))]
    found += _classes(figure, breaks, _("au moins un") if supports else _("au moins une"))
    if figure in (DashboardFigure.RATE, DashboardFigure.SILENT):
        found += _unknown(_("inconnu : sans habitant, ou population inconnue"), shown=unknown)
    if figure is DashboardFigure.LOCAL:
        found += _unknown(_("inconnu : personne n’a dit sa commune"), shown=unknown)
    return found


def density_title(radius: int) -> str:
    return _("Initiatives à moins de %(km)s km", km=radius)


def density_keys(breaks: Sequence[float]) -> list[Key]:
    return [
        (NOTHING, _("aucune")),
        *_classes(DashboardFigure.INITIATIVES, breaks, _("au moins une")),
    ]


def scale(figure: DashboardFigure | None) -> str:
    """Which colours a map has; None is the density."""
    if figure is None:
        return "heat"
    return {DashboardFigure.CHANGE: "shift", DashboardFigure.LAST: "late"}.get(figure, "figure")


def _fixed(*words: str) -> list[Key]:
    return list(enumerate(words, start=1))


def _unknown(words: str, *, shown: bool) -> list[Key]:
    return [(UNKNOWN, words)] if shown else []


def _classes(figure: DashboardFigure, breaks: Sequence[float], one: str) -> list[Key]:
    if not breaks:
        return [(1, one)]
    bounds = [percent(bound, 1) if figure in SHARED else number(bound) for bound in breaks]
    first = [(1, _("moins de %(bound)s", bound=bounds[0]))]
    middle = [(at, f"{low} – {high}") for at, (low, high) in enumerate(pairwise(bounds), start=2)]
    return [*first, *middle, (len(bounds) + 1, f"{bounds[-1]} {_('et plus')}")]
