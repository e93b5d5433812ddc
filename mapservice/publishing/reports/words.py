"""The words of a report, in French: reports are made outside of any request and its language."""

from datetime import date, datetime, timedelta
from itertools import pairwise

from babel.numbers import format_decimal

from mapservice.i18n import PARIS, format_date, french_spacing, theme_label, translator
from mapservice.initiatives.model import LISTED, Status
from mapservice.publishing.reports.model import (
    ENOUGH,
    ReportCounts,
    ReportFigure,
    ReportLine,
    ReportView,
    TerritoryReport,
)
from mapservice.static_maps.archive_ground import credit_of
from mapservice.territories.model import Level, vintage

LOCALE = "fr"
FRENCH = translator(LOCALE)
STATUSES = {
    Status.PUBLISHED: "en cours",
    Status.DONE: "réalisées",
    Status.ARCHIVED: "archivées",
}
LEVELS = {
    Level.REGION: ("région", "régions"),
    Level.DEPARTEMENT: ("département", "départements"),
    Level.EPCI: ("intercommunalité", "intercommunalités"),
    Level.COMMUNE: ("commune", "communes"),
}
WITHIN = {
    Level.REGION: "la région",
    Level.DEPARTEMENT: "le département",
    Level.EPCI: "l’intercommunalité",
    Level.COMMUNE: "la commune",
}
FIGURES = {
    ReportFigure.RATE: french_spacing("Initiatives pour 10 000 habitants (teintes : taux lissé)"),
    ReportFigure.INITIATIVES: "Initiatives",
    ReportFigure.SUPPORTERS: "Soutiens",
}


def number(value: float) -> str:
    """With non-breaking spaces that every font has."""
    return str(format_decimal(value, locale=LOCALE)).replace("\u202f", "\u00a0")


# What two decimals show as 0.
LEAST_SHOWN = 0.005


def rate(figures: ReportCounts) -> str:
    """Two decimals; a dash for an unknown rate, and never 0 for a rate that is merely small."""
    if figures.rate is None:
        return "–"
    if figures.rate < LEAST_SHOWN:
        return "< 0,01" if figures.initiatives else "0"
    written = format_decimal(figures.rate, format="#,##0.00", locale=LOCALE)
    return str(written).replace("\u202f", "\u00a0")


def plural(count: int, one: str, many: str) -> str:
    return one if abs(count) < 2 else many


def counted(count: int, one: str, many: str) -> str:
    return f"{number(count)} {plural(count, one, many)}"


def cells(figures: ReportCounts) -> tuple[str, str, str, str]:
    """Initiatives, their rate, supporters and inhabitants, written alike in every form."""
    return (
        number(figures.initiatives),
        rate(figures),
        number(figures.supporters),
        "inconnu" if figures.population is None else number(figures.population),
    )


def columns(report: TerritoryReport) -> tuple[str, str, str, str]:
    """Headings of `cells`."""
    year = vintage(report.years)
    people = f"Habitants ({year})" if year else "Habitants"
    return "Initiatives", "Pour 10 000 hab.", "Soutiens", people


def name(line: ReportLine) -> str:
    return f"{line.name} (partie)" if line.partial else line.name


def rows_beside(shown: int, report: TerritoryReport) -> str:
    """Which rows are shown here, and where the others are; "" where all are shown."""
    total = len(report.lines)
    if shown >= total:
        return ""
    return french_spacing(
        f"{number(shown)} lignes sur {number(total)}, celles qui en disent le plus d’abord ; toutes"
        " sont dans les fichiers chiffres.csv et chiffres.xlsx, avec ce rapport."
    )


def at(report: TerritoryReport) -> str:
    return report.place.at if report.place else "en France"


def title(report: TerritoryReport) -> str:
    """ "Les initiatives en Bretagne, par commune"."""
    apart = f", par {LEVELS[report.view.by][0]}" if _has_parts(report.view) else ""
    return f"Les initiatives {at(report)}{apart}"


def _has_parts(view: ReportView) -> bool:
    return view.ref is None or view.ref.level is not view.by


def period(view: ReportView) -> str:
    """ "de janvier 2025 à mars 2026", by whole months."""
    first, end = view.scope.since, view.scope.until
    last = _month(end - timedelta(days=1)) if end and end > date.min else ""
    if first and last:
        return f"de {_month(first)} à {last}" if _month(first) != last else last
    if first:
        return f"depuis {_month(first)}"
    return f"jusqu’à {last}" if last else "depuis le début"


def _month(day: date) -> str:
    return str(format_date(day, "MMMM y", locale=LOCALE))


def themes(view: ReportView) -> str:
    return (
        ", ".join(theme_label(theme, FRENCH) for theme in view.filters.theme) or "tous les thèmes"
    )


def statuses(view: ReportView) -> str:
    return " ou ".join(STATUSES[status] for status in view.filters.status or LISTED)


def moment(made_at: datetime) -> str:
    """ "25 novembre 2026 à 13:05", Paris time."""
    here = made_at.astimezone(PARIS)
    return f"{format_date(here, 'd MMMM y', locale=LOCALE)} à {here:%H:%M}"


def key_figures(report: TerritoryReport) -> list[tuple[str, str]]:
    """Pairs of words and number, four at most."""
    whole, year = report.whole, vintage(report.whole.years)
    found = [
        (plural(whole.initiatives, "initiative", "initiatives"), number(whole.initiatives)),
        (f"pour 10 000 habitants ({year})" if year else "pour 10 000 habitants", rate(whole)),
        (
            plural(whole.supporters, "soutien confirmé", "soutiens confirmés"),
            number(whole.supporters),
        ),
    ]
    if _has_parts(report.view):
        level = plural(report.silent, *LEVELS[report.view.by])
        words = f"{level} sans initiative sur {number(report.lived_in)}"
        found.append((words, number(report.silent)))
    return found


def legend(report: TerritoryReport) -> list[tuple[int | None, str]]:
    """Pairs of class and words, for the classes that may occur."""
    bounds = [number(bound) for bound in report.breaks]
    supports = report.view.figure is ReportFigure.SUPPORTERS
    rows: list[tuple[int | None, str]] = [(0, "aucun" if supports else "aucune")]
    shown = {report.shade(line) for line in report.lines}
    if bounds:
        rows.append((1, f"moins de {bounds[0]}"))
        rows += [(n + 2, f"{a} – {b}") for n, (a, b) in enumerate(pairwise(bounds))]
        rows.append((len(bounds) + 1, f"{bounds[-1]} et plus"))
    elif 1 in shown:
        rows.append((1, "au moins un" if supports else "une au moins"))
    if None in shown:
        unknown = any(line.figures.population is None for line in report.lines)
        rows.append((None, "sans habitant, ou population inconnue" if unknown else "sans habitant"))
    return rows


COUNTED = """\
Sont comptées les initiatives publiques ({}) ; la période est celle de leur création, par mois
entiers. Les soutiens sont ceux qui ont été confirmés."""
COLOURS = """\
Les hachures marquent l’absence d’initiative, qui n’est pas une absence de données ; le gris, un
territoire sans habitant ou de population inconnue, donc sans taux. Les classes suivent les
ruptures naturelles des valeurs (Fisher 1958) ; deux classes voisines diffèrent plus que le hasard
ne l’explique."""
CHANCE = """\
Dans un petit territoire, une seule initiative suffit à un taux élevé : la teinte y est celle d’un
taux rapproché de l’ensemble (Clayton et Kaldor 1987) ; le tableau garde le taux brut."""
EXPLAINED = french_spacing(
    "Entre territoires ordinaires, le hasard suffirait à expliquer les écarts : la carte n’a donc "
    "qu’une teinte."
)
PARTS_OF_EPCI = """\
Une intercommunalité à cheval compte ici pour sa partie {} : initiatives, soutiens, habitants et
contour sont ceux des communes qu’elle y a."""
READING = """\
D’abord les territoires d’au moins {} habitants, par taux ; puis les autres, par population."""
OVERSEAS = "La carte montre l’Hexagone et la Corse ; l’outre-mer est dans le tableau."
DRAWN = """\
Carte dessinée avec Leaflet (licence BSD-2) et folium (MIT) ; caractères Atkinson Hyperlegible Next
(OFL 1.1)."""


def made_up(report: TerritoryReport) -> str:
    """A warning for what tells of invented initiatives, "" for none."""
    which = {"all": "ces initiatives", "some": "certaines de ces initiatives"}.get(report.made_up)
    return f"Données d’exemple\u00a0: {which} n’existent pas." if which else ""


def notes(report: TerritoryReport) -> list[str]:
    """How the figures are computed, a sentence or two each."""
    view = report.view
    found = [
        *filter(None, [made_up(report)]),
        COUNTED.format(statuses(view)),
        f"Une initiative compte dans {WITHIN[view.by]} où elle se situe.",
    ]
    if report.elsewhere > 0:
        words = counted(
            report.elsewhere,
            "initiative, située plus largement ou sans lieu connu, compte",
            "initiatives, situées plus largement ou sans lieu connu, comptent",
        )
        found.append(f"{words} dans le total, mais dans aucune ligne du tableau.")
    if any(line.partial for line in report.lines):
        found.append(PARTS_OF_EPCI.format(at(report)))
    if report.epci_alone:
        words = counted(
            report.epci_alone,
            "initiative n’est connue qu’à l’échelle d’une intercommunalité à cheval : elle n’est",
            "initiatives ne sont connues qu’à l’échelle d’une intercommunalité à cheval : elles ne"
            " sont",
        )
        found.append(f"{words} dans aucune ligne, ni dans le total.")

    # The years of the populations, and how many are unknown.
    years = report.years
    populations = "La source ne dit pas de quelle année sont les populations."
    if len(years) == 1:
        populations = f"Populations municipales de l’INSEE, année {years[0]}."
    elif years:
        populations = (
            f"Populations municipales de l’INSEE, de {years[0]} à {years[-1]} selon les communes :"
            " la source n’a pas la même année pour toutes."
        )
    unknown = sum(line.figures.population is None for line in report.lines)
    if unknown:
        populations += (
            f" Population inconnue : {counted(unknown, 'territoire', 'territoires')}, sans taux."
        )
    found += [populations, COLOURS, CHANCE]
    if view.figure is ReportFigure.RATE and len(report.lines) > 1:
        found.append(READING.format(number(ENOUGH)))
    if view.ref is None:
        found.append(OVERSEAS)
    return [french_spacing(note.replace("\n", " ")) for note in found]


def sources(report: TerritoryReport) -> list[str]:
    address = f" ({report.base_url})" if report.base_url else ""
    found = [f"Initiatives : {report.site_name}{address}."]
    if report.licence:
        found.append(
            f"Contours, simplifiés, et populations : {report.licence} ; code officiel géographique"
            f" {report.cog_year}."
        )
    if report.outlines.archive:
        found.append(f"Eaux de la carte : {credit_of(report.outlines.archive)}.")
    return [french_spacing(line) for line in (*found, DRAWN.replace("\n", " "))]
