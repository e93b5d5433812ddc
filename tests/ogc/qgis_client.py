"""What QGIS sees of a service, as JSON on standard output; run by the Python that QGIS is made for.

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 qgis_client.py http://127.0.0.1:8000

Each answer comes with the addresses that QGIS asked for it.
"""

import json
import sys
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsFeatureRequest,
    QgsGeometry,
    QgsNetworkAccessManager,
    QgsNetworkRequestParameters,
    QgsRectangle,
    QgsSelectionContext,
    QgsVectorLayer,
    QgsVectorTileLayer,
)

# Around Rennes, in metres of EPSG:3857.
TILED = QgsRectangle(-210_000, 6_110_000, -160_000, 6_150_000)
TILE_ZOOM = 9

requests: list[str] = []


def main(server: str) -> None:
    application = QgsApplication([b""], False)
    application.initQgis()
    manager = QgsNetworkAccessManager.instance()
    signal = manager.requestAboutToBeCreated[QgsNetworkRequestParameters]
    signal.connect(lambda asked: requests.append(asked.request().url().toString()))
    print(json.dumps(report(server)))
    application.exitQgis()


def report(server: str) -> dict[str, Any]:
    return {
        "whole": seen(items(server, "initiatives")),
        "theme": seen(items(server, "initiatives"), "theme = 'culture'"),
        "several": seen(
            items(server, "initiatives"), "supporters < 2 AND (title LIKE 'A%' OR commune IS NULL)"
        ),
        "time": seen(items(server, "initiatives"), "created_at > '2025-06-01T00:00:00Z'"),
        "box": boxed(items(server, "initiatives", restrictToRequestBBOX="1")),
        "communes": seen(items(server, "communes", srsname="EPSG:2154"), "departement = '35'"),
        "figures": seen(items(server, "activity-region")),
        "tiles": {
            "initiatives": tiled(f"{server}/tiles/initiatives/{{z}}/{{x}}/{{y}}.pbf"),
            "activity": tiled(f"{server}/tiles/activity/{{z}}/{{x}}/{{y}}.pbf"),
            "epcis": tiled(
                f"{server}/ogc/collections/epcis/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}"
            ),
        },
    }


def items(server: str, name: str, **options: str) -> QgsVectorLayer:
    """A layer of OGC API Features, as a user adds it."""
    words = " ".join(f"{key}='{value}'" for key, value in options.items())
    layer = QgsVectorLayer(f"url='{server}/ogc' typename='{name}' {words}", name, "OAPIF")
    if not layer.isValid():
        raise SystemExit(f"{name}: {layer.error().message()}")
    return layer


def seen(layer: QgsVectorLayer, subset: str = "") -> dict[str, Any]:
    """`count` is what QGIS says, `ids` what it reads."""
    asked()
    if subset and not layer.setSubsetString(subset):
        raise SystemExit(f"refused: {subset}")
    count = layer.featureCount()
    features = list(layer.getFeatures())
    names = [field.name() for field in layer.fields()]
    first = features[0] if features else None
    return {
        "count": count,
        "ids": [feature[names[0]] for feature in features],
        "fields": names,
        "types": [field.typeName() for field in layer.fields()],
        "first": None if first is None else [str(value) for value in first.attributes()],
        "middle": None if first is None else middle(first.geometry()),
        "crs": layer.crs().authid(),
        "requests": asked(),
    }


def boxed(layer: QgsVectorLayer) -> dict[str, Any]:
    asked()
    box = QgsFeatureRequest().setFilterRect(QgsRectangle(-2, 47, 0, 49))
    return {"ids": [one["id"] for one in layer.getFeatures(box)], "requests": asked()}


def tiled(template: str) -> list[dict[str, Any]]:
    """Attributes of what the tiles of a zoom show around Rennes."""
    layer = QgsVectorTileLayer(f"type=xyz&url={template}&zmin=0&zmax=14", "tiles")
    context = QgsSelectionContext()
    context.setScale(layer.tileMatrixSet().tileMatrix(TILE_ZOOM).scale())
    layer.selectByGeometry(QgsGeometry.fromRect(TILED), context)
    return [
        {field.name(): str(one[field.name()]) for field in one.fields()}
        for one in layer.selectedFeatures()
    ]


def middle(geometry: QgsGeometry) -> list[float] | None:
    if geometry.isNull():
        return None
    point = geometry.centroid().asPoint()
    return [point.x(), point.y()]


def asked() -> list[str]:
    """The addresses since it was last called."""
    QgsApplication.processEvents()
    found = requests.copy()
    requests.clear()
    return found


if __name__ == "__main__":
    main(sys.argv[1])
