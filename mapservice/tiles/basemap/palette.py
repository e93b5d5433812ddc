"""Colours of maps: those of the interface (static/css/tokens.css), and those of a base map alone.

A base map is the least saturated thing on a page and its initiatives the most.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from mapservice.tiles.basemap.model import StyleTheme

TOKENS = Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css"
DARK = "@media (prefers-color-scheme: dark)"
PRINT = "@media print"

# By the names that geodata/basemap/styles give them; what is missing here is a token.
GROUND: Mapping[StyleTheme, Mapping[str, str]] = {
    StyleTheme.LIGHT: {
        "water-label": "#56788a",
        "forest": "#dbe5cc",
        "green": "#e3ebd3",
        "field": "#f6f4e9",
        "sand": "#f4edda",
        "ice": "#edf3f4",
        "built-up": "#f0eade",
        "site": "#efeae0",
        "building": "#e1d9ca",
        "road-small": "#ffffff",
        "road-middle": "#ffffff",
        "road-major": "#fdf1d0",
        "road-motorway": "#f6e0b0",
        "road-edge": "#cdc5b4",
        "road-tunnel": "#e7e1d4",
        "path": "#cdc3b0",
        "rail": "#b5afa3",
        "ferry": "#aac4ce",
        "border": "#97a3a8",
    },
    StyleTheme.DARK: {
        "water-label": "#7893a0",
        "forest": "#22342f",
        "green": "#263833",
        "field": "#243137",
        "sand": "#2c3434",
        "ice": "#2b3a41",
        "built-up": "#27353c",
        "site": "#29373e",
        "building": "#2f3e46",
        "road-small": "#36464e",
        "road-middle": "#3b4b53",
        "road-major": "#46555b",
        "road-motorway": "#525f61",
        "road-edge": "#1a2429",
        "road-tunnel": "#2b3940",
        "path": "#3a4a52",
        "rail": "#42525a",
        "ferry": "#26363d",
        "border": "#5f717a",
    },
    StyleTheme.PRINT: {
        "water-label": "#41606f",
        "forest": "#eef1ea",
        "green": "#f2f4ee",
        "field": "#fbfbf8",
        "sand": "#f8f6f0",
        "ice": "#f6f9fa",
        "built-up": "#f5f4f1",
        "site": "#f3f2ee",
        "building": "#dedcd7",
        "road-small": "#ffffff",
        "road-middle": "#ffffff",
        "road-major": "#ffffff",
        "road-motorway": "#f4f1ea",
        "road-edge": "#a9a9a5",
        "road-tunnel": "#eeeeeb",
        "path": "#bdbbb5",
        "rail": "#8f9090",
        "ferry": "#9db3bd",
        "border": "#5d686d",
        "water": "#dfe9ee",
        "land": "#ffffff",
        "abroad": "#f2f2ef",
        "label": "#000000",
        "label-quiet": "#3c464b",
        "label-halo": "#ffffff",
    },
}
ALIASES = {"halo": "label-halo"}


@cache
def palette(theme: StyleTheme) -> Mapping[str, str]:
    """Colours by name; on paper those of the light theme, except where the paper has its own."""
    light, dark = _tokens()
    shown = {**light, **dark} if theme == StyleTheme.DARK else light
    colours = {**shown, **GROUND[theme]}
    return colours | {alias: colours[name] for alias, name in ALIASES.items()}


@cache
def _tokens() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The colours of tokens.css by day, and those that differ at night."""
    by_day, _, rest = TOKENS.read_text(encoding="utf-8").partition(DARK)
    return _colours(by_day), _colours(rest.partition(PRINT)[0])


def _colours(css: str) -> Mapping[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", css))
