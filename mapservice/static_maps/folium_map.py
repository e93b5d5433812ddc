"""The map of a report, by folium, with everything it needs inside: nothing is fetched.

folium's own templates name scripts on outside hosts. Here Leaflet, the only one that this map uses,
comes from npm with the rest of the browser files and is written into the page.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import folium
import shapely
from branca.element import Element, Figure, MacroElement
from folium.template import Template

from mapservice.settings import vendor_folder
from mapservice.static_maps import archive_ground
from mapservice.static_maps.model import LIGHT, DrawingFrame
from mapservice.static_maps.report_model import EDGE, ReportArea, fill_of
from mapservice.static_maps.waters import degrees_of, waterways_in
from mapservice.tiles.basemap.archive import ServedArchive

LAND = "#efece4"
LAND_LINE = "#97a3a8"
INK = "#1b2a33"
_IMAGE = re.compile(r"url\((images/[\w-]+\.png)\)")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MapParts:
    """HTML for the head, for the place of the map, and the script that runs after both."""

    head: str
    body: str
    script: str


def offline_map(
    areas: Sequence[ReportArea],
    ground: Sequence[dict[str, Any]],
    bounds: Sequence[float],
    names: Sequence[tuple[str, float, float, float, float]] = (),
    archive: ServedArchive | None = None,
) -> MapParts:
    """`ground` are GeoJSON geometries drawn beneath; `bounds` are W, S, E, N, EPSG:4326.

    Water and `names` (see ReportOutlines) lie above the colours. The water is that of the base
    map's archive where there is one, and ours.

    The page must have an SVG pattern `hatch`, and a script that defines `showArea`: it gets a code
    and returns what the map's popup shows.
    """
    west, south, east, north = bounds
    drawn = _OfflineMap(
        location=((south + north) / 2, (west + east) / 2),
        tiles=None,
        zoom_control=False,
        zoom_snap=0.25,
        scroll_wheel_zoom=False,
        attribution_control=False,
    )
    drawn.default_js, drawn.default_css = [], []
    figure = Figure()
    figure.add_child(drawn)

    land = {"fillColor": LAND, "fillOpacity": 1, "color": LAND_LINE, "weight": 0.8}
    features = [{"type": "Feature", "properties": {}, "geometry": one} for one in ground]
    folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        style_function=lambda _feature: land,
        interactive=False,
    ).add_to(drawn)

    weight = 0.9 if len(areas) < 150 else 0.4
    features = [
        {
            "type": "Feature",
            "id": area.code,
            "properties": {"shade": area.shade},
            "geometry": area.geometry,
        }
        for area in areas
    ]
    shown = folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        style_function=lambda feature: {
            "fillColor": fill_of(feature["properties"]["shade"]),
            "fillOpacity": 1,
            "color": EDGE,
            "weight": weight,
        },
        highlight_function=lambda _feature: {"color": INK, "weight": 2.5},
        smooth_factor=0.4,
    ).add_to(drawn)
    _water(bounds, archive).add_to(drawn)
    drawn.fit_bounds([[south, west], [north, east]], padding=(12, 12))
    finish = _Finish()
    finish.map, finish.shown = drawn.get_name(), shown.get_name()
    finish.names = [[name, *(round(n, 5) for n in place)] for name, *place in names]
    drawn.add_child(finish)
    figure.render()

    # Leaflet is written into the page: its images as data, and without its source map, which a
    # browser's tools would look for beside the page.
    leaflet = vendor_folder() / "leaflet" / "dist"
    style = (leaflet / "leaflet.css").read_text(encoding="utf-8")
    for address in set(_IMAGE.findall(style)):
        image = base64.b64encode((leaflet / address).read_bytes()).decode()
        style = style.replace(f"url({address})", f"url(data:image/png;base64,{image})")
    library = (leaflet / "leaflet.js").read_text(encoding="utf-8")
    assert "</script" not in library, "Leaflet cannot be written into a page"
    head = f"<style>{style}</style><script>{_SOURCE_MAP.sub('', library)}</script>"
    own: list[Element] = [figure.html, figure.script]
    body, script = (element.render() for element in own)
    return MapParts(head, body, script)


def _water(bounds: Sequence[float], archive: ServedArchive | None) -> Any:
    frame = DrawingFrame.around(bounds, 1000, 760)
    courses = [(way.rank, way.course) for way in waterways_in(frame, archive)]
    if archive:
        found = archive_ground.water_courses(archive, frame)
        courses += [(0 if is_area else 3, course) for is_area, course in found]
    features = [
        {
            "type": "Feature",
            "properties": {"rank": rank},
            "geometry": json.loads(shapely.to_geojson(degrees_of(course, frame))),
        }
        for rank, course in courses
        if not shapely.is_empty(course)
    ]
    return folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        style_function=lambda feature: {
            "color": LIGHT.river,
            "weight": (0, 1.8, 1.4, 1.0, 0.7)[feature["properties"]["rank"]],
            "fill": feature["properties"]["rank"] == 0,
            "fillColor": LIGHT.river,
            "fillOpacity": 1,
        },
        interactive=False,
    )


class _OfflineMap(folium.Map):
    """Without folium's head of a page, which forbids fingers to enlarge it."""

    _template = Template("""
        {% macro html(this, kwargs) %}
        <div class="folium-map" id="{{ this.get_name() }}" role="region" aria-label="Carte"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map("{{ this.get_name() }}", {
            center: {{ this.location | tojson }},
            crs: L.CRS.{{ this.crs }},
            ...{{ this.options | tojavascript }}
        });
        {% endmacro %}
    """)


class _Finish(MacroElement):
    """French words on the buttons, a scale, and what is shown of an area under the pointer.

    `map` and `shown` are names that folium gave to variables of the script.
    """

    _template = Template("""
        {% macro script(this, kwargs) %}
        L.control.zoom({zoomInTitle: "Agrandir", zoomOutTitle: "Réduire"}).addTo({{ this.map }});
        L.control.scale({imperial: false}).addTo({{ this.map }});
        // Paper is narrower than the screen: all of the map is to be on it.
        const {{ this.map }}_bounds = {{ this.map }}.getBounds();
        const {{ this.map }}_refit = () => {
            {{ this.map }}.invalidateSize({animate: false});
            {{ this.map }}.fitBounds({{ this.map }}_bounds, {animate: false});
        };
        matchMedia("print").addEventListener("change", {{ this.map }}_refit);
        addEventListener("beforeprint", {{ this.map }}_refit);
        for (const [name, lon, lat, right, down] of {{ this.names | tojson }}) {
            const html = document.createElement("span");
            html.textContent = name;
            const icon = L.divIcon({
                className: "town-name", html, iconSize: [0, 0], iconAnchor: [-right, -down]
            });
            L.marker([lat, lon], {icon, interactive: false, keyboard: false})
                .addTo({{ this.map }});
        }
        {{ this.shown }}.bindTooltip(function (layer) {
            return showArea(layer.feature.id, false);
        }, {sticky: true, opacity: 1});
        {{ this.shown }}.bindPopup(function (layer) {
            return showArea(layer.feature.id, true);
        }, {maxWidth: 300});
        {% endmacro %}
    """)

    map: str
    shown: str
    names: list[list[Any]]
