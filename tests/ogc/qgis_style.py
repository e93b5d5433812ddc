"""What QGIS makes of a style at an address, as JSON; run by the Python that QGIS is made for.

QT_QPA_PLATFORM=offscreen /usr/bin/python3 qgis_style.py STYLE TILES
"""

import json
import sys

from qgis.core import QgsApplication, QgsVectorTileLayer


def main(style: str, tiles: str) -> None:
    application = QgsApplication([b""], False)
    application.initQgis()
    layer = QgsVectorTileLayer(f"type=xyz&url={tiles}&zmin=0&zmax=14&styleUrl={style}", "tiles")
    words, loaded = layer.loadDefaultStyle()
    styles = [*layer.renderer().styles(), *layer.labeling().styles()]
    told = {
        "valid": layer.isValid(),
        "loaded": loaded,
        "words": words,
        "filters": {one.styleName(): one.filterExpression() for one in styles},
        "colours": {
            one.styleName(): one.symbol().color().name() for one in layer.renderer().styles()
        },
    }
    print(json.dumps(told))
    application.exitQgis()


if __name__ == "__main__":
    main(*sys.argv[1:])
