"""What is drawn on the server has the colours that the browser reads from the style sheets."""

import re
from pathlib import Path

import pytest

from mapservice.static_maps.shades import GROUND, HATCH, SCALES, UNKNOWNS, fill_of

CSS = Path(__file__).resolve().parents[2] / "mapservice" / "static" / "css"
DARK = "@media (prefers-color-scheme: dark)"


def tokens(tint: str) -> dict[str, str]:
    """Custom properties with a colour, as one tint has them."""
    found: dict[str, str] = {}
    for name in ("tokens.css", "territory.css", "coordination.css"):
        light, _, rest = (CSS / name).read_text().partition(DARK)
        dark = rest.partition("\n}\n")[0]
        for part in (light, dark) if tint == "sombre" else (light,):
            found |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
    return found


@pytest.mark.parametrize("tint", ["claire", "sombre"])
def test_drawings_have_the_colours_of_pages(tint: str) -> None:
    known = tokens(tint)
    for scale in ("figure", "shift", "heat"):
        assert list(SCALES[tint][scale]) == [known[f"{scale}-{number}"] for number in range(1, 6)]
    assert list(SCALES[tint]["late"]) == list(reversed(SCALES[tint]["figure"]))
    assert (GROUND[tint], HATCH[tint], UNKNOWNS[tint]) == (
        known["land"],
        known["figure-hatch"],
        known["unknown"],
    )


def test_none_is_hatched_and_unknown_is_grey_in_every_scale() -> None:
    for tint, scales in SCALES.items():
        for scale, colours in scales.items():
            assert fill_of(0, scale, tint) == "url(#hatch)"
            assert fill_of(-1, scale, tint) == UNKNOWNS[tint]
            assert UNKNOWNS[tint] not in colours
            assert [fill_of(number, scale, tint) for number in range(1, 6)] == list(colours)
