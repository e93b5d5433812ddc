"""The initiatives of these tests: at a point, in a commune, somewhere in a région, not public."""

from tests.web.population import Made

GARDEN = Made(
    id="0197f000-0000-4000-8000-00000000e001",
    title="Jardin <b>& verger</b>",
    summary='Des arbres "anciens"',
    precision="point",
    commune="35238",
    lon=-1.675,
    lat=48.111,
    theme="environnement",
)
CHOIR = Made(
    id="0197f000-0000-4000-8000-00000000e002", title="Chorale", commune="35051", theme="culture"
)
REGIONAL = Made(
    id="0197f000-0000-4000-8000-00000000e003",
    title="Cars du soir",
    precision="region",
    region="53",
    theme="mobilite",
)
DRAFT = Made(
    id="0197f000-0000-4000-8000-00000000e004",
    title="Brouillon",
    commune="35238",
    status="pending",
)
