"""The committed styles are what the package makes; the palette is that of the interface."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mapservice.settings import asset_folder, vendor_folder
from mapservice.tiles.basemap.model import StyleTheme, TileSchema
from mapservice.tiles.basemap.palette import GROUND, TOKENS, palette

STYLES = asset_folder("geodata") / "basemap" / "styles"
REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_styles_are_those_of_the_package_in_the_lock_file(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (vendor_folder() / "@versatiles").is_dir():
        pytest.skip("no Node, or no development packages of npm")
    script = REPOSITORY / "scripts" / "basemap-styles.mjs"
    subprocess.run([node, script, tmp_path], check=True, capture_output=True)
    for schema in TileSchema:
        assert (tmp_path / f"{schema}.json").read_text() == (STYLES / f"{schema}.json").read_text()


def test_the_sea_of_an_archive_is_the_sea_of_our_ground() -> None:
    css = TOKENS.read_text()
    by_day, by_night = re.findall(r"--water: (#[0-9a-f]{6});", css)
    assert palette(StyleTheme.LIGHT)["water"] == by_day
    assert palette(StyleTheme.DARK)["water"] == by_night


@pytest.mark.parametrize("theme", list(StyleTheme))
def test_every_colour_that_a_style_names_is_in_each_palette(theme: StyleTheme) -> None:
    named = {
        name
        for schema in TileSchema
        for name in re.findall(r'"@([\w-]+)"', (STYLES / f"{schema}.json").read_text())
    }
    assert named <= palette(theme).keys()


def saturation(colour: str) -> float:
    """Of a colour as a share of its brightness: 0 for grey, 1 for a pure hue."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return (max(parts) - min(parts)) / max(max(parts), 1)


@pytest.mark.parametrize("theme", [StyleTheme.LIGHT, StyleTheme.DARK])
def test_initiatives_are_the_most_saturated_thing_on_the_map(theme: StyleTheme) -> None:
    colours = palette(theme)
    areas = {name for name in GROUND[theme] if not name.endswith(("label", "border"))}
    assert max(saturation(colours[name]) for name in areas) < saturation(colours["initiative"])
    assert max(saturation(colours[name]) for name in areas) < 0.4


def test_a_name_is_read_on_its_halo() -> None:
    """Contrast of WCAG 2: 4.5 for names of places, 3 for those that only help to find one's way."""
    for theme in StyleTheme:
        colours = palette(theme)
        assert contrast(colours["label"], colours["halo"]) >= 4.5
        assert contrast(colours["label-quiet"], colours["halo"]) >= 3
        assert contrast(colours["water-label"], colours["halo"]) >= 3


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    linear = []
    for at in (1, 3, 5):
        part = int(colour[at : at + 2], 16) / 255
        linear.append(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_styles_are_thin() -> None:
    for schema in TileSchema:
        layers = json.loads((STYLES / f"{schema}.json").read_text())
        assert 80 <= len(layers) <= 130
        assert not any(layer["id"].startswith(("base-poi", "base-marking")) for layer in layers)
