"""Colours of classes: those of static/css, for whatever is drawn here and not by a browser."""

from collections.abc import Mapping, Sequence

# By tint of a drawing, then by scale: figures, time since the last one, change, density.
SCALES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "claire": {
        "figure": ("#efe0b4", "#bfd3a6", "#7dbba5", "#3a939b", "#1a5f7a"),
        "late": ("#1a5f7a", "#3a939b", "#7dbba5", "#bfd3a6", "#efe0b4"),
        "shift": ("#b4590b", "#eeb267", "#efece6", "#b0a6d4", "#5a3b93"),
        "heat": ("#f6dfae", "#efb26c", "#dd7a3c", "#b23c1d", "#6d1a10"),
    },
    "sombre": {
        "figure": ("#5a533a", "#4f7050", "#45907f", "#5cb9b3", "#a4e6de"),
        "late": ("#a4e6de", "#5cb9b3", "#45907f", "#4f7050", "#5a533a"),
        "shift": ("#e8862c", "#8f5f2c", "#3a464c", "#6a5fa3", "#b6a4f2"),
        "heat": ("#4f3526", "#7d4527", "#b45b2c", "#e5925a", "#ffe0b8"),
    },
}
# Land under all of it, also between the lines of a hatching.
GROUND = {"claire": "#faf8f2", "sombre": "#222f35"}
HATCH = {"claire": "#a9b0ad", "sombre": "#54656e"}
UNKNOWNS = {"claire": "#c9ced0", "sombre": "#4a575d"}
# Classes count from 1 on.
UNKNOWN, NOTHING = -1, 0


def fill_of(number: int, scale: str = "figure", tint: str = "claire") -> str:
    """A colour, or the pattern named `hatch` of the document."""
    if number == UNKNOWN:
        return UNKNOWNS[tint]
    return SCALES[tint][scale][number - 1] if number else "url(#hatch)"
